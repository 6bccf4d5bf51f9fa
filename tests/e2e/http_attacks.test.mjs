// Attacks on the HTTP server, at their full size. While each is under way a good client is served,
// the memory stays within what docs/http.md says, and afterwards every descriptor is free again.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { processesWith, uniqueSleep, until } from './lib/facts.mjs';
import { answerIn } from './lib/http.mjs';
import { head, modernRequest, Siege } from './lib/siege.mjs';

const KiB = 1024;
const MiB = 1024 * KiB;
const slack = 4 * MiB; // what the allocator keeps, and the good client's own requests
const chunked = head('Transfer-Encoding: chunked\r\n\r\n');
const listen = modernRequest('subscriptions/listen', { notifications: { toolsListChanged: true } });
const statusOf = (text) => Number(/^HTTP\/1\.1 (\d+) /.exec(text)?.[1]);

test('floods of headers are cut short', async (t) => {
  const siege = await Siege.begin(t);
  const attacks = {
    '200,000 headers': ['X: y\r\n'.repeat(1000), 200],
    'a header line of 100 MB': [Buffer.alloc(MiB, 'x'), 100],
    'a target of 100 MB': [Buffer.alloc(MiB, '/'), 100, 'GET /'],
    'a method of 100 MB': [Buffer.alloc(MiB, 'A'), 100, 'A'],
    'empty lines without end': ['\r\n'.repeat(50_000), 100, '\r\n'],
  };
  for (const [name, [piece, times, begin = head('X: ')]] of Object.entries(attacks)) {
    const raw = siege.raw();
    raw.socket.write(begin);
    await raw.flood(piece, times);
    assert.equal(statusOf(await raw.said()), 431, name);
    await siege.holds(slack);
  }
  await siege.ends();
});

test('chunked bombs are cut short', async (t) => {
  const siege = await Siege.begin(t);
  const large = `10000\r\n${'x'.repeat(65536)}\r\n`;
  const attacks = {
    'chunks beyond the limit': [413, '', large, 1000],
    'chunks of one byte beyond the limit': [413, '', '1\r\nx\r\n'.repeat(10_000), 450],
    'a chunk beyond the limit': [413, '500000\r\n', 'x'.repeat(65536), 1000],
    'a chunk as long as numbers go': [413, 'ffffffffffffffff\r\n', 'x'.repeat(65536), 1000],
    'a chunk longer than numbers go': [400, 'fffffffffffffffff\r\n', 'x'.repeat(65536), 1000],
    'a chunk size without end': [431, '', '0'.repeat(65536), 1000],
    'a chunk extension without end': [431, '1;', 'x'.repeat(65536), 1000],
    'trailers without end': [431, '0\r\n', 'X: y\r\n'.repeat(1000), 200],
    'a trailer without end': [431, '0\r\nX: ', 'x'.repeat(65536), 1000],
  };
  for (const [name, [status, begin, piece, times]] of Object.entries(attacks)) {
    const raw = siege.raw();
    raw.socket.write(chunked + begin);
    await raw.flood(piece, times);
    assert.equal(statusOf(await raw.said()), status, name);
    await siege.holds(2 * 4 * MiB + slack);
  }
  await siege.ends();
});

test('giant bodies are refused before they come, and unfinished ones give way', async (t) => {
  const siege = await Siege.begin(t);
  for (const [length, status] of [[4 * MiB + 1, 413], [2 ** 40, 413], ['18446744073709551615', 413], ['9'.repeat(1000), 400]]) {
    assert.equal(statusOf(await siege.ask(head(`Content-Length: ${length}\r\n\r\n`))), status, `${length}`);
  }
  await siege.open(1000, () => head(`Content-Length: ${4 * MiB}\r\n\r\nx`)); // announced, not sent
  await siege.holds(1000 * 4 * KiB + slack);
  const body = Buffer.alloc(4 * MiB - 1, 'x');
  const hoarders = await siege.open(80, () => head(`Content-Length: ${4 * MiB}\r\n\r\n`));
  await Promise.all(hoarders.map((raw) => raw.flood(body, 1)));
  await Promise.race(hoarders.map((raw) => raw.has('HTTP/1.1 503 ')));
  await siege.holds(1.25 * 256 * MiB);
  const large = await siege.server.modern('tools/list', { _meta: { padding: 'x'.repeat(3 * MiB) } });
  assert.equal(large.status, 200);
  await siege.ends();
});

test('who dribbles or is silent is cut off by the clock', async (t) => {
  const siege = await Siege.begin(t, { http: { header_timeout_s: 1, body_timeout_s: 1, idle_timeout_s: 1 } });
  const dribbling = [
    ...(await siege.open(200, () => 'P')),
    ...(await siege.open(200, () => head('X: '))),
    ...(await siege.open(200, () => head('Content-Length: 100000\r\n\r\n'))),
    ...(await siege.open(200, () => `${chunked}10000\r\n`)),
  ];
  const large = await siege.open(200, () => head(`X: ${'x'.repeat(30_000)}`)); // and nothing more
  const silent = await siege.open(200);
  const dribble = setInterval(() => dribbling.forEach((raw) => raw.socket.writable && raw.socket.write('x')), 100);
  t.after(() => clearInterval(dribble));
  const most = 1000 * 4 * KiB + 200 * 64 * KiB + slack;
  await siege.holds(most);
  const said = await Promise.all([...dribbling, ...large].map((raw) => raw.said()));
  assert.deepEqual([...new Set(said.map(statusOf))], [408]);
  assert.deepEqual([...new Set(await Promise.all(silent.map((raw) => raw.said())))], ['']);
  await until(() => siege.descriptors() <= siege.descriptorsBefore, 'nothing of them is left, though they are there');
  await siege.holds(most);
  await siege.ends();
});

// A run with 16 MB of output; the address of its first `limit` bytes.
async function printed(siege) {
  const run = { name: 'run', arguments: { command: ['sh', '-c', "head -c 16000000 /dev/zero | tr '\\0' x"] } };
  const { result } = answerIn(await siege.server.modern('tools/call', run));
  const link = result.content.find((c) => c.type === 'resource_link');
  return (limit) => ({ uri: `${link.uri}?limit=${limit}` });
}

test('large answers that nobody reads cost no one else theirs', async (t) => {
  const siege = await Siege.begin(t);
  const output = await printed(siege);
  await siege.open(30, () => modernRequest('resources/read', output(16_000_000)), { reads: false });
  const beingMade = 16 * 3 * 16_000_000; // by as many calls as run at once: text, its JSON, and the answer
  await siege.logged('who has most of it is cut off');
  await siege.holds(256 * MiB + beingMade);
  const mine = await siege.server.modern('resources/read', output(1_000_000));
  assert.equal(answerIn(mine).result.contents[0].text.length, 1_000_000);
  await siege.ends();
});

test('who takes nothing of its answer is cut off by the clock', async (t) => {
  const siege = await Siege.begin(t, { http: { write_timeout_s: 1 } });
  const large = modernRequest('resources/read', (await printed(siege))(16_000_000));
  await siege.open(8, () => large, { reads: false });
  const slow = await siege.open(4, () => large, { reads: false });
  const dribble = setInterval(() => slow.forEach((raw) => raw.socket.read(1)), 20);
  t.after(() => clearInterval(dribble));
  await siege.holds(256 * MiB);
  await siege.logged('takes nothing of its answer and is cut off', 8);
  await siege.serves();
  await siege.ends();
});

test('who does not read an event stream gets no more than fits', async (t) => {
  const siege = await Siege.begin(t);
  const marker = uniqueSleep();
  const chatty = { name: 'run', arguments: { command: ['sh', '-c', `yes | head -c 8000000; exec sleep ${marker}`] }, _meta: { progressToken: 1 } };
  await siege.open(8, () => modernRequest('tools/call', chatty), { reads: false });
  await until(() => processesWith(marker).length === 8, 'all has been printed');
  await siege.holds(8 * 4 * MiB + slack);
  await siege.ends();
  await until(() => processesWith(marker).length === 0, 'and with the streams the calls ended');
});

test('5,000 connections at once do not stop others', async (t) => {
  const siege = await Siege.begin(t);
  const allowed = Number(/Max open files\s+\d+\s+(\d+)/.exec(fs.readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity);
  const count = Math.min(5000, Math.floor(allowed / 2));
  if (count < 5000) t.diagnostic(`only ${count} connections: the hard limit of open files is ${allowed}`);
  await siege.open(count, (i) => [``, 'POST /m', head('X-Slow: '), head('Content-Length: 9\r\n\r\n{')][i % 4]);
  await siege.holds(count * 2 * KiB + slack);
  await until(() => siege.descriptors() >= siege.descriptorsBefore + count, 'all of them are there');
  await siege.ends();
});

test('beyond the most connections, the one that has been silent for longest gives way', async (t) => {
  const siege = await Siege.begin(t, { http: { max_connections: 200 } });
  for (let i = 0; i < 10; i++) {
    await siege.open(150, (n) => ['', head('X-Slow: ')][n % 2]);
    await siege.holds(200 * 4 * KiB + slack);
    assert.ok(siege.descriptors() <= siege.descriptorsBefore + 200);
  }
  await siege.ends();
});

test('without descriptors the server sleeps, serves whom it has, and goes on when there are some', async (t) => {
  const siege = await Siege.begin(t, { descriptors: 48 });
  await siege.open(100);
  await until(() => siege.descriptors() >= 48, 'there are none left');
  await siege.serves({ anew: false });
  const sleeps = siege.sleeps();
  await until(() => siege.sleeps() > sleeps + 2, 'it does not spin');
  for (let i = 0; i < 100; i++) await siege.serves({ anew: false });
  await siege.ends();
});

test('4,096 idle event streams cost little, and further ones are refused', async (t) => {
  const siege = await Siege.begin(t);
  for (let some = 0; some < 4096; some += 128) { // more at once would be told to wait
    const streams = await siege.open(128, () => listen);
    await Promise.all(streams.map((raw) => raw.has('notifications/subscriptions/acknowledged')));
  }
  await siege.holds(4096 * 4 * KiB + slack);
  assert.equal(statusOf(await siege.ask(listen)), 503);
  // The kernel asks whether the peers are still there: timer 2 is that of keep-alive.
  const port = Number(new URL(siege.server.url).port).toString(16).toUpperCase().padStart(4, '0');
  const served = fs.readFileSync('/proc/net/tcp', 'utf8').split('\n').map((line) => line.trim().split(/\s+/));
  const timers = served.filter((field) => field[1]?.endsWith(`:${port}`) && field[3] === '01').map((field) => field[5].slice(0, 2));
  assert.ok(timers.filter((timer) => timer === '02').length >= 4096);
  await siege.ends();
});

test('half a request does not hold up the end of the server', async (t) => {
  const siege = await Siege.begin(t);
  const half = await siege.open(100, (i) => ['POST /m', head('X: '), head('Content-Length: 9\r\n\r\n{'), `${chunked}5\r\na`][i % 4]);
  await siege.serves(); // by now it has read what came before
  siege.server.child.kill('SIGTERM');
  const said = await Promise.all(half.map((raw) => raw.said()));
  assert.deepEqual([...new Set(said.map(statusOf))], [503]);
  assert.deepEqual(await siege.server.exited, { code: 0, signal: null });
});

test('who is gone without a word is forgotten, whatever was under way', async (t) => {
  const siege = await Siege.begin(t);
  const marker = uniqueSleep();
  const beginnings = ['', 'POST /m', head('X: '), head('Content-Length: 9\r\n\r\n{'), `${chunked}5\r\na`, listen];
  await siege.open(600, (i) => beginnings[i % beginnings.length]);
  await siege.open(4, () => modernRequest('tools/call', { name: 'run', arguments: { command: ['sleep', marker] } }));
  await until(() => processesWith(marker).length === 4, 'the calls run');
  await siege.holds(600 * 4 * KiB + slack);
  for (const raw of siege.raws) raw.socket.resetAndDestroy();
  await until(() => processesWith(marker).length === 0, 'their calls are cancelled');
  await siege.ends();
});

test('what two servers could read in two ways is refused, and ends the connection', async (t) => {
  const siege = await Siege.begin(t);
  const smuggled = head('\r\n', { method: 'GET', target: '/smuggled' });
  const end = `\r\n\r\n0\r\n\r\n`;
  const shapes = {
    'two lengths': head(`Content-Length: 0\r\nContent-Length: 5${end}`),
    'two lengths, equal': head(`Content-Length: 5\r\nContent-Length: 5${end}`),
    'a list of lengths': head(`Content-Length: 5, 5${end}`),
    'a length with a sign': head(`Content-Length: +5${end}`),
    'a hexadecimal length': head(`Content-Length: 0x5${end}`),
    'an empty length': head(`Content-Length:${end}`),
    'length and chunks': head(`Content-Length: 5\r\nTransfer-Encoding: chunked${end}`),
    'chunks and length': head(`Transfer-Encoding: chunked\r\nContent-Length: 5${end}`),
    'two encodings': head(`Transfer-Encoding: chunked\r\nTransfer-Encoding: identity${end}`),
    'an unknown encoding': head(`Transfer-Encoding: xchunked${end}`),
    'an encoding before chunked': head(`Transfer-Encoding: gzip, chunked${end}`),
    'an encoding with a vertical tab': head(`Transfer-Encoding: \x0bchunked${end}`),
    'a folded encoding': head(`Transfer-Encoding:\r\n chunked${end}`),
    'a folded header': head(`X: a\r\n\tb${end}`),
    'bare line feeds': `POST /mcp HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n${end}`,
    'a bare line feed in a header': head(`X: a\nContent-Length: 5${end}`),
    'a bare carriage return': head(`X: a\rContent-Length: 5${end}`),
    'a NUL in a header': head(`X: a\0b${end}`),
    'a NUL in a name': head(`X\0Y: a${end}`),
    'a space before the colon': head(`Content-Length : 5${end}`),
    'a space before a name': head(` Content-Length: 5${end}`),
    'no name': head(`: 5${end}`),
    'two hosts': head(`Host: localhost${end}`),
    'no host': `GET /mcp HTTP/1.1${end}`,
    'an absolute target': head('\r\n', { target: 'http://localhost/mcp' }),
    'an authority as target': head('\r\n', { method: 'CONNECT', target: 'localhost:80' }),
    'an asterisk as target': head('\r\n', { method: 'OPTIONS', target: '*' }),
    'a target with a space': head('\r\n', { target: '/mcp /x' }),
    'a target with a NUL': head('\r\n', { target: '/mcp\0' }),
    'chunks in HTTP/1.0': `POST /mcp HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked${end}`,
    'HTTP/2.0': `POST /mcp HTTP/2.0\r\nHost: localhost${end}`,
    'HTTP/0.9': 'GET /mcp\r\n\r\n',
    'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'TLS': '\x16\x03\x01\x02\x00\x01\x00',
    'a chunk size with a sign': `${chunked}+5\r\nhello\r\n0\r\n\r\n`,
    'a chunk size with a prefix': `${chunked}0x5\r\nhello\r\n0\r\n\r\n`,
    'a chunk longer than its size': `${chunked}4\r\nhello\r\n0\r\n\r\n`,
    'a chunk that ends in a line feed': `${chunked}5\r\nhello\n0\r\n\r\n`,
    'a chunk size that ends in a line feed': `${chunked}5\nhello\r\n0\r\n\r\n`,
  };
  await Promise.all(Object.entries(shapes).map(async ([name, shape]) => {
    const said = await siege.ask(Buffer.from(shape + smuggled, 'latin1'));
    assert.equal(statusOf(said), 400, `${name}: ${said}`);
    assert.equal(said.split('HTTP/1.1 ').length, 2, `${name}: one answer, not ${said}`);
  }));
  const close = 'Connection: close\r\n\r\n';
  assert.equal(statusOf(await siege.ask(head(close, { method: 'A'.repeat(10_000) }))), 405, 'a long method');
  assert.equal(statusOf(await siege.ask(head(close, { target: `/${'a'.repeat(20_000)}` }))), 404, 'a long target');
  await siege.holds(slack);
  await siege.ends();
});
