// Hostile bytes on standard input.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { bin, cli, scratch } from './lib/casemate.mjs';
import { peakMemoryKb, processesWith, until } from './lib/facts.mjs';
import { modernMeta, Server } from './lib/server.mjs';

const ping = (id) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`;
const latin1 = (text) => Buffer.from(text, 'latin1');

// Each line gets one error with this code, and the server goes on.
const malformed = [
  ['{', -32700],
  ['nonsense', -32700],
  ['NaN', -32700],
  [`${ping(1)}{}`, -32700],
  ['{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32700],
  ['{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":{"b":1,"b":2}}}', -32700],
  [`{"jsonrpc":"2.0","id":1,"method":"ping","params":${'['.repeat(100)}${']'.repeat(100)}}`, -32700],
  ['['.repeat(1_000_000), -32700],
  ['{"a":'.repeat(200_000), -32700],
  [latin1('{"jsonrpc":"2.0","id":1,"method":"\xff"}'), -32700],
  [latin1('{"jsonrpc":"2.0","id":1,"method":"\xc0\xaf"}'), -32700], // overlong
  [latin1('{"jsonrpc":"2.0","id":1,"method":"\xed\xa0\x80"}'), -32700], // a surrogate
  ['{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}', -32700],
  ['{"jsonrpc":"2.0","id":1,"method":"pi\0ng"}', -32700],
  ['\0', -32700],
  ['{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":1e999}}', -32700],
  ['[]', -32600],
  [`[${ping(1)}]`, -32600],
  ['42', -32600],
  ['null', -32600],
  ['{}', -32600],
  ['{"id":1,"method":"ping"}', -32600],
  ['{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600],
  [ping('null'), -32600],
  [ping('1.5'), -32600],
  [ping('18446744073709551616'), -32600],
  [ping('true'), -32600],
  [ping('{}'), -32600],
  ['{"jsonrpc":"2.0","id":1}', -32600],
  ['{"jsonrpc":"2.0","id":1,"method":7}', -32600],
  ['{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32600],
  ['{"jsonrpc":"2.0","id":1,"method":"ping","params":null}', -32600],
];

test('each malformed line gets its error, and the server goes on', async (t) => {
  const server = Server.start(scratch(t));
  for (const [line, code] of malformed) {
    const before = server.messages.length;
    const shown = line.toString().slice(0, 80);
    server.sendRaw(line);
    server.sendRaw('\n');
    await server.waitFor(() => server.messages.length > before, `an answer to ${shown}`);
    assert.equal(server.messages[before].error?.code, code, `${shown} → ${JSON.stringify(server.messages[before])}`);
  }
  assert.deepEqual((await server.request('ping')).result, {});
  assert.equal(server.messages.length, malformed.length + 1);
});

test('ids come back as they were', async (t) => {
  const server = Server.start(scratch(t));
  for (const id of ['0', '-1', '9007199254740991', '"1"', '""', '"\\u0000"', '"\u2028é"', `"${'x'.repeat(1 << 20)}"`]) {
    server.sendRaw(`${ping(id)}\n`);
    assert.deepEqual((await server.reply(JSON.parse(id))).result, {});
  }
});

// A small deterministic generator: a failure can be repeated.
function* numbers(seed) {
  for (let x = seed; ; yield x >>> 0) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
}

test('two thousand mutations of good messages: one answer at most for each, and no end', async (t) => {
  const server = Server.start(scratch(t));
  await server.initialize();
  const good = [
    ping('"m"'),
    JSON.stringify({ jsonrpc: '2.0', id: 'm', method: 'tools/list', params: { _meta: modernMeta } }),
    JSON.stringify({ jsonrpc: '2.0', id: 'm', method: 'tools/call', params: { name: 'run', arguments: { command: [] } } }),
    JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'm' } }),
  ];
  const random = numbers(20261121);
  const next = (below) => random.next().value % below;
  const before = server.messages.length;
  for (let i = 0; i < 2000; i++) {
    let bytes = Buffer.from(good[next(good.length)]);
    for (let changes = 1 + next(3); changes > 0; changes--) {
      const at = next(bytes.length);
      if (next(3) === 0) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + next(8))]);
      else bytes[at] = [next(256), 0x22, 0x7b, 0x5b, 0x2c, 0x30][next(6)];
      if (bytes.length === 0) bytes = Buffer.from('{');
    }
    server.sendRaw(Buffer.concat([Buffer.from(bytes.map((byte) => (byte === 10 ? 32 : byte))), Buffer.from('\n')]));
  }
  assert.deepEqual((await server.request('ping')).result, {});
  assert.ok(server.messages.length - before <= 2001);
});

test('a line beyond the limit is skipped in bounded memory', async (t) => {
  const server = Server.start(scratch(t));
  await server.initialize();
  const chunk = Buffer.alloc(1 << 20, 'x');
  for (let i = 0; i < 20; i++) server.sendRaw(chunk);
  server.sendRaw('\n');
  const answer = await server.waitFor((m) => m.error, 'the refusal');
  assert.equal(answer.error.code, -32700);
  assert.match(answer.error.message, /16777216/);
  const peak = peakMemoryKb(server.child.pid);
  for (let i = 0; i < 200; i++) server.sendRaw(chunk);
  server.sendRaw('\n');
  await server.waitFor((m) => m.error && m !== answer, 'the second refusal');
  assert.deepEqual((await server.request('ping')).result, {});
  const room = process.env.CASEMATE_SANITIZED ? 512 : 32; // MiB; a sanitizer keeps freed memory back
  assert.ok(peakMemoryKb(server.child.pid) < peak + room * 1024, 'a longer line takes no more memory');
});

test('the longest line is served', async (t) => {
  const server = Server.start(scratch(t));
  await server.initialize();
  const line = (stdin) => JSON.stringify({ jsonrpc: '2.0', id: 'long', method: 'tools/call', params: { name: 'run', arguments: { command: ['wc', '-c'], stdin } } });
  const stdin = 'y'.repeat(16777216 - line('').length);
  server.conversation.sent(line(''));
  server.child.stdin.write(`${line(stdin)}\n`);
  assert.equal((await server.reply('long')).result.structuredContent.stdout, `${stdin.length}\n`);
});

test('CRLF, blank lines and a last line without its end are accepted', async (t) => {
  const server = Server.start(scratch(t));
  server.sendRaw(`\r\n\n  \n${ping('"a"')}\r\n`);
  assert.deepEqual((await server.reply('a')).result, {});
  server.sendRaw(ping('"b"'));
  server.child.stdin.end();
  assert.deepEqual((await server.reply('b')).result, {});
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

test('messages may come byte by byte, and many at once', async (t) => {
  const server = Server.start(scratch(t));
  server.conversation.sent(ping('"é"'));
  for (const byte of Buffer.from(`${ping('"é"')}\n`)) {
    await new Promise((resolve) => server.child.stdin.write(Buffer.of(byte), resolve));
  }
  assert.deepEqual((await server.reply('é')).result, {});
  server.sendRaw(Array.from({ length: 1000 }, (_, i) => `${ping(i)}\n`).join(''));
  await Promise.all(Array.from({ length: 1000 }, (_, i) => server.reply(i)));
});

test('unknown methods, wrong params and unknown tools get their codes', async (t) => {
  const server = Server.start(scratch(t));
  assert.equal((await server.request('tools/list')).error.code, -32600); // initialize first
  await server.initialize();
  const code = async (method, params) => (await server.request(method, params)).error?.code;
  assert.equal(await code('no/such'), -32601);
  assert.equal(await code('resources/lists'), -32601);
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
  const server = Server.start(scratch(t));
  await server.initialize();
  const marker = await server.startSleeper(7);
  server.send({ id: 7, method: 'ping' });
  const refusal = await server.waitFor((m) => m.id === 7 && m.error, 'the refusal');
  assert.equal(refusal.error.code, -32600);
  await until(() => processesWith(marker).length > 0, 'the first call goes on');
  server.send({ method: 'notifications/cancelled', params: { requestId: '7' } }); // another id
  assert.deepEqual((await server.request('ping')).result, {});
  assert.ok(processesWith(marker).length > 0, 'the first call goes on');
  server.send({ method: 'notifications/cancelled', params: { requestId: 7 } });
  await until(() => processesWith(marker).length === 0, 'the sleeper is gone');
  assert.deepEqual((await server.request('ping')).result, {});
  assert.equal(server.messages.filter((m) => m.id === 7).length, 1, 'no answer to a cancelled request');
});

test('more calls than fit are refused at once, the others run, and a ping is answered', async (t) => {
  const place = scratch(t);
  const server = Server.start(place);
  await server.initialize();
  const marker = await server.startSleeper('first');
  const params = { name: 'run', arguments: { command: ['sleep', marker] } };
  for (let id = 0; id < 500; id++) server.send({ id, method: 'tools/call', params });
  assert.deepEqual((await server.request('ping')).result, {});
  const refused = server.messages.filter((m) => m.error);
  assert.ok(refused.length > 0 && refused.length < 500);
  for (const { error } of refused) assert.deepEqual([error.code, error.data], [1001, { retry: true }]);
  server.child.stdin.end();
  assert.equal((await server.exited).code, 0);
  await until(() => processesWith(marker).length === 0, 'the sleepers are gone');
});

test('what a command prints never reaches the protocol stream by itself', async (t) => {
  const server = Server.start(scratch(t));
  await server.initialize();
  const forged = '{"jsonrpc":"2.0","id":999,"result":{}}';
  const reply = await server.run({ command: ['sh', '-c', `echo '${forged}'; echo '${forged}' >&2`] });
  assert.equal(reply.result.structuredContent.stdout, `${forged}\n`);
  assert.equal(server.messages.some((m) => m.id === 999), false);
  const odd = await server.run({ command: ['printf', '\\342\\200\\250\\000\\377\\r\\n\\033[2J'] });
  assert.equal(odd.result.structuredContent.stdout, '\u2028\0\ufffd\r\n\x1b[2J');
});

// A descriptor 0, 1 or 2 that is closed at the start must not become one of the server's own: the
// launcher's socket as "standard error" would carry what a command prints.
const runtimeOpensFiles = process.env.CASEMATE_SANITIZED && 'the sanitizer uses closed descriptors before main';
test('closed standard descriptors', { timeout: 30000, skip: runtimeOpensFiles }, async (t) => {
  const place = scratch(t);
  const shell = (redirections, ...args) =>
    cli(place, ['-c', `exec "$CASEMATE" "$@" ${redirections}`, 'sh', ...args], { program: 'sh', env: { CASEMATE: bin } });
  for (const redirections of ['<&-', '<&- 2>&-', '<&- >&-', '<&- >&- 2>&-', '>&-', '>&- 2>&-']) {
    const served = await shell(redirections, 'serve');
    assert.deepEqual([served.code, served.signal], [0, null], `${redirections}: ${served.stderr}`);
    assert.equal(served.stdout, '', redirections);
    const ran = await shell(redirections, 'run', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3');
    assert.equal(ran.code, 3, `${redirections}: ${ran.stderr}`);
  }
  const traced = await cli(place, ['-f', '-yy', '-e', 'trace=write', '-o', `${place.dir}/trace`, 'sh', '-c', 'exec "$CASEMATE" run -- sh -c "echo aimed >&2" <&- >&- 2>&-'], { program: 'strace', env: { CASEMATE: bin } });
  assert.equal(traced.code, 0, traced.stderr);
  for (const written of fs.readFileSync(`${place.dir}/trace`, 'utf8').split('\n').filter((text) => text.includes('"aimed\\n"'))) {
    assert.doesNotMatch(written, /write\(\d+<(UNIX|\/.*(incarnations|casemate\.db))/);
  }
});
