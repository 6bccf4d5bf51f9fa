// Hosts that behave badly: what they send twice, what they do not wait for, what they do not read,
// and how often they start us. (ending.test.mjs has the ways to end one server.)
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { bin, cli, scratch, verifyTrail } from './lib/casemate.mjs';
import { cgroupsOf, childrenOf, incarnations, peakMemoryKb, processesOfSession, processesWith, uniqueSleep, until } from './lib/facts.mjs';
import { legacy, modernMeta, Server } from './lib/server.mjs';

const call = (id, args) => ({ id, method: 'tools/call', params: { name: 'run', arguments: args } });
const line = (message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`;
const hello = { id: 'init', method: 'initialize', params: legacy() };
const repliesTo = (server, id) => server.messages.filter((m) => m.id === id);

async function endsInTime(server) {
  const start = process.hrtime.bigint();
  server.child.stdin.end();
  assert.deepEqual(await server.exited, { code: 0, signal: null }, server.stderr);
  assert.ok(process.hrtime.bigint() - start < 2_000_000_000n, 'within 2 s');
}

async function nothingLeft(place, launchers) {
  for (const launcher of launchers) await until(() => processesOfSession(launcher).length === 0, 'all processes are gone');
  assert.deepEqual(incarnations(place), []);
  const trail = await verifyTrail(place);
  assert.equal(trail.intact, true);
  assert.deepEqual(trail.unfinished, []);
}

test('a host that sends everything twice gets a reply to each', async (t) => {
  const place = scratch(t);
  const server = Server.start(place);
  const twice = (message) => [1, 2].forEach(() => server.send(message));
  twice(hello);
  twice({ method: 'notifications/initialized' });
  twice({ id: 1, method: 'ping' });
  twice({ id: 2, method: 'tools/list', params: {} });
  twice({ id: 3, method: 'server/discover', params: { _meta: modernMeta } });
  twice(call(4, { command: ['echo', 'once'] }));
  twice({ id: 5, method: 'no/such' });
  twice({ method: 'notifications/cancelled', params: { requestId: 99 } });
  twice({ id: 6, result: {} });
  const asked = ['init', 1, 2, 3, 4, 5];
  for (const id of asked) await server.waitFor(() => repliesTo(server, id).length === 2, `two replies to ${id}`);
  for (const id of ['init', 1, 2, 3]) {
    const [first, second] = repliesTo(server, id);
    assert.ok(first.result, JSON.stringify(first));
    assert.deepEqual(second.result, first.result);
  }
  // The second comes while the first runs, or after it.
  const results = repliesTo(server, 4).filter((m) => m.result);
  assert.ok(results.length >= 1);
  for (const { result } of results) assert.equal(result.structuredContent.stdout, 'once\n');
  for (const { error } of repliesTo(server, 4).filter((m) => m.error)) assert.equal(error.code, -32600);
  assert.equal(server.messages.length, 2 * asked.length, 'and nothing else');
  const launchers = childrenOf(server.child.pid);
  await endsInTime(server);
  await nothingLeft(place, launchers);
});

test('a host that closes at once is let go', async (t) => {
  const place = scratch(t);
  const { code, stdout, stderr } = await cli(place, ['serve']);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
  await nothingLeft(place, []);
});

test('a host that writes and closes without waiting has its quick answers, and nothing goes on', async (t) => {
  const place = scratch(t);
  const marker = uniqueSleep();
  const input = [hello, { method: 'notifications/initialized' }, { id: 1, method: 'tools/list' }, call(2, { command: ['sleep', marker] }), { id: 3, method: 'ping' }];
  const { code, stdout, stderr } = await cli(place, ['serve'], { input: input.map(line).join('') });
  assert.equal(code, 0, stderr);
  const ids = stdout.trimEnd().split('\n').map((text) => JSON.parse(text).id);
  assert.deepEqual(ids.filter((id) => id !== 2), ['init', 1, 3]);
  await until(() => processesWith(marker).length === 0, 'the call is gone');
  await nothingLeft(place, []);
});

test('a host that never reads and then closes is let go, and takes bounded memory', async (t) => {
  const place = scratch(t);
  const server = Server.start(place);
  await server.initialize();
  const launchers = childrenOf(server.child.pid);
  server.child.stdout.pause();
  server.mayBeCut = true;
  // Answers of some 10 MB, which no pipe holds.
  const pings = Array.from({ length: 1000 }, (_, i) => line({ id: `ping-${i}`, method: 'ping' })).join('');
  for (const ping of pings.split('\n')) server.conversation.sent(ping);
  for (let i = 0; i < 200; i++) {
    if (!server.child.stdin.write(pings)) await once(server.child.stdin, 'drain');
  }
  const peak = peakMemoryKb(server.child.pid);
  t.diagnostic(`peak memory with 200,000 answers unread: ${peak} kB`);
  assert.ok(peak < (process.env.CASEMATE_SANITIZED ? 2048 : 256) * 1024, `${peak} kB`);
  await endsInTime(server);
  await nothingLeft(place, launchers);
});

// Each host waits for an answer and then drops the server in one way or another, while the next one
// starts on the same state. The last ends in order and clears up behind all.
test('a host that restarts the server ten times a second has an answer each time, and nothing is left', async (t) => {
  const place = scratch(t);
  const drops = [
    (child) => child.stdin.end(),
    (child) => child.kill('SIGKILL'),
    (child) => child.kill('SIGTERM'),
    (child) => child.stdout.destroy(),
    (child) => child.kill('SIGHUP'),
    (child) => child.stdin.end() && child.kill('SIGINT'),
  ];
  const seconds = 3;
  const launchers = [];
  const names = new Set();
  const marker = uniqueSleep();
  const begin = performance.now();
  const servers = [];
  for (let i = 0; i < 10 * seconds; i++) {
    const server = Server.start(place);
    servers.push(server);
    server.mayBeCut = true;
    const { result } = await server.initialize();
    assert.equal(result.serverInfo.name, 'casemate');
    for (const name of incarnations(place)) names.add(name);
    launchers.push(...childrenOf(server.child.pid));
    if (i % 3 === 0) server.send(call('call', { command: ['sleep', marker] }));
    drops[i % drops.length](server.child);
    // The pace of the host; nothing depends on it.
    const wait = begin + 100 * (i + 1) - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  }
  await Promise.all(servers.map((server) => server.exited));
  const last = Server.start(place);
  await last.initialize();
  launchers.push(...childrenOf(last.child.pid));
  await endsInTime(last);
  t.diagnostic(`${servers.length} starts in ${Math.round(performance.now() - begin)} ms`);
  assert.equal(launchers.length, servers.length + 1);
  await until(() => processesWith(marker).length === 0, 'the calls are gone');
  for (const launcher of launchers) await until(() => processesOfSession(launcher).length === 0, 'all processes are gone');
  assert.deepEqual(incarnations(place), []);
  for (const name of names) assert.deepEqual(cgroupsOf(path.parse(name).name), [], 'no control group is left');
  assert.equal((await verifyTrail(place)).intact, true);
});

// What the server writes until the reply to `message`, byte by byte.
async function firstBytes(place, message, { env = {}, args = ['serve'] } = {}) {
  const start = performance.now();
  const child = spawn(bin, args, { env: { ...place.env, ...env }, stdio: 'pipe' });
  place.closing(() => child.exitCode === null && child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (data) => (stderr += data));
  child.stdin.write(line(message));
  const [bytes] = await once(child.stdout, 'data');
  const took = performance.now() - start;
  child.stdin.end();
  await once(child, 'close');
  return { text: bytes.toString(), took, stderr };
}

test('nothing is on standard output before the first reply, whatever the state and the options', async (t) => {
  const place = scratch(t);
  const config = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(config, 'version: 1\nwarm_sandboxes: 8\nsandbox: {mode: best_effort}\n');
  const ways = [{}, {}, { args: ['serve', '--sandbox-mode', 'best_effort'] }, { env: { CASEMATE_CONFIG: config } }];
  for (const way of ways) {
    for (const message of [hello, { id: 'init', method: 'server/discover', params: { _meta: modernMeta } }]) {
      const { text } = await firstBytes(place, message, way);
      assert.match(text, /^\{"id":"init",.*\}\n$/);
    }
  }
});

test('a server that cannot start says why on standard error only', async (t) => {
  const place = scratch(t);
  const config = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(config, 'version: 7\n');
  const { code, stdout, stderr } = await cli(place, ['serve'], { env: { CASEMATE_CONFIG: config }, input: line(hello) });
  assert.equal(code, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /^casemate: [^\n]*config\.yaml:1:\d+: [^\n]*\n$/);
});

test('the log of a session in order is short', async (t) => {
  const server = Server.start(scratch(t));
  await server.initialize();
  await server.request('tools/list');
  await server.run({ command: ['sh', '-c', 'echo out; echo err >&2; exit 3'] });
  await server.run({ command: ['ls'], workspace: '/etc' });
  await server.request('no/such');
  await server.run({ command: 7 });
  await endsInTime(server);
  assert.ok(server.stderr.length < 500 && server.stderr.split('\n').length <= 4, server.stderr);
});

test('the time to the first reply is told', async (t) => {
  const place = scratch(t);
  const median = (times) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)].toFixed(1);
  const replies = [];
  const starts = [];
  for (let i = 0; i < 9; i++) {
    replies.push((await firstBytes(place, hello)).took);
    const start = performance.now();
    await cli(place, ['--version']);
    starts.push(performance.now() - start);
  }
  t.diagnostic(`first reply ${median(replies)} ms after spawn; \`--version\` from spawn to end ${median(starts)} ms`);
});
