// The tools' own schemas, and whether the validation that all other tests rely on finds anything.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scratch } from './lib/casemate.mjs';
import { Conversation } from './lib/conversation.mjs';
import { compileToolSchema, editions } from './lib/schema.mjs';
import { legacy, modernMeta, Server } from './lib/server.mjs';

test('the schemas of the tools are strict 2020-12, and results conform to them', async (t) => {
  const server = Server.start(scratch(t));
  const { result } = await server.request('tools/list', { _meta: modernMeta });
  for (const tool of result.tools) {
    assert.match(tool.name, /^[a-z0-9_]{1,30}$/);
    for (const schema of [tool.inputSchema, tool.outputSchema]) {
      assert.equal(schema.type, 'object');
      // Large model providers drop a tool, or the whole server, that has one of these at its root.
      for (const keyword of ['oneOf', 'anyOf', 'allOf', 'not', 'if']) assert.equal(keyword in schema, false);
      for (const value of Object.values(schema.properties ?? {})) assert.equal(typeof value, 'object');
      compileToolSchema(schema);
    }
  }
  const output = Object.fromEntries(result.tools.map((tool) => [tool.name, compileToolSchema(tool.outputSchema)]));
  const input = Object.fromEntries(result.tools.map((tool) => [tool.name, compileToolSchema(tool.inputSchema)]));
  const call = async (name, args, fits = true) => {
    assert.equal(input[name](args), fits, JSON.stringify([args, input[name].errors]));
    const reply = await server.request('tools/call', { name, arguments: args, _meta: modernMeta });
    const structured = reply.result.structuredContent;
    assert.ok(output[name](structured), JSON.stringify([output[name].errors, structured]));
    return reply.result;
  };
  await call('profile_list', {});
  await call('policy_explain', { tool: 'run', arguments: { command: ['ls'] } });
  await call('policy_explain', {}, false);
  await call('run', { command: ['echo', 'x'] });
  await call('run', { command: ['sh', '-c', 'kill -SEGV $$'] });
  await call('run', { command: ['sleep', '9'], timeout_ms: 100 });
  await call('run', { command: ['no-such-program'] });
  await call('run', { command: ['/etc/passwd'] });
  await call('run', { command: ['ls'], workspace: '/etc' });
  await call('run', { command: ['ls'], limits: { memory_mb: 64, cpus: 0.5, pids: 16, output_kb: 8, disk_mb: 16, io_mb_s: 50 } });
  await call('run', { command: ['python3', '-c', 'x = bytearray(10 ** 9)'], limits: { memory_mb: 64 } });
  await call('run', { command: 'ls' }, false);
  await call('run', { command: ['ls'], comand: 1 }, false);
  const text = await call('run', { command: ['printf', '\\033[31mred\\n'] });
  assert.equal(text.content[0].text.includes('\x1b'), false, 'escapes are shown, not obeyed');
});

// Each check of the validation must find the one thing that is wrong.
const line = (message) => JSON.stringify({ jsonrpc: '2.0', ...message });
function converse(sent, received) {
  const conversation = new Conversation();
  for (const message of sent) conversation.sent(line(message));
  for (const message of received) conversation.received(Buffer.from(line(message)));
  return conversation.check();
}
const callOf = (id, _meta) => ({ id, method: 'tools/call', params: { name: 'run', ...(_meta && { _meta }) } });
const progress = (value) => ({ method: 'notifications/progress', params: { progressToken: 't', progress: value } });
const content = [{ type: 'text', text: 'x' }];
const modernCall = callOf(1, modernMeta);

test('the validation accepts what is right in each edition', () => {
  for (const version of editions.slice(0, -1)) {
    const handshake = { id: 0, result: { protocolVersion: version, capabilities: {}, serverInfo: { name: 'x', version: '1' } } };
    const sent = [{ id: 0, method: 'initialize', params: legacy(version) }, callOf(1, { progressToken: 't' })];
    assert.equal(converse(sent, [handshake, progress(1), progress(2), { id: 1, result: { content } }]), 4);
  }
  assert.equal(converse([modernCall], [{ id: 1, result: { resultType: 'complete', content } }]), 1);
  assert.equal(converse([], [{ error: { code: -32700, message: 'x' } }]), 1);
});

const wrong = {
  'no resultType in 2026-07-28': [[modernCall], [{ id: 1, result: { content } }]],
  'no content': [[callOf(1)], [{ id: 1, result: { isError: false } }]],
  'content of an unknown type': [[callOf(1)], [{ id: 1, result: { content: [{ type: 'smell' }] } }]],
  'no jsonrpc': [[callOf(1)], [{ jsonrpc: undefined, id: 1, result: { content } }]],
  'a list without tools': [[{ id: 1, method: 'tools/list' }], [{ id: 1, result: {} }]],
  'a list without ttlMs in 2026-07-28': [
    [{ id: 1, method: 'tools/list', params: { _meta: modernMeta } }],
    [{ id: 1, result: { resultType: 'complete', tools: [], cacheScope: 'private' } }],
  ],
  'an id of the other type': [[callOf(1)], [{ id: '1', result: { content } }]],
  'a result that nobody asked for': [[], [{ id: 1, result: {} }]],
  'a null id': [[], [{ id: null, error: { code: -32700, message: 'x' } }]],
  'an error without a code': [[callOf(1)], [{ id: 1, error: { message: 'x' } }]],
  'an unsupported version without data': [[modernCall], [{ id: 1, error: { code: -32022, message: 'x' } }]],
  'progress that does not grow': [[callOf(1, { progressToken: 't' })], [progress(1), progress(1)]],
  'progress that nobody asked for': [[callOf(1)], [progress(1)]],
  'progress after the answer': [[callOf(1, { progressToken: 't' })], [{ id: 1, result: { content } }, progress(1)]],
  'a change that was not declared': [[], [{ method: 'notifications/resources/list_changed' }]],
  'a request to the client': [[], [{ id: 1, method: 'ping' }]],
};
for (const [name, [sent, received]] of Object.entries(wrong)) {
  test(`the validation finds ${name}`, () => {
    assert.throws(() => converse(sent, received));
  });
}

test('the stream accepts one JSON object in UTF-8 a line', () => {
  for (const bytes of ['', 'hello', '[]', 'null', '{}\r', Buffer.from([0x7b, 0xff, 0x7d])]) {
    assert.throws(() => new Conversation().received(Buffer.from(bytes)), undefined, String(bytes));
  }
});
