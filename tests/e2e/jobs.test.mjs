// Runs in the background and output that a reply does not hold: followed, cancelled, kept, pruned,
// and left behind by a server that dies.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cli, scratch, verifyTrail } from './lib/casemate.mjs';
import { processesWith, uniqueSleep, until } from './lib/facts.mjs';
import { Server } from './lib/server.mjs';

const call = async (server, name, args) => {
  const { result } = await server.request('tools/call', { name, arguments: args });
  return { ...result.structuredContent, isError: result.isError === true, text: result.content[0].text, content: result.content };
};
const background = async (server, script) => {
  const started = await call(server, 'run', { command: ['sh', '-c', script], background: true });
  assert.equal(started.status, 'working', JSON.stringify(started));
  assert.match(started.job_id, /^[a-z2-7]{26}$/);
  return started.job_id;
};
// The job's output once there is any.
async function firstOutput(server, job_id) {
  for (;;) {
    const output = await call(server, 'job_output', { job_id });
    assert.equal(output.isError, false, output.text);
    if (output.text.includes('started')) return output;
  }
}
const filesOf = (place, id) => path.join(place.state, 'runs', id);
const runsOf = (place) => fs.readdirSync(path.join(place.state, 'runs'));

test('a run in the background is followed to its end', async (t) => {
  const place = scratch(t);
  const server = Server.start(place);
  await server.initialize();
  const release = path.join(place.work, 'release');
  const started = await call(server, 'run', {
    command: ['sh', '-c', 'echo started; until [ -e release ]; do sleep 0.05; done; echo finished; exit 3'],
    workspace: place.work,
    background: true,
  });
  const { job_id } = started;
  const live = await firstOutput(server, job_id);
  assert.equal(live.status, 'working');
  assert.equal((await call(server, 'job_status', { job_id })).status, 'working');
  fs.writeFileSync(release, '');
  const ended = await call(server, 'job_status', { job_id, wait_ms: 30000 });
  assert.equal(ended.status, 'completed');
  assert.equal(ended.result.exit_code, 3);
  assert.match(ended.text, /stdout:\nstarted\nfinished\n/);
  const rest = await call(server, 'job_output', { job_id, offset: 8 });
  assert.equal(rest.total_bytes, 17);
  assert.match(rest.text, /finished/);
  server.child.stdin.end();
  assert.equal((await server.exited).code, 0);

  // The next server knows it, too.
  const next = Server.start(place);
  await next.initialize();
  assert.equal((await call(next, 'job_status', { job_id })).result.exit_code, 3);
  assert.match((await call(next, 'job_output', { job_id })).text, /started\nfinished/);
  assert.deepEqual((await verifyTrail(place)).unfinished, []);
});

test('a cancelled job ends with all it started', async (t) => {
  const place = scratch(t);
  const server = Server.start(place);
  await server.initialize();
  const marker = uniqueSleep();
  const job_id = await background(server, `setsid sleep ${marker} & echo started; sleep ${marker}`);
  await firstOutput(server, job_id);
  await until(() => processesWith(marker).length >= 2, 'both run');
  const cancelled = await call(server, 'job_cancel', { job_id });
  assert.equal(cancelled.status, 'cancelled');
  assert.equal(cancelled.result.stdout, 'started\n');
  assert.deepEqual(processesWith(marker), []);
  const unknown = await call(server, 'job_cancel', { job_id: 'a'.repeat(26) });
  assert.equal(unknown.error.kind, 'not_found');
});

test('a server that ends cancels its jobs and says why', async (t) => {
  const place = scratch(t);
  const server = Server.start(place);
  await server.initialize();
  const marker = uniqueSleep();
  const job_id = await background(server, `echo started; sleep ${marker}`);
  await firstOutput(server, job_id);
  server.child.stdin.end();
  assert.equal((await server.exited).code, 0);
  assert.deepEqual(processesWith(marker), []);
  const next = Server.start(place);
  await next.initialize();
  const job = await call(next, 'job_status', { job_id });
  assert.equal(job.status, 'cancelled');
  assert.match(job.status_message, /shut down/);
  assert.deepEqual((await verifyTrail(place)).unfinished, []);
});

test('jobs of a server that was killed are failed with the reason, and its files are gone', async (t) => {
  const place = scratch(t);
  const other = Server.start(place); // one that lives on, and whose files stay
  await other.initialize();
  const server = Server.start(place);
  await server.initialize();
  const marker = uniqueSleep();
  const script = `head -c 200000 /dev/zero; echo started >&2; sleep ${marker}`; // enough for files
  const [dead, living] = [await background(server, script), await background(other, script)];
  await until(() => runsOf(place).length === 2, 'both have files');
  // Another server's job: seen, but not to be cancelled from here.
  assert.equal((await call(other, 'job_status', { job_id: dead })).status, 'working');
  assert.equal((await call(other, 'job_cancel', { job_id: dead })).error.kind, 'unavailable');
  server.child.kill('SIGKILL');
  await server.closed;

  const next = Server.start(place);
  await next.initialize();
  const job = await call(next, 'job_status', { job_id: dead });
  assert.equal(job.status, 'failed');
  assert.equal(job.status_message, 'the server that ran it ended');
  assert.equal(job.isError, false);
  assert.deepEqual(runsOf(place), [living]);
  assert.equal((await call(other, 'job_status', { job_id: living })).status, 'working');
  assert.equal((await call(other, 'job_cancel', { job_id: living })).status, 'cancelled');
  await until(() => processesWith(marker).length === 0, 'the sleepers are gone');
});

test('a long reply is cut to 8 KiB; all of it is kept, readable and private', async (t) => {
  const place = scratch(t);
  const server = Server.start(place);
  await server.initialize();
  const cut = await call(server, 'run', { command: ['seq', '1', '100000'] });
  assert.ok(Buffer.byteLength(cut.text) <= 8192, String(cut.text.length));
  assert.equal(cut.truncated.stdout, true);
  const id = cut.run_id;
  assert.equal(cut.resources.stdout, `casemate://runs/${id}/stdout`);
  const file = path.join(filesOf(place, id), 'stdout');
  assert.equal(fs.statSync(file).size, 588895);
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  assert.equal(fs.statSync(filesOf(place, id)).mode & 0o777, 0o700);
  const tail = await call(server, 'job_output', { job_id: id, offset: -7 });
  assert.equal(tail.total_bytes, 588895);
  assert.match(tail.text, /\n100000\n$/);
  const stated = await call(server, 'run', { command: ['seq', '1', '20000'], limits: { output_kb: 256 } });
  assert.equal(stated.truncated.stdout, false);
  assert.deepEqual(runsOf(place), [id], 'what the reply holds is not kept');

  // The command line prints what its profile allows, as ever, and keeps nothing.
  const printed = await cli(place, ['run', '--', 'seq', '1', '10000']);
  assert.equal(printed.stdout.length, 48894);
  assert.deepEqual(runsOf(place), [id]);
});

test('old output is pruned, and what nobody registered is removed at the next start', async (t) => {
  const place = scratch(t);
  const server = Server.start(place);
  await server.initialize();
  const first = await call(server, 'run', { command: ['seq', '1', '9999'] });
  const ids = [];
  while (ids.length < 200) {
    const replies = Array.from({ length: 40 }, () => call(server, 'run', { command: ['seq', '1', '9999'] }));
    ids.push(...(await Promise.all(replies)).map((reply) => reply.run_id));
  }
  assert.equal(new Set(ids).size, 200);
  assert.equal(runsOf(place).length, 200);
  assert.equal(fs.existsSync(filesOf(place, first.run_id)), false);
  assert.equal((await call(server, 'job_output', { job_id: first.run_id })).error.kind, 'not_found');
  const left = filesOf(place, 'b'.repeat(26));
  fs.mkdirSync(left);
  fs.writeFileSync(path.join(left, 'stdout'), randomBytes(100));
  const { uid, gid } = fs.statSync(path.dirname(left)); // whom the server works as
  fs.chownSync(left, uid, gid);
  await Server.start(place).initialize();
  assert.equal(fs.existsSync(left), false);
  assert.equal(runsOf(place).length, 200);
});
