// Hostile bytes and rude clients on standard input.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cli, modernMeta, processesWith, scratch, Server, until } from './lib/casemate.mjs';

// Each line gets one error with this code, and the server goes on.
const malformed = [
  ['{', -32700],
  ['nonsense', -32700],
  ['{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32700],
  [`{"jsonrpc":"2.0","id":1,"method":"ping","params":${'['.repeat(100)}${']'.repeat(100)}}`, -32700],
  [Buffer.from('{"jsonrpc":"2.0","id":1,"method":"\xff"}', 'latin1'), -32700],
  ['[]', -32600],
  ['[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600],
  ['42', -32600],
  ['null', -32600],
  ['{"id":1,"method":"ping"}', -32600],
  ['{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600],
  ['{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600],
  ['{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600],
  ['{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600],
  ['{"jsonrpc":"2.0","id":1,"method":7}', -32600],
  ['{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32600],
];

test('each malformed line gets its error, and the server goes on', async (t) => {
  const server = Server.start(t, scratch(t));
  for (const [line, code] of malformed) {
    const before = server.messages.length;
    server.sendRaw(line);
    server.sendRaw('\n');
    await server.waitFor(() => server.messages.length > before, `an answer to ${line}`);
    assert.equal(server.messages[before].error?.code, code, `${line} → ${JSON.stringify(server.messages[before])}`);
  }
  assert.deepEqual((await server.request('ping')).result, {});
});

test('a line beyond the limit is skipped in bounded memory', async (t) => {
  const server = Server.start(t, scratch(t));
  const chunk = Buffer.alloc(1 << 20, 'x');
  for (let i = 0; i < 20; i++) server.sendRaw(chunk);
  server.sendRaw('\n');
  const answer = await server.waitFor((m) => m.error, 'the refusal');
  assert.equal(answer.error.code, -32700);
  assert.match(answer.error.message, /16777216/);
  assert.deepEqual((await server.request('ping')).result, {});
});

test('CRLF, blank lines and a last line without its end are accepted', async (t) => {
  const server = Server.start(t, scratch(t));
  server.sendRaw('\r\n\n  \n{"jsonrpc":"2.0","id":"a","method":"ping"}\r\n');
  assert.deepEqual((await server.reply('a')).result, {});
  server.sendRaw('{"jsonrpc":"2.0","id":"b","method":"ping"}');
  server.child.stdin.end();
  assert.deepEqual((await server.reply('b')).result, {});
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('unknown methods, wrong params and unknown tools get their codes', async (t) => {
  const server = Server.start(t, scratch(t));
  assert.equal((await server.request('tools/list')).error.code, -32600); // initialize first
  await server.initialize();
  const code = async (method, params) => (await server.request(method, params)).error?.code;
  assert.equal(await code('no/such'), -32601);
  assert.equal(await code('resources/list'), -32601);
  assert.equal(await code('tools/call', { name: 7 }), -32602);
  assert.equal(await code('tools/call', { name: 'run', arguments: [] }), -32602);
  assert.equal(await code('tools/call', { name: 'none' }), -32602);
  assert.equal(await code('tools/list', { cursor: 'x' }), -32602);
  assert.equal(await code('server/discover', {}), -32602);
  assert.equal(await code('ping', { _meta: modernMeta }), -32601);
  const future = { ...modernMeta, 'io.modelcontextprotocol/protocolVersion': '2099-01-01' };
  const unsupported = await server.request('tools/list', { _meta: future });
  assert.equal(unsupported.error.code, -32022);
  assert.deepEqual(unsupported.error.data, { supported: ['2026-07-28'], requested: '2099-01-01' });
});

test('a second request with an id in flight is refused, the first is not disturbed', async (t) => {
  const place = scratch(t);
  const server = Server.start(t, place);
  await server.initialize();
  const marker = await server.startSleeper(place, 7);
  server.send({ id: 7, method: 'ping' });
  const refusal = await server.waitFor((m) => m.id === 7 && m.error, 'the refusal');
  assert.equal(refusal.error.code, -32600);
  await until(() => processesWith(marker).length > 0, 'the first call goes on');
  server.send({ method: 'notifications/cancelled', params: { requestId: 7 } });
  await until(() => processesWith(marker).length === 0, 'the sleeper is gone');
  assert.deepEqual((await server.request('ping')).result, {});
  assert.equal(server.messages.filter((m) => m.id === 7).length, 1, 'no answer to a cancelled request');
});

test('what a command prints never reaches the protocol stream by itself', async (t) => {
  const server = Server.start(t, scratch(t));
  await server.initialize();
  const forged = '{"jsonrpc":"2.0","id":999,"result":{}}';
  const reply = await server.run({ command: ['sh', '-c', `echo '${forged}'; echo '${forged}' >&2`] });
  assert.equal(reply.result.structuredContent.stdout, `${forged}\n`);
  assert.equal(server.messages.some((m) => m.id === 999), false);
});

// Every way to end: exit code 0 within 2 s, and nothing of a running call is left.
const endings = {
  'end of file': (server) => server.child.stdin.end(),
  SIGTERM: (server) => server.child.kill('SIGTERM'),
  SIGINT: (server) => server.child.kill('SIGINT'),
  SIGHUP: (server) => server.child.kill('SIGHUP'),
  'a broken pipe': (server) => server.child.stdout.destroy(),
};
for (const [name, end] of Object.entries(endings)) {
  test(`${name} ends the server in order`, async (t) => {
    const place = scratch(t);
    const server = Server.start(t, place);
    await server.initialize();
    const marker = await server.startSleeper(place, 1);
    const start = process.hrtime.bigint();
    end(server);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.ok(process.hrtime.bigint() - start < 2_000_000_000n, 'within 2 s');
    await until(() => processesWith(marker).length === 0, 'the sleeper is gone');
    const audit = JSON.parse((await cli(place, ['audit', 'verify', '--json'])).stdout);
    assert.equal(audit.intact, true);
    assert.deepEqual(audit.unfinished, []);
  });
}

test('a client that never reads does not keep the server from ending', async (t) => {
  const place = scratch(t);
  const server = Server.start(t, place);
  await server.initialize();
  server.child.stdout.pause();
  for (let i = 0; i < 50; i++) {
    server.send({ id: i, method: 'tools/call', params: { name: 'run', arguments: { command: ['sh', '-c', 'yes | head -c 60000'] } } });
  }
  server.child.kill('SIGTERM');
  server.child.stdout.destroy();
  assert.equal((await server.exited).code, 0);
});
