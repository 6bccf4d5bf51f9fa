// The official SDK 1.x: the initialize family of editions.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

import { scratch } from './lib/casemate.mjs';
import { processesWith, uniqueSleep, until } from './lib/facts.mjs';
import { tapped } from './lib/tap.mjs';

async function connect(t) {
  const place = scratch(t);
  const transport = new StdioClientTransport({ command: tapped(place), args: ['serve'], env: place.env });
  const client = new Client({ name: 'e2e', version: '1' });
  place.closing(() => client.close());
  await client.connect(transport);
  return { client, place };
}
const run = (client, args, options) => client.callTool({ name: 'run', arguments: args }, undefined, options);

test('lists the tools', async (t) => {
  const { client } = await connect(t);
  assert.equal(client.getServerVersion().name, 'casemate');
  const { tools } = await client.listTools();
  assert.deepEqual(tools.map((tool) => tool.name), ['run', 'profile_list', 'policy_explain', 'job_status', 'job_output', 'job_cancel']);
});

test('runs code in each language that is installed', async (t) => {
  const { client } = await connect(t);
  await client.listTools(); // from here on the client checks structuredContent against outputSchema
  const snippets = {
    python: 'print(6 * 7)',
    bash: 'echo $((6 * 7))',
    c: '#include <stdio.h>\nint main(void) { printf("%d\\n", 6 * 7); return 0; }',
    cpp: '#include <iostream>\nint main() { std::cout << 6 * 7 << std::endl; }',
  };
  for (const [language, code] of Object.entries(snippets)) {
    const result = await run(client, { language, code });
    assert.equal(result.isError, false, JSON.stringify(result));
    assert.equal(result.structuredContent.stdout, '42\n', language);
    assert.equal(result.structuredContent.exit_code, 0);
  }
});

test('javascript runs, or the refusal names what to install', async (t) => {
  const { client } = await connect(t);
  const result = await run(client, { language: 'javascript', code: 'console.log(6 * 7)' });
  if (result.isError) {
    assert.match(result.structuredContent.error.remedy, /nodejs/);
  } else {
    assert.equal(result.structuredContent.stdout, '42\n');
  }
});

test('a failing command is a normal result', async (t) => {
  const { client } = await connect(t);
  const { isError, structuredContent } = await run(client, { command: ['sh', '-c', 'echo no >&2; exit 3'] });
  assert.equal(isError, false);
  assert.equal(structuredContent.exit_code, 3);
  assert.equal(structuredContent.stderr, 'no\n');
  assert.ok(structuredContent.audit_seq > 0);
  assert.match(structuredContent.decision_id, /^[0-9a-f]{32}$/);
  assert.ok(structuredContent.isolation.layers.length > 5);
});

test('stdin, env and files reach the command', async (t) => {
  const { client } = await connect(t);
  const { structuredContent } = await run(client, {
    command: ['sh', '-c', 'cat; echo $GREETING; cat sub/a.txt; od -An -tx1 b.bin'],
    stdin: 'in\n',
    env: { GREETING: 'hi' },
    files: [
      { path: 'sub/a.txt', content: 'file\n' },
      { path: 'b.bin', content_base64: 'AP8=' },
    ],
  });
  assert.equal(structuredContent.stdout, 'in\nhi\nfile\n 00 ff\n');
});

test('a workspace below a root is used, one elsewhere is refused with the way out', async (t) => {
  const { client, place } = await connect(t);
  const fine = await run(client, { command: ['sh', '-c', 'echo made > made.txt'], workspace: place.work });
  assert.equal(fine.isError, false, JSON.stringify(fine));
  assert.equal(fs.readFileSync(`${place.work}/made.txt`, 'utf8'), 'made\n');
  assert.equal(fs.statSync(`${place.work}/made.txt`).uid, process.getuid());

  const refused = await run(client, { command: ['ls'], workspace: '/etc' });
  assert.equal(refused.isError, true);
  assert.match(refused.structuredContent.error.remedy, /workspace_roots: \[\/etc\]/);
});

test('bad arguments name the field', async (t) => {
  const { client } = await connect(t);
  for (const [args, field] of [
    [{}, 'command'],
    [{ command: ['a'], code: 'b', language: 'bash' }, 'command'],
    [{ command: 'ls' }, 'command'],
    [{ command: ['ls'], limits: { pids: 'many' } }, 'limits.pids'],
    [{ command: ['ls'], comand: 1 }, 'comand'],
    [{ command: ['ls'], files: [{ path: '../x', content: '' }] }, 'files'],
    [{ command: ['ls'], profile: 'defalt' }, 'profile'],
  ]) {
    const result = await run(client, args);
    assert.equal(result.isError, true, JSON.stringify(args));
    assert.ok(result.content[0].text.includes(field), result.content[0].text);
  }
});

test('limits stop a command and say how to go on', async (t) => {
  const { client } = await connect(t);
  const late = await run(client, { command: ['sleep', '1000'], timeout_ms: 300 });
  assert.equal(late.isError, true);
  assert.equal(late.structuredContent.status, 'timed_out');
  assert.ok(late.structuredContent.error.remedy.length > 0);

  const loud = await run(client, { command: ['sh', '-c', 'yes | head -c 10000000'], limits: { output_kb: 4 } });
  assert.equal(loud.structuredContent.truncated.stdout, true);
  assert.equal(loud.structuredContent.stdout_bytes, 10000000);
  assert.ok(loud.structuredContent.stdout.length < 6000);
});

test('output comes as progress while the command runs', async (t) => {
  const { client } = await connect(t);
  const seen = [];
  await run(
    client,
    { command: ['sh', '-c', 'for i in 1 2 3; do echo line $i; sleep 0.3; done'] },
    { onprogress: (progress) => seen.push(progress) },
  );
  assert.match(seen.map((p) => p.message).join(''), /line 1[^]*line 2[^]*line 3/);
  for (let i = 1; i < seen.length; i++) assert.ok(seen[i].progress > seen[i - 1].progress);
});

test('a cancelled call ends at once, and nothing of it is left', async (t) => {
  const { client } = await connect(t);
  const marker = uniqueSleep();
  const abort = new AbortController();
  const call = run(
    client,
    { command: ['sh', '-c', `echo started; sleep ${marker} & wait`] },
    { signal: abort.signal, onprogress: () => abort.abort() },
  );
  await assert.rejects(call);
  await until(() => processesWith(marker).length === 0, 'the sleeper is gone');
  assert.equal((await run(client, { command: ['true'] })).structuredContent.exit_code, 0);
});

test('a slow run delays neither a ping, nor a list, nor another run', async (t) => {
  const { client } = await connect(t);
  const marker = uniqueSleep();
  const abort = new AbortController();
  let started;
  const running = new Promise((resolve) => (started = resolve));
  const slow = run(
    client,
    { command: ['sh', '-c', `echo started; exec sleep ${marker}`] },
    { signal: abort.signal, onprogress: () => started() },
  );
  await running;
  await client.ping();
  await client.listTools();
  assert.equal((await run(client, { command: ['echo', 'x'] })).structuredContent.stdout, 'x\n');
  await until(() => processesWith(marker).length > 0, 'the slow one still runs');
  abort.abort();
  await assert.rejects(slow);
  await until(() => processesWith(marker).length === 0, 'the sleeper is gone');
});

test('profile_list names the profiles that run accepts', async (t) => {
  const { client } = await connect(t);
  const { structuredContent } = await client.callTool({ name: 'profile_list', arguments: {} });
  assert.ok(structuredContent.profiles.length >= 3);
  for (const { name } of structuredContent.profiles) {
    const result = await run(client, { command: ['true'], profile: name });
    assert.equal(result.isError, false, `${name}: ${JSON.stringify(result)}`);
  }
});
