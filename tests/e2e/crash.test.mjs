// Servers that die in the middle of calls, and several servers on one state directory.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { test } from 'node:test';

import { bin, cli, scratch, verifyTrail } from './lib/casemate.mjs';
import { cgroupsOf, childrenOf, incarnations, launchersOf, madeGroup, mountCount, processesWith, receives, uniqueSleep, until } from './lib/facts.mjs';
import { killWithLauncher, signal } from './lib/kill.mjs';
import { Server } from './lib/server.mjs';

const inForce = (reply, layer) => reply.result.structuredContent.isolation.layers.some((l) => l.name === layer && l.in_force);
const gone = (marker) => until(() => processesWith(marker).length === 0, 'the sleeper is gone');

test('SIGKILL in the middle of a call leaves nothing behind after the next start', async (t) => {
  const place = scratch(t);
  const mounts = mountCount();
  const server = Server.start(place);
  await server.initialize();
  const layers = await server.run({ command: ['true'] });
  const marker = await server.startSleeper(1);
  await until(() => processesWith(marker).length > 0, 'the sleeper runs');
  const [incarnation] = incarnations(place);
  // Without this the same search after the crash would prove nothing.
  if (inForce(layers, 'cgroup')) assert.ok(cgroupsOf(incarnation).length > 0, 'cgroups are where we look for them');
  server.child.kill('SIGKILL');
  await server.closed;

  const next = Server.start(place);
  await next.initialize();
  await gone(marker);
  await until(() => cgroupsOf(incarnation).length === 0, 'its cgroups are gone');
  await until(() => launchersOf(incarnation).length === 0, 'its launcher is gone');
  assert.equal(mountCount(), mounts);
  assert.equal(incarnations(place).includes(incarnation), false, 'its lock file is gone');

  const report = await verifyTrail(place);
  assert.equal(report.code, 0);
  assert.equal(report.intact, true);
  assert.equal(report.unfinished.length, 1);
  const text = (await cli(place, ['audit', 'verify'])).stdout;
  assert.match(text, new RegExp(`unfinished.*#${report.unfinished[0]}`));
  assert.equal((await next.run({ command: ['true'] })).result.structuredContent.exit_code, 0);
});

test('SIGKILL of the server and its launcher at once leaves nothing after the next start', async (t) => {
  const place = scratch(t);
  const mounts = mountCount();
  const server = Server.start(place);
  await server.initialize();
  const marker = uniqueSleep();
  // The first process of a sandbox is not the one that sleeps: both, and a daemon, must go.
  const command = ['sh', '-c', `setsid sleep ${marker} & echo started; sleep ${marker}; true`];
  server.send({ id: 1, method: 'tools/call', params: { name: 'run', arguments: { command }, _meta: { progressToken: 1 } } });
  await server.waitFor((m) => m.method === 'notifications/progress');
  await until(() => processesWith(marker).length >= 2, 'the sleepers run');
  const [incarnation] = incarnations(place);
  await killWithLauncher(server);

  const next = Server.start(place);
  await next.initialize();
  await gone(marker);
  await until(() => cgroupsOf(incarnation).length === 0, 'its cgroups are gone');
  assert.equal(mountCount(), mounts);
  assert.equal((await verifyTrail(place)).unfinished.length, 1);
});

test('what a server that died had yet to remove is removed by the next one', async (t) => {
  const place = scratch(t);
  const first = Server.start(place);
  await first.initialize();
  const marker = await first.startSleeper(1);
  const [incarnation] = incarnations(place);
  await killWithLauncher(first);
  const second = Server.start(place);
  let launcher;
  const launches = () => (launcher = processesWith('casemate-launcher').find((pid) => childrenOf(second.child.pid).includes(Number(pid))));
  await until(launches, 'it has a launcher');
  signal(launcher, 'SIGSTOP'); // before that has removed anything
  place.closing(() => signal(launcher, 'SIGKILL'));
  let served = false;
  second.initialize().then(() => (served = true), () => {});
  await until(() => served || receives(second.child.pid), 'it waits for its launcher, or does not');
  await killWithLauncher(second);

  const third = Server.start(place);
  await third.initialize();
  await gone(marker);
  await until(() => cgroupsOf(incarnation).length === 0, 'the cgroups of the first are gone');
  assert.equal(incarnations(place).length, 1);
});

// Each systemd scope or login session is another group: the next server is seldom in the same one.
test('the groups of a server that was started in another control group are removed', async (t) => {
  const place = scratch(t);
  const own = madeGroup(t);
  if (own === undefined) return t.skip('no control group can be made here');
  const args = ['-c', 'echo $$ > "$0/cgroup.procs" && exec "$1" serve', own, bin];
  const server = Server.start(place, { program: '/bin/sh', args });
  await server.initialize();
  const marker = await server.startSleeper(1);
  const [incarnation] = incarnations(place);
  await until(() => cgroupsOf(incarnation).some((group) => group.startsWith(own)), 'its groups are in that one');
  await killWithLauncher(server);

  const next = Server.start(place);
  await next.initialize();
  await gone(marker);
  await until(() => cgroupsOf(incarnation).length === 0, 'its cgroups are gone');
});

test('SIGKILL at any moment leaves a chain that verifies', async (t) => {
  const place = scratch(t);
  const marker = uniqueSleep();
  assert.equal((await cli(place, ['run', '--', 'true'])).code, 0); // a trail is there to verify
  const call = (id, command) => ({ id, method: 'tools/call', params: { name: 'run', arguments: { command } } });
  // What is awaited before the kill; where nothing is, the kill meets whatever is going on.
  const moments = [
    async () => {},
    async (server) => server.initialize(),
    async (server) => {
      await server.initialize();
      for (let id = 0; id < 20; id++) server.send(call(id, ['sleep', marker]));
    },
    async (server) => {
      await server.initialize();
      for (let id = 0; id < 20; id++) server.send(call(id, ['true']));
      await server.reply(3);
    },
    async (server) => {
      await server.initialize();
      for (let id = 0; id < 8; id++) server.send(call(id, ['sleep', marker]));
      await until(() => processesWith(marker).length >= 4, 'four of them run');
      server.child.stdin.end();
    },
  ];
  for (const [index, moment] of [...moments, ...moments].entries()) {
    const server = Server.start(place);
    await moment(server);
    server.child.kill('SIGKILL');
    await server.closed;
    const report = await verifyTrail(place);
    assert.equal(report.intact, true, `moment ${index}: ${JSON.stringify(report)}`);
    assert.equal(report.code, 0);
  }
  const last = Server.start(place);
  await last.initialize();
  assert.equal((await last.run({ command: ['true'] })).result.structuredContent.exit_code, 0);
  await gone(marker);
  assert.equal(incarnations(place).length, 1);
});

test('SIGKILL of the launcher ends its calls with an error, not a hang', async (t) => {
  const place = scratch(t);
  const server = Server.start(place);
  await server.initialize();
  const marker = await server.startSleeper(1);
  const [incarnation] = incarnations(place);
  const launchers = childrenOf(server.child.pid);
  assert.equal(launchers.length, 1);
  process.kill(launchers[0], 'SIGKILL');
  const reply = await server.reply(1);
  assert.equal(reply.result.isError, true);
  await gone(marker);
  const after = await server.run({ command: ['true'] });
  assert.equal(after.result.isError, true); // refused with a reason; nothing runs unconfined
  assert.match(after.result.content[0].text, /launcher/);
  server.child.stdin.end();
  assert.equal((await server.exited).code, 0);
  assert.deepEqual((await verifyTrail(place)).unfinished, []);
  // The server could not tidy up without its launcher; the next one must.
  assert.equal((await cli(place, ['run', '--', 'true'])).code, 0);
  await until(() => cgroupsOf(incarnation).length === 0, 'its cgroups are gone');
});

test('SIGKILL of `casemate run` leaves nothing after the next start', async (t) => {
  const place = scratch(t);
  const marker = uniqueSleep();
  assert.equal((await cli(place, ['run', '--', 'true'])).code, 0); // a trail is there to verify
  const child = spawn(bin, ['run', '--', 'sleep', marker], { env: place.env, stdio: 'ignore' });
  const exited = new Promise((resolve) => child.on('close', resolve));
  while ((await verifyTrail(place)).running.length === 0); // its intent
  child.kill('SIGKILL');
  await exited;
  assert.equal((await cli(place, ['run', '--', 'true'])).code, 0);
  await gone(marker);
  assert.deepEqual(incarnations(place), []);
  assert.equal((await verifyTrail(place)).unfinished.length, 1);
});

test('four servers share a state directory; one is killed in the middle of a call', async (t) => {
  const place = scratch(t);
  // On a fresh directory, and at once: they also meet in the migrations.
  const servers = [0, 1, 2, 3].map(() => Server.start(place));
  await Promise.all(servers.map((server) => server.initialize()));
  const marker = await servers[0].startSleeper(1);
  const living = await verifyTrail(place);
  assert.equal(living.running.length, 1, 'a call of a living server is not unfinished');
  assert.deepEqual(living.unfinished, []);
  const calls = servers.slice(1).flatMap((server) =>
    Array.from({ length: 8 }, (_, i) => server.run({ command: ['echo', String(i)] })),
  );
  servers[0].child.kill('SIGKILL');
  for (const reply of await Promise.all(calls)) {
    assert.equal(reply.result.structuredContent.status, 'exited', JSON.stringify(reply.result));
  }
  await gone(marker);

  const during = await verifyTrail(place);
  assert.equal(during.code, 0);
  assert.equal(during.unfinished.length, 1);
  for (const server of servers.slice(1)) {
    server.child.stdin.end();
    assert.equal((await server.exited).code, 0);
  }
  const after = await verifyTrail(place);
  assert.equal(after.intact, true);
  const lines = (await cli(place, ['audit', 'tail', '-n', '1000', '--json'])).stdout.trim().split('\n');
  const kinds = lines.map((line) => JSON.parse(line).kind);
  assert.equal(kinds.filter((kind) => kind === 'intent').length, 25);
  assert.equal(kinds.filter((kind) => kind === 'outcome').length, 24);
});

test('a server reaps only the dead', async (t) => {
  const place = scratch(t);
  const first = Server.start(place);
  await first.initialize();
  const marker = await first.startSleeper(1);
  const second = Server.start(place);
  await second.initialize();
  assert.equal((await second.run({ command: ['true'] })).result.isError, false);
  await until(() => processesWith(marker).length > 0, "the living server's call goes on");
  assert.equal(incarnations(place).length, 2);
  // Still the first one's to end.
  first.send({ method: 'notifications/cancelled', params: { requestId: 1 } });
  await gone(marker);
});
