// The official client 2.x: edition 2026-07-28, stateless, with server/discover.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

import { scratch } from './lib/casemate.mjs';
import { processesWith, uniqueSleep, until } from './lib/facts.mjs';
import { tapped } from './lib/tap.mjs';

async function connect(t, mode = { pin: '2026-07-28' }) {
  const place = scratch(t);
  const transport = new StdioClientTransport({ command: tapped(place), args: ['serve'], env: place.env });
  const client = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode } });
  place.closing(() => client.close());
  await client.connect(transport);
  return { client, place };
}
const run = (client, args, options) => client.callTool({ name: 'run', arguments: args }, options);

// Probing, pinned, and as a client of the initialize family.
for (const [mode, version] of [['auto', '2026-07-28'], [{ pin: '2026-07-28' }, '2026-07-28'], ['legacy', '2025-11-25']]) {
  test(`connects, lists and calls: ${JSON.stringify(mode)}`, async (t) => {
    const { client } = await connect(t, mode);
    assert.equal(client.getNegotiatedProtocolVersion(), version);
    assert.equal(client.getServerVersion().name, 'casemate');
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map((tool) => tool.name), ['run', 'profile_list', 'policy_explain', 'job_status', 'job_output', 'job_cancel']);
    const result = await run(client, { language: 'python', code: 'print(6 * 7)' });
    assert.equal(result.structuredContent.stdout, '42\n');
    const shell = await run(client, { command: ['sh', '-c', 'echo no >&2; exit 3'] });
    assert.equal(shell.isError, false);
    assert.equal(shell.structuredContent.exit_code, 3);
  });
}

test('refusals, bad arguments and limits are results; an unknown tool is an error', async (t) => {
  const { client } = await connect(t);
  const refused = await run(client, { command: ['ls'], workspace: '/etc' });
  assert.equal(refused.isError, true);
  assert.match(refused.structuredContent.error.remedy, /workspace_roots/);
  const wrong = await run(client, { command: 'ls' });
  assert.equal(wrong.isError, true);
  assert.match(wrong.content[0].text, /command/);
  const late = await run(client, { command: ['sleep', '1000'], timeout_ms: 200 });
  assert.equal(late.structuredContent.status, 'timed_out');
  await assert.rejects(client.callTool({ name: 'no_such_tool', arguments: {} }), /no_such_tool/);
});

test('output comes as progress while the command runs', async (t) => {
  const { client } = await connect(t);
  const seen = [];
  const command = ['sh', '-c', 'for i in 1 2 3; do echo line $i; sleep 0.3; done'];
  await run(client, { command }, { onprogress: (progress) => seen.push(progress) });
  assert.ok(seen.length > 1, 'while it runs, not at its end');
  assert.match(seen.map((p) => p.message).join(''), /line 1[^]*line 2[^]*line 3/);
});

test('a cancelled call leaves nothing, and delays nothing before', async (t) => {
  const { client } = await connect(t);
  const marker = uniqueSleep();
  const abort = new AbortController();
  let started;
  const running = new Promise((resolve) => (started = resolve));
  const call = run(
    client,
    { command: ['sh', '-c', `echo started; sleep ${marker} & wait`] },
    { signal: abort.signal, onprogress: started },
  );
  assert.match((await running).message, /started/);
  assert.equal((await run(client, { command: ['echo', 'x'] })).structuredContent.stdout, 'x\n');
  await until(() => processesWith(marker).length > 0, 'the slow one still runs');
  abort.abort();
  await assert.rejects(call);
  await until(() => processesWith(marker).length === 0, 'the sleeper is gone');
});
