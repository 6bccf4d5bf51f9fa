// The official client 2.x: edition 2026-07-28, stateless, with server/discover.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

import { bin, processesWith, scratch, uniqueSleep, until } from './lib/casemate.mjs';

async function connect(t) {
  const place = scratch(t);
  const transport = new StdioClientTransport({ command: bin, args: ['serve'], env: place.env });
  const client = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(transport);
  t.after(() => client.close());
  return { client, place };
}

test('discovers, lists and calls in the 2026-07-28 edition', async (t) => {
  const { client } = await connect(t);
  assert.equal(client.getNegotiatedProtocolVersion(), '2026-07-28');
  const { tools } = await client.listTools();
  assert.deepEqual(tools.map((tool) => tool.name), ['run', 'profile_list']);
  const result = await client.callTool({ name: 'run', arguments: { language: 'python', code: 'print(6 * 7)' } });
  assert.equal(result.structuredContent.stdout, '42\n');
});

test('refusals and bad arguments are results', async (t) => {
  const { client } = await connect(t);
  const refused = await client.callTool({ name: 'run', arguments: { command: ['ls'], workspace: '/etc' } });
  assert.equal(refused.isError, true);
  const wrong = await client.callTool({ name: 'run', arguments: { command: 'ls' } });
  assert.equal(wrong.isError, true);
  await assert.rejects(client.callTool({ name: 'no_such_tool', arguments: {} }));
});

test('progress and cancellation', async (t) => {
  const { client } = await connect(t);
  const marker = uniqueSleep();
  const abort = new AbortController();
  const seen = [];
  const call = client.callTool(
    { name: 'run', arguments: { command: ['sh', '-c', `echo started; sleep ${marker} & wait`] } },
    {
      signal: abort.signal,
      onprogress: (progress) => {
        seen.push(progress);
        abort.abort();
      },
    },
  );
  await assert.rejects(call);
  assert.match(seen[0].message, /started/);
  await until(() => processesWith(marker).length === 0, 'the sleeper is gone');
});
