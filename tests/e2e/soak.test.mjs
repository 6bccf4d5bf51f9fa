// Many calls on one server: memory, descriptors, threads and cgroups stay where they were.
// CASEMATE_SOAK_CALLS sets how many; `./dev soak` and `./dev test --full` take 10,000.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cli, scratch } from './lib/casemate.mjs';
import { cgroupsOf, childrenOf, incarnations, until } from './lib/facts.mjs';
import { Server } from './lib/server.mjs';

const calls = Number(process.env.CASEMATE_SOAK_CALLS ?? 300);
const atOnce = 4;
const warmUp = 100;
const parts = 5;

function footprint(pid) {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  const number = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]);
  return { rssKb: number('VmRSS'), threads: number('Threads'), fds: fs.readdirSync(`/proc/${pid}/fd`).length };
}

const groupsIn = (group) => fs.readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory()).length;

// One after the other of the ways that a call can go: what it is given, and where its output stays.
const kinds = (place) => [
  { command: ['echo', 'short'] },
  { command: ['cksum'], stdin: 'x'.repeat(100_000) },
  { language: 'bash', code: 'cat data', files: [{ path: 'data', content: 'of the call' }] },
  { command: ['sh', '-c', 'echo made >made'], workspace: place.work },
  { command: ['seq', '1', '5000'] }, // more than a reply holds: it is kept, and the oldest is pruned
];

// At least `count`; how many they were.
async function callMany(server, place, count) {
  const all = kinds(place);
  let done = 0;
  for (; done < count; done += atOnce) {
    const batch = Array.from({ length: atOnce }, (_, i) => server.run(all[(done + i) % all.length]));
    for (const reply of await Promise.all(batch)) assert.equal(reply.result.structuredContent.exit_code, 0);
    server.messages.length = 0; // answered
  }
  return done;
}

test(`${calls} calls leave the server as it was`, async (t) => {
  const place = scratch(t);
  // As many threads as calls at once: the first calls start them all, and no more may come. As many
  // outputs are kept as the first calls leave.
  const config = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(config, `version: 1\nmax_concurrent_calls: ${atOnce}\nruns: {keep: 10}\n`);
  const server = Server.start(place, { env: { CASEMATE_CONFIG: config } });
  await server.initialize();
  let sent = await callMany(server, place, warmUp);
  const [incarnation] = incarnations(place);
  const [launcher] = childrenOf(server.child.pid);
  const taken = () => [footprint(server.child.pid), footprint(launcher)];
  const at = [taken()];
  for (let part = 0; part < parts; ++part) {
    sent += await callMany(server, place, calls / parts);
    at.push(taken());
  }
  // Of each of the four sandboxes that it may have made ahead the launcher holds a process, a socket
  // and files of its control groups.
  const warm = 4 * 8;
  await until(() => footprint(launcher).fds <= at[0][1].fds + warm, 'the launcher has closed what it opened');
  at[parts] = taken();
  for (const [i, name] of ['server', 'launcher'].entries()) {
    const told = ['rssKb', 'fds', 'threads'].map((what) => `${what} ${at.map((each) => each[i][what]).join(' ')}`).join('; ');
    t.diagnostic(`${name}: ${told}`);
    const [first, last] = [at[0][i], at[parts][i]];
    assert.equal(last.threads, first.threads, `threads of the ${name}: ${told}`);
    assert.ok(last.fds <= first.fds + (name === 'launcher' ? warm : 0), `descriptors of the ${name}: ${told}`);
    // The first few thousand records fill SQLite's page cache of 2 MB. When a soak is long, that is
    // done in its first part, and then nothing grows.
    const room = process.env.CASEMATE_SANITIZED ? 200_000 : 3_000;
    assert.ok(last.rssKb - first.rssKb < room, `memory of the ${name}: ${told}`);
    if (calls >= 10_000) assert.ok(last.rssKb - at[1][i].rssKb < room / 6, `memory of the ${name}: ${told}`);
  }
  // A group of the incarnation in each hierarchy, and in it one for each sandbox made ahead, and one
  // in reserve.
  await until(() => cgroupsOf(incarnation).every((group) => groupsIn(group) <= 4 + 1), 'the groups of calls are removed');
  server.child.stdin.end();
  assert.equal((await server.exited).code, 0);
  assert.equal(cgroupsOf(incarnation).length, 0);
  const report = JSON.parse((await cli(place, ['audit', 'verify', '--json'])).stdout);
  assert.equal(report.intact, true);
  assert.equal(report.records, 2 * sent + 2);
});
