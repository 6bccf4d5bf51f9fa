// Servers that die in the middle of calls, and several servers on one state directory.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cgroupsOf, cli, incarnations, mountCount, processesWith, scratch, Server, until } from './lib/casemate.mjs';

const verify = async (place) => {
  const { code, stdout } = await cli(place, ['audit', 'verify', '--json']);
  return { code, ...JSON.parse(stdout) };
};

test('SIGKILL in the middle of a call leaves nothing behind after the next start', async (t) => {
  const place = scratch(t);
  const mounts = mountCount();
  const server = Server.start(t, place);
  await server.initialize();
  const marker = await server.startSleeper(place, 1);
  const [incarnation] = incarnations(place);
  server.child.kill('SIGKILL');
  await server.exited;

  const next = Server.start(t, place);
  await next.initialize();
  await until(() => processesWith(marker).length === 0, 'the sleeper is gone');
  await until(() => cgroupsOf(incarnation).length === 0, 'its cgroups are gone');
  assert.equal(mountCount(), mounts);
  assert.equal(incarnations(place).includes(incarnation), false, 'its lock file is gone');

  const report = await verify(place);
  assert.equal(report.intact, true);
  assert.equal(report.unfinished.length, 1);
  const text = (await cli(place, ['audit', 'verify'])).stdout;
  assert.match(text, new RegExp(`unfinished.*#${report.unfinished[0]}`));
  assert.equal((await next.run({ command: ['true'] })).result.structuredContent.exit_code, 0);
});

test('SIGKILL of the launcher ends its calls with an error, not a hang', async (t) => {
  const place = scratch(t);
  const server = Server.start(t, place);
  await server.initialize();
  const marker = await server.startSleeper(place, 1);
  const launchers = processesWith(incarnations(place)[0]);
  assert.equal(launchers.length, 1);
  process.kill(Number(launchers[0]), 'SIGKILL');
  const reply = await server.reply(1);
  assert.equal(reply.result.isError, true);
  await until(() => processesWith(marker).length === 0, 'the sleeper is gone');
  const after = await server.run({ command: ['true'] });
  assert.equal(after.result.isError, true); // refused with a reason; nothing runs unconfined
  assert.match(after.result.content[0].text, /launcher/);
});

test('four servers share a state directory; one is killed in the middle of a call', async (t) => {
  const place = scratch(t);
  const servers = [0, 1, 2, 3].map(() => Server.start(t, place));
  await Promise.all(servers.map((server) => server.initialize()));
  const marker = await servers[0].startSleeper(place, 1);
  const calls = servers.slice(1).flatMap((server) =>
    Array.from({ length: 8 }, (_, i) => server.run({ command: ['echo', String(i)] })),
  );
  servers[0].child.kill('SIGKILL');
  for (const reply of await Promise.all(calls)) {
    assert.equal(reply.result.structuredContent.status, 'exited', JSON.stringify(reply.result));
  }
  await until(() => processesWith(marker).length === 0, 'the sleeper is gone');

  const during = await verify(place);
  assert.equal(during.code, 0);
  assert.equal(during.unfinished.length, 1);
  for (const server of servers.slice(1)) {
    server.child.stdin.end();
    assert.equal((await server.exited).code, 0);
  }
  const after = await verify(place);
  assert.equal(after.intact, true);
  const kinds = (await cli(place, ['audit', 'tail', '-n', '1000', '--json'])).stdout.trim().split('\n').map((line) => JSON.parse(line).kind);
  assert.equal(kinds.filter((kind) => kind === 'intent').length, 25);
  assert.equal(kinds.filter((kind) => kind === 'outcome').length, 24);
});

test('a server reaps only the dead', async (t) => {
  const place = scratch(t);
  const first = Server.start(t, place);
  await first.initialize();
  const marker = await first.startSleeper(place, 1);
  const second = Server.start(t, place);
  await second.initialize();
  assert.equal((await second.run({ command: ['true'] })).result.isError, false);
  await until(() => processesWith(marker).length > 0, "the living server's call goes on");
  assert.equal(incarnations(place).length, 2);
});
