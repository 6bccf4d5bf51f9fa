// Every way in which a server ends: exit code 0 within 2 s, nothing of a running call is left, and
// the trail is closed.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scratch, verifyTrail } from './lib/casemate.mjs';
import { incarnations, launchersOf, processesWith, until } from './lib/facts.mjs';
import { Server } from './lib/server.mjs';

const endings = {
  'end of file': (server) => server.child.stdin.end(),
  SIGTERM: (server) => server.child.kill('SIGTERM'),
  SIGINT: (server) => server.child.kill('SIGINT'),
  SIGHUP: (server) => server.child.kill('SIGHUP'),
  'a broken pipe': (server) => server.child.stdout.destroy(),
  'both ends gone': (server) => {
    server.child.stdout.destroy();
    server.child.stdin.destroy();
  },
};

async function inTime(server, end) {
  const start = process.hrtime.bigint();
  end(server);
  const exit = await server.exited;
  assert.deepEqual(exit, { code: 0, signal: null }, server.stderr);
  assert.ok(process.hrtime.bigint() - start < 2_000_000_000n, 'within 2 s');
}

async function nothingLeft(place, markers, launchers) {
  for (const marker of markers) await until(() => processesWith(marker).length === 0, 'the sleeper is gone');
  await until(() => !launchers.some(alive), 'the launcher is gone');
  assert.deepEqual(incarnations(place), [], 'no lock file is left');
  const trail = await verifyTrail(place);
  assert.equal(trail.code, 0);
  assert.equal(trail.intact, true);
  assert.deepEqual(trail.unfinished, []);
}
function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

for (const [name, end] of Object.entries(endings)) {
  test(`${name} ends a server with running calls`, async (t) => {
    const place = scratch(t);
    const server = Server.start(place);
    await server.initialize();
    const launchers = launchersOf(incarnations(place)[0]);
    assert.equal(launchers.length, 1);
    const markers = [await server.startSleeper(1), await server.startSleeper(2)];
    for (const marker of markers) await until(() => processesWith(marker).length > 0, 'the sleeper runs');
    await inTime(server, end);
    await nothingLeft(place, markers, launchers);
  });

  test(`${name} ends an idle server`, async (t) => {
    const place = scratch(t);
    const server = Server.start(place);
    await server.initialize();
    const launchers = launchersOf(incarnations(place)[0]);
    await inTime(server, end);
    await nothingLeft(place, [], launchers);
  });

  // Here there are answers to deliver that nobody takes.
  test(`${name} ends a server whose client does not read`, async (t) => {
    const place = scratch(t);
    const server = Server.start(place);
    await server.initialize();
    const marker = await server.startSleeper('sleeper');
    server.child.stdout.pause();
    server.mayBeCut = true;
    const params = { name: 'run', arguments: { command: ['sh', '-c', 'yes | head -c 60000'] } };
    for (let id = 0; id < 60; id++) server.send({ id, method: 'tools/call', params });
    // 60 outcomes of 120 kB each: once 20 are there the pipe is full, whatever its size.
    for (let finished = 0; finished < 20; ) {
      finished = (await verifyTrail(place)).records / 2;
    }
    await inTime(server, end);
    await until(() => processesWith(marker).length === 0, 'the sleeper is gone');
    assert.deepEqual(incarnations(place), []);
    assert.deepEqual((await verifyTrail(place)).unfinished, []);
  });
}

test('a signal during the start ends the server too', async (t) => {
  const place = scratch(t);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
    const server = Server.start(place);
    server.child.kill(signal);
    const { code, signal: by } = await server.exited; // before its handlers stand, the signal itself
    assert.ok(code === 0 || by === signal, `${code} ${by}`);
  }
  const next = Server.start(place);
  await next.initialize();
  assert.equal(incarnations(place).length, 1, 'nothing of the others is left');
});
