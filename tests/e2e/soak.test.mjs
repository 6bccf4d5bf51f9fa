// Many calls on one server: memory, descriptors, threads and cgroups stay where they were.
// CASEMATE_SOAK_CALLS sets how many; `./dev test --full` takes many more than the default.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cli, scratch } from './lib/casemate.mjs';
import { cgroupsOf, childrenOf, incarnations, until } from './lib/facts.mjs';
import { Server } from './lib/server.mjs';

const calls = Number(process.env.CASEMATE_SOAK_CALLS ?? 300);
const atOnce = 4;

function footprint(pid) {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  const number = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]);
  return { rssKb: number('VmRSS'), threads: number('Threads'), fds: fs.readdirSync(`/proc/${pid}/fd`).length };
}

async function callMany(server, count) {
  for (let done = 0; done < count; done += atOnce) {
    const batch = Array.from({ length: atOnce }, (_, i) => server.run({ command: ['echo', String(i)] }));
    for (const reply of await Promise.all(batch)) assert.equal(reply.result.structuredContent.exit_code, 0);
  }
}

test(`${calls} calls leave the server as it was`, async (t) => {
  const place = scratch(t);
  // As many threads as calls at once: the first calls start them all, and no more may come.
  const config = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(config, `version: 1\nmax_concurrent_calls: ${atOnce}\n`);
  const server = Server.start(place, { env: { CASEMATE_CONFIG: config } });
  await server.initialize();
  await callMany(server, 100);
  const [incarnation] = incarnations(place);
  const [launcher] = childrenOf(server.child.pid);
  const before = [footprint(server.child.pid), footprint(launcher)];

  await callMany(server, calls);
  // Of each sandbox that it has made ahead the launcher holds a process and a socket.
  const warm = 2 * 4;
  await until(() => footprint(launcher).fds <= before[1].fds + warm, 'the launcher has closed what it opened');
  const after = [footprint(server.child.pid), footprint(launcher)];
  for (const [i, name] of ['server', 'launcher'].entries()) {
    assert.equal(after[i].threads, before[i].threads, `threads of the ${name}`);
    assert.ok(after[i].fds <= before[i].fds + (name === 'launcher' ? warm : 0), `descriptors of the ${name}: ${JSON.stringify([before[i], after[i]])}`);
    const room = process.env.CASEMATE_SANITIZED ? 200_000 : 2_000;
    assert.ok(after[i].rssKb - before[i].rssKb < room, `memory of the ${name}: ${JSON.stringify([before[i], after[i]])}`);
  }
  server.child.stdin.end();
  assert.equal((await server.exited).code, 0);
  assert.equal(cgroupsOf(incarnation).length, 0);
  const report = JSON.parse((await cli(place, ['audit', 'verify', '--json'])).stdout);
  assert.equal(report.intact, true);
  assert.equal(report.records, 2 * (calls + 100) + 2);
});
