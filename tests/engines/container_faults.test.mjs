// What may befall an engine, and what it may hold: the server says so, serves all else meanwhile, goes
// on when the engine does, owes nothing and does not grow.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';

import { bin, cli } from '../e2e/lib/casemate.mjs';
import { peakMemoryKb, processesWith, uniqueSleep, until } from '../e2e/lib/facts.mjs';
import { busybox } from './engines.mjs';
import { call, containersOf, fine, flat, inspect, labels, onBoth, placeOn, refused, remove, session } from './sessions.mjs';

const sh = (script, target, more) => ({ command: ['sh', '-c', script], target, ...more });
const image = { image: busybox };
const web = { container: 'web' };
const service = (server, name = 'web', command = ['sleep', '1000']) => fine(server, 'container_lifecycle', { action: 'create', image: busybox, name, command });
const runsOn = async (engine) => (await containersOf(engine)).filter(({ Labels }) => Labels?.[labels.purpose] === 'run');
// Sends a call and returns once it has said something; its reply comes by server.reply(id).
async function underway(server, id, name, args) {
  server.send({ id, method: 'tools/call', params: { name, arguments: args, _meta: { progressToken: `p-${id}` } } });
  await server.waitFor((m) => m.method === 'notifications/progress' && m.params.progressToken === `p-${id}`, `progress of ${id}`);
}
const resultOf = async (server, id) => flat(await server.reply(id));
// What has nothing to do with engines works.
async function serves(server) {
  assert.deepEqual((await server.request('ping')).result, {});
  assert.equal((await fine(server, 'run', { command: ['echo', 'native'] })).stdout, 'native\n');
}

// With a place and a server of it.
const served = (what, wanted, body) => onBoth(what, async (t, engine) => {
  const place = placeOn(t, engine);
  return body(t, { engine, place, server: await session(place) });
}, wanted);

served('the daemon is killed in the middle of commands and logs', {}, async (t, { engine, place, server }) => {
  await service(server, 'web', ['sh', '-c', 'echo begun; sleep 1000']);
  const marker = uniqueSleep();
  await underway(server, 'exec', 'run', sh('echo begun; sleep 1000', web));
  await underway(server, 'image', 'run', sh(`echo begun; sleep ${marker}`, image));
  await underway(server, 'logs', 'container_logs', { container: 'web', follow_s: 50 });
  await engine.kill();
  for (const id of ['exec', 'image']) {
    const result = await resultOf(server, id);
    assert.equal(result.error?.kind, 'lost', JSON.stringify(result));
    assert.match(result.stdout, /^begun/);
    assert.match(result.text, /What to do: ./);
  }
  const followed = await resultOf(server, 'logs');
  assert.ok(followed.isError ? followed.error.kind === 'unavailable' : /begun/.test(followed.text), followed.text);
  await refused(server, 'container_status', {}, 'unavailable', /sock/);
  await refused(server, 'run', sh('true', image), 'unavailable', /sock/);
  await serves(server);

  await engine.start();
  assert.match((await fine(server, 'container_status', { container: 'web' })).text, /^web /);
  await fine(server, 'container_lifecycle', { action: 'restart', container: 'web', grace_s: 0 });
  assert.equal((await fine(server, 'run', sh('echo again', web))).stdout, 'again\n');
  // With the next container of ours goes the one that nobody was there to remove.
  assert.equal((await fine(server, 'run', sh('echo again', image))).stdout, 'again\n');
  assert.deepEqual(await runsOn(engine), []);
  await until(() => processesWith(marker).length === 0, 'nothing of it runs');

  // The same, and the server ends before there is an engine again: the next one clears up.
  await underway(server, 'last', 'run', sh('echo begun; sleep 1000', image));
  await engine.kill();
  assert.equal((await resultOf(server, 'last')).error?.kind, 'lost');
  await server.end();
  await engine.start();
  assert.equal((await runsOn(engine)).length, 1);
  const next = await session(place);
  while ((await runsOn(engine)).length > 0 && !t.signal.aborted);
  await fine(next, 'container_lifecycle', { action: 'remove', container: 'web', force: true });
  await next.end();
});

served('the daemon hangs', {}, async (t, { engine, place, server }) => {
  await service(server);
  const dead = await session(place);
  await underway(dead, 'left', 'run', sh('echo begun; sleep 1000', image));
  dead.child.kill('SIGKILL');
  await dead.closed;
  const short = { timeout_ms: 1500 };
  await underway(server, 'exec', 'run', sh('echo begun; sleep 1000', web, short));
  await underway(server, 'image', 'run', sh('echo begun; sleep 1000', image, short));
  await engine.pause();
  const calls = [['container_status', {}], ['container_status', web], ['container_logs', web], ['run', sh('true', web)], ['run', sh('true', image)],
    ['container_lifecycle', { action: 'stop', container: 'web' }], ['container_lifecycle', { action: 'create', image: busybox, command: ['true'] }]];
  const hung = calls.map(([name, args]) => refused(server, name, args, 'unavailable', /engine|sock/));
  await serves(server);
  assert.equal(server.messages.filter(({ result }) => result?.structuredContent?.error).length, 0, 'the others wait still');
  // Another one starts, serves and ends all the same, though it cannot clear up after the dead one.
  const other = await session(place);
  await serves(other);
  await other.end();
  await Promise.all(hung);
  for (const id of ['exec', 'image']) {
    const result = await resultOf(server, id);
    assert.ok(['lost', 'timed_out'].includes(result.error?.kind), JSON.stringify(result));
    assert.match(result.stdout, /^begun/);
  }
  await serves(server);
  await engine.resume();
  assert.equal((await fine(server, 'run', sh('echo again', web))).stdout, 'again\n');
  assert.equal((await fine(server, 'run', sh('echo again', image))).stdout, 'again\n');
  const next = await session(place);
  while ((await runsOn(engine)).length > 0 && !t.signal.aborted);
  await fine(next, 'container_lifecycle', { action: 'remove', container: 'web', force: true });
  await next.end();
  await server.end();
  assert.deepEqual(await containersOf(engine), []);
});

served('no room is left for its data', { dataMib: 64 }, async (t, { engine, server }) => {
  await service(server);
  assert.ok((await engine.fill()) > 0);
  const said = [await call(server, 'run', sh('true', image)), await call(server, 'container_lifecycle', { action: 'create', image: busybox, name: 'more', command: ['sleep', '1000'] })];
  for (const result of said.filter(({ isError }) => isError)) assert.match(result.text, /no space left on device[^]*What to do: [^]*(space|room)/i);
  assert.ok(said.some(({ isError }) => isError), JSON.stringify(said));
  await fine(server, 'container_status', {});
  await serves(server);
  await engine.free();
  assert.equal((await fine(server, 'run', sh('echo again', image))).stdout, 'again\n');
  for (const { Id } of await containersOf(engine)) await remove(engine, Id);
  await server.end();
});

served('many containers, many commands at once, a long log, and a server that does not grow', {}, async (t, { engine, place, server }) => {
  await service(server, 'web', ['sh', '-c', 'echo begun; sleep 1000']);
  const { pid } = server.child;

  await t.test('50 commands at once', async () => {
    const said = await Promise.all(Array.from({ length: 50 }, (_, i) => fine(server, 'run', sh(`cat; echo ${i} >&2; exit ${i}`, web, { stdin: `in ${i}\n` }))));
    said.forEach((done, i) => assert.deepEqual([done.exit_code, done.stdout, done.stderr], [i, `in ${i}\n`, `${i}\n`]));
  });

  await t.test('100 containers', async () => {
    const ids = [];
    for (let i = 0; i < 100; i += 10) {
      ids.push(...await Promise.all(Array.from({ length: 10 }, async (_, j) => {
        const made = await engine.request('POST', `/v1.41/containers/create?name=many-${i + j}`, { Image: busybox, Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'none' } });
        assert.equal(made.status, 201, made.text);
        return made.json.Id;
      })));
    }
    const all = await fine(server, 'container_status', {});
    assert.match(all.text, /^web /);
    assert.ok(all.text.length < 10_000);
    assert.equal(all.total, 101, JSON.stringify(Object.keys(all)));
    const begun = Date.now();
    const listed = await cli(place, ['containers', 'ls', '--all', '--json']);
    assert.equal(listed.code, 0, listed.stderr);
    const { total, containers } = JSON.parse(listed.stdout);
    assert.deepEqual([total, containers.length, containers[0].name], [101, 101, 'web']);
    assert.equal((await cli(place, ['containers', 'ls', '--all'])).stdout.trimEnd().split('\n').length, 102, 'and a header');
    assert.ok(Date.now() - begun < 20_000, `${Date.now() - begun} ms`);
    const watch = spawn(bin, ['containers', 'ls', '--all', '--watch', '--json'], { env: place.env, stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = once(watch, 'close');
    let looks = '';
    watch.stdout.on('data', (data) => {
      looks += data;
      if (looks.split('\n').length > 2) watch.kill('SIGINT');
    });
    assert.equal((await closed)[0], 130);
    for (const look of looks.trimEnd().split('\n')) assert.equal(JSON.parse(look).total, 101);
    const few = await fine(server, 'container_status', { match: 'many-9' });
    assert.deepEqual(few.text.match(/^many-\d+/gm).sort(), ['many-9', ...Array.from({ length: 10 }, (_, i) => `many-9${i}`)]);
    await Promise.all(ids.map((id) => remove(engine, id)));
  });

  await t.test('a log of 1 GiB', async () => {
    const { LogPath: log } = await inspect(engine, 'web');
    const search = async () => assert.match((await fine(server, 'container_logs', { container: 'web', grep: 'the very (first|last) line' })).log, /the very last line/);
    // Podman holds all that is searched in its own memory first.
    if (engine.name === 'podman') {
      writeLog(engine.name, log, 2 ** 28);
      await search();
    }
    writeLog(engine.name, log, 2 ** 30);
    const last = await fine(server, 'container_logs', { container: 'web' });
    assert.match(last.text, /the very last line/);
    if (engine.name === 'docker') await search();
    assert.ok(peakMemoryKb(pid) < 128 * 1024, `${peakMemoryKb(pid)} KiB`);
    fs.truncateSync(log);
  });

  await t.test('300 calls leave nothing in the server', async () => {
    const round = async () => {
      for (const [name, args] of [['run', sh('echo x', web)], ['container_status', {}], ['container_status', web], ['container_logs', web], ['container_logs', { container: 'nobody' }], ['run', sh('true', { container: 'nobody' })]]) {
        await call(server, name, args);
      }
    };
    const rounds = (count) => Promise.all(Array.from({ length: 5 }, async () => {
      for (let i = 0; i < count; i++) await round();
    }));
    const facts = () => ({ fds: fs.readdirSync(`/proc/${pid}/fd`).length, threads: fs.readdirSync(`/proc/${pid}/task`).length, kb: residentKb(pid) });
    await rounds(10); // the page cache of its database fills
    await fine(server, 'run', sh('true', image));
    const before = facts();
    await rounds(10);
    await fine(server, 'run', sh('true', image));
    const after = facts();
    assert.ok(after.fds <= before.fds + 2 && after.threads <= before.threads + 2 && after.kb < before.kb + 8 * 1024, JSON.stringify({ before, after }));
  });
  await fine(server, 'container_lifecycle', { action: 'remove', container: 'web', force: true });
  await server.end();
  assert.deepEqual(await containersOf(engine), []);
});
const residentKb = (pid) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

// Lines as the engine itself writes them, behind its back: it would take minutes. Until the file is as
// long as that.
function writeLog(name, file, size) {
  const time = '2026-01-01T00:00:00.000000000Z';
  const record = (text, whole = true) => (name === 'docker' ? `${JSON.stringify({ log: text + (whole ? '\n' : ''), stream: 'stdout', time })}\n` : `${time} stdout ${whole ? 'F' : 'P'} ${text}\n`);
  const out = fs.openSync(file, 'a');
  const part = Buffer.from(record('y'.repeat(16_000), false).repeat(1024)); // one line of 128 MiB
  const lines = Buffer.from(record('x'.repeat(8_000)).repeat(2048));
  fs.writeSync(out, record('the very first line'));
  // Podman puts it together itself, and takes the longer, the longer it gets.
  for (let bytes = 0; bytes < 2 ** 27 && name === 'docker'; bytes += part.length) fs.writeSync(out, part);
  while (fs.fstatSync(out).size < size) fs.writeSync(out, lines);
  fs.writeSync(out, record('the very last line'));
  fs.closeSync(out);
}
