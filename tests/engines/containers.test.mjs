// `run` and the tools for containers, end to end: a client over stdio, the real server, real engines.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { processesWith, uniqueSleep, until } from '../e2e/lib/facts.mjs';
import { busybox, containerOn, skipped } from './engines.mjs';
import { call, containersOf, fine, flat, inspect, labels, onBoth, owner, placeOn, refused, remove, session, trailOf } from './sessions.mjs';

// Arguments of `run` that do the same in a container of its own and in one that exists.
const targets = (web) => ({ image: { image: busybox }, container: { container: web } });
const sh = (script, more) => ({ command: ['sh', '-c', script], ...more });

// A service of our own that runs, by its name.
async function service(server, name = 'web', more = {}) {
  const made = await fine(server, 'container_lifecycle', { action: 'create', image: busybox, name, command: ['sleep', '1000'], ...more });
  assert.equal(made.state, 'running', made.text);
  return made;
}
const gone = (server, container) => fine(server, 'container_lifecycle', { action: 'remove', container, force: true });
// Once it has said something, what a call that is under way says as progress.
async function underway(server, id, args) {
  server.send({ id, method: 'tools/call', params: { name: 'run', arguments: args, _meta: { progressToken: `p-${id}` } } });
  await server.waitFor((m) => m.method === 'notifications/progress' && m.params.progressToken === `p-${id}`, 'progress');
}

onBoth('commands in containers', async (t, engine) => {
  const place = placeOn(t, engine);
  const server = await session(place);
  const approving = await session(place, { approves: true });
  await service(server);

  for (const [kind, target] of Object.entries(targets('web'))) {
    await t.test(`${kind}: input, variables, streams and exit code`, async () => {
      const done = await fine(server, 'run', sh('cat; echo "$GREETING" >&2; exit 7', { target, stdin: 'in\n', env: { GREETING: 'ü "x"' } }));
      assert.deepEqual([done.status, done.exit_code, done.stdout, done.stderr], ['exited', 7, 'in\n', 'ü "x"\n']);
      assert.equal(done.untrusted, undefined);
    });
    await t.test(`${kind}: neither root nor able to become it`, async () => {
      const { stdout } = await fine(server, 'run', sh('id -u; grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status; ls /sys/class/net; touch /x', { target }));
      assert.match(stdout, /^65532\n/);
      assert.match(stdout, /CapEff:\t0+\n/);
      assert.match(stdout, /NoNewPrivs:\t1\n/);
      assert.match(stdout, /Seccomp:\t2\n/);
      assert.match(stdout, /\nlo\n$/);
    });
    await t.test(`${kind}: a signal ends it`, async () => {
      const done = await fine(server, 'run', sh('kill -SEGV $$', { target }));
      assert.deepEqual([done.status, done.signal, done.exit_code], ['signaled', 'SIGSEGV', null]);
    });
    await t.test(`${kind}: a program that is not there`, async () => {
      await refused(server, 'run', { command: ['no-such-program'], target }, 'exec_failed', /no-such-program/);
    });
    await t.test(`${kind}: code in a language that it has no interpreter of`, async () => {
      await refused(server, 'run', { language: 'bash', code: 'echo hi', target }, 'exec_failed', /bash/);
    });
    await t.test(`${kind}: time over, and nothing of it runs on`, async () => {
      const marker = uniqueSleep();
      const done = await call(server, 'run', sh(`echo begun; sleep ${marker} & sleep ${marker}`, { target, timeout_ms: 700 }));
      assert.equal(done.error?.kind, 'timed_out', done.text);
      assert.equal(done.stdout, 'begun\n');
      await until(() => processesWith(marker).length === 0, 'nothing of it runs');
    });
    await t.test(`${kind}: taken back by its client`, async () => {
      const marker = uniqueSleep();
      await underway(server, kind, sh(`echo begun; sleep ${marker}`, { target }));
      await until(() => processesWith(marker).length > 0, 'it runs'); // for an instant its exec has no arguments
      server.send({ method: 'notifications/cancelled', params: { requestId: kind } });
      await until(() => processesWith(marker).length === 0, 'nothing of it runs');
      assert.equal((await fine(server, 'run', sh('echo next', { target }))).stdout, 'next\n');
    });
    await t.test(`${kind}: more output than a reply holds is kept`, async () => {
      const done = await fine(server, 'run', sh('i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo "line $i"; done', { target }));
      assert.equal(done.truncated.stdout, true);
      assert.match(done.stdout, /^line 1\n[^]*line 20000\n$/);
      const part = await fine(server, 'job_output', { job_id: done.run_id, offset: 100_000, limit_kb: 8 });
      assert.match(part.text, /line 1\d{4}\n/);
      const uri = `casemate://runs/${done.run_id}/stdout?offset=0&limit=14`;
      assert.equal((await server.request('resources/read', { uri })).result.contents[0].text, 'line 1\nline 2\n');
    });
    await t.test(`${kind}: in the background`, async () => {
      const begun = await fine(server, 'run', sh('echo begun; sleep 0.2; echo ended; exit 3', { target, background: true }));
      assert.equal(begun.status, 'working');
      const ended = await fine(server, 'job_status', { job_id: begun.job_id, wait_ms: 30_000 });
      assert.deepEqual([ended.status, ended.result.exit_code, ended.result.stdout], ['completed', 3, 'begun\nended\n']);
      const marker = uniqueSleep();
      const { job_id } = await fine(server, 'run', sh(`sleep ${marker}`, { target, background: true }));
      await until(() => processesWith(marker).length > 0, 'it runs');
      assert.equal((await fine(server, 'job_cancel', { job_id })).status, 'cancelled');
      await until(() => processesWith(marker).length === 0, 'nothing of it runs');
    });
  }

  for (const [kind, target] of Object.entries(targets('web'))) {
    await t.test(`${kind}: files, and nothing of them stays`, async () => {
      const files = [{ path: 'data/in.txt', content: "it's ü\n" }, { path: 'go.sh', content: '#!/bin/sh\ncat data/in.txt; pwd\n' }];
      const { stdout } = await fine(server, 'run', { command: ['./go.sh'], files, target });
      const [, place] = stdout.match(/^it's ü\n(\/.+)\n$/);
      assert.match(place, kind === 'image' ? /^\/workspace$/ : /^\/tmp\/casemate-/);
      assert.match((await fine(server, 'run', sh(`ls ${place}/data || echo gone`, { target }))).stdout, /gone/);
      const marker = uniqueSleep();
      const done = await call(server, 'run', { command: ['sh', 'go.sh'], files: [{ path: 'go.sh', content: `sleep ${marker}` }], target, timeout_ms: 1500 });
      assert.equal(done.error?.kind, 'timed_out', done.text);
    });
  }
  for (const own of [true, false]) {
    const kind = own ? 'a container of ours' : "somebody else's container";
    await t.test(`${kind}: whatever a command leaves ends with it, by no other user than its own`, async () => {
      const options = { User: '65532:65532', Env: ['PATH=/tmp:/bin:/usr/bin'], HostConfig: { Memory: 64 << 20, NanoCpus: 1e9, PidsLimit: 64, Tmpfs: { '/tmp': 'rw,exec,mode=1777' } } };
      if (own) await service(server, 'planted', { env: { PATH: '/tmp:/bin:/usr/bin' } });
      else assert.equal((await engine.request('POST', `/v1.41/containers/${await containerOn(engine, ['sleep', '1000'], options)}/rename?name=planted`)).status, 204);
      const target = { container: 'planted' };
      const helper = own ? server : approving;
      const plant = 'for name in kill sh busybox; do printf \'#!/bin/busybox sh\\n/bin/busybox id -u >>/tmp/who\\nexit 1\\n\' >/tmp/$name; /bin/busybox chmod 755 /tmp/$name; done';
      await fine(helper, 'run', { command: ['/bin/sh', '-c', plant], target });
      const [stubborn, quiet] = [uniqueSleep(), uniqueSleep()];
      const script = `(trap "" TERM; exec <&- >/dev/null 2>&1; /bin/busybox sleep ${stubborn}) & (trap "" TERM; /bin/busybox sleep ${quiet})`;
      const done = await call(helper, 'run', { command: ['/bin/sh', '-c', script], target, timeout_ms: 1000 });
      assert.equal(done.error?.kind, 'timed_out', done.text);
      if (!/may run on/.test(done.text)) assert.deepEqual([processesWith(stubborn), processesWith(quiet)], [[], []], done.text);
      else assert.equal(own, false, done.text);
      const who = await fine(helper, 'run', { command: ['/bin/busybox', 'sh', '-c', '/bin/busybox cat /tmp/who || true'], target });
      assert.doesNotMatch(who.stdout, /^0$/m);
      if (own) {
        // Not even what leaves the session, when the command ends by itself.
        await fine(server, 'run', { command: ['/bin/sh', '-c', `/bin/busybox setsid /bin/busybox sleep ${stubborn} </dev/null >/dev/null 2>&1 & exit 0`], target });
        assert.deepEqual(processesWith(stubborn), []);
        // Casemate's own filter: no set-id bits, which a workspace would carry to the host.
        const bits = await fine(server, 'run', { command: ['/bin/busybox', 'sh', '-c', '/bin/busybox touch /tmp/f; /bin/busybox chmod 4755 /tmp/f'], target });
        assert.notEqual(bits.exit_code, 0);
        assert.match(bits.stderr, /not permitted/);
        const seccomp = bits.isolation.layers.find(({ name }) => name === 'seccomp');
        assert.equal(seccomp?.in_force, true);
      }
      await engine.request('DELETE', '/v1.41/containers/planted?force=1');
    });
  }
  await t.test('what an image brings: volumes are bounded, health checks are confined', async () => {
    const dir = fs.mkdtempSync(path.join(place.dir, 'build-'));
    fs.writeFileSync(path.join(dir, 'Dockerfile'), `FROM ${busybox}\nVOLUME /data\nHEALTHCHECK --interval=1s --retries=1 CMD touch /tmp/h; chmod 4755 /tmp/h 2>/tmp/words; test -s /tmp/words\n`);
    const context = spawnSync('tar', ['-cf', '-', '-C', dir, 'Dockerfile']).stdout;
    const built = await engine.request('POST', '/v1.41/build?t=casemate-test/volumes:1', context, { 'Content-Type': 'application/x-tar' });
    assert.equal(built.status, 200, built.text);
    const full = await fine(server, 'run', sh('dd if=/dev/zero of=/data/x bs=1M count=100 2>&1; ls -l /data', { target: { image: 'casemate-test/volumes:1' }, limits: { disk_mb: 8 } }));
    assert.match(full.stdout, /space/i);
    await fine(server, 'container_lifecycle', { action: 'create', image: 'casemate-test/volumes:1', name: 'checked', command: ['sleep', '1000'] });
    const state = async () => (await inspect(engine, 'checked')).State;
    do {
      // Podman leaves the rhythm to systemd, which is not there.
      if (engine.name === 'podman') await engine.request('GET', '/v4.0.0/libpod/containers/checked/healthcheck');
      assert.ok((await state()).Running && !t.signal.aborted, JSON.stringify((await state()).Health));
    } while ((await state()).Health.Status !== 'healthy');
    await gone(server, 'checked');
    const volumes = (await engine.request('GET', '/v1.41/volumes')).json.Volumes ?? [];
    assert.deepEqual(volumes, []);
  });
  await t.test('files in a container that takes none', async () => {
    await service(server, 'bare', { command: ['sleep', '1000'] });
    const files = [{ path: 'a', content: 'x' }];
    const full = await fine(server, 'run', sh('dd if=/dev/zero of=/tmp/full bs=1M count=4096 2>/dev/null; echo full', { target: { container: 'bare' } }));
    assert.equal(full.stdout, 'full\n');
    await refused(server, 'run', { command: ['cat', 'a'], files, target: { container: 'bare' } }, 'invalid_arguments', /took no files: (`.*space|its shell ended with \d)/);
    await gone(server, 'bare');
  });
  await t.test('a container: a language that has to be compiled', async () => {
    const done = await fine(server, 'run', { language: 'c', code: 'int main(void) { return 0; }', target: { container: 'web' } });
    assert.equal(done.exit_code, 127, done.text);
    assert.match(done.stderr, /gcc/);
  });

  await t.test('a workspace that may be written to, and one that may not', async () => {
    fs.writeFileSync(path.join(place.work, 'in'), 'mine\n');
    const target = { image: busybox };
    const written = await fine(server, 'run', sh('cat in; pwd; echo out > made; id -u', { target, workspace: place.work }));
    assert.equal(written.stdout, `mine\n/workspace\n${owner}\n`);
    assert.equal(fs.readFileSync(path.join(place.work, 'made'), 'utf8'), 'out\n');
    assert.equal(fs.statSync(path.join(place.work, 'made')).uid, owner);
    await refused(server, 'run', sh('true', { target, workspace: place.library }), 'refused');
    await refused(server, 'run', sh('true', { target, workspace: '/etc' }), ['refused', 'permission_denied']);
    await refused(server, 'run', sh('true', { target: { container: 'web' }, workspace: place.work }), 'invalid_arguments', /workspace/);
  });

  await t.test('an image that is not allowed, one that is not there, and neither', async () => {
    assert.match((await call(server, 'run', { command: ['id'], target: { image: 'docker.io/other/busybox:1' } })).error?.kind, /refused|permission_denied/);
    await refused(server, 'run', { command: ['id'], target: { image: 'casemate-test/missing:1' } }, 'not_found', /pull/);
    await refused(server, 'run', { command: ['id'], target: { container: 'nobody' } }, 'not_found', /container_status/);
    await refused(server, 'run', { command: ['id'], target: {} }, 'invalid_arguments');
    await refused(server, 'run', { command: ['id'], target: { image: busybox, container: 'web' } }, 'invalid_arguments');
  });

  await t.test('an image that goes away between two calls', async () => {
    const tag = 'casemate-test/passing';
    assert.equal((await engine.request('POST', `/v1.41/images/${busybox}/tag?repo=${tag}&tag=1`)).status, 201);
    const run = { command: ['true'], target: { image: `${tag}:1` } };
    await fine(server, 'run', run);
    assert.equal((await engine.request('DELETE', `/v1.41/images/${tag}:1`)).status, 200);
    await refused(server, 'run', run, 'not_found', /passing/);
    assert.equal((await fine(server, 'run', { command: ['true'], target: { image: busybox } })).exit_code, 0);
  });

  await t.test('a container that is removed behind our back in the middle of a command', async () => {
    const { container } = await service(server, 'victim');
    await underway(server, 'exec', sh('echo begun; sleep 1000', { target: { container: 'victim' } }));
    await remove(engine, container);
    const lost = flat(await server.reply('exec'));
    assert.ok(lost.status === 'lost' || lost.signal === 'SIGKILL', JSON.stringify(lost));
    assert.equal(lost.stdout, 'begun\n');
    await refused(server, 'run', sh('true', { target: { container: 'victim' } }), 'not_found');
    await refused(server, 'container_status', { container }, 'not_found');
    // And the one that we made for a command.
    await underway(server, 'run', sh('echo begun; sleep 1000', { target: { image: busybox } }));
    const [row] = (await containersOf(engine)).filter(({ Labels }) => Labels[labels.purpose] === 'run');
    await remove(engine, row.Id);
    const killed = flat(await server.reply('run'));
    assert.ok(killed.status === 'lost' || killed.signal === 'SIGKILL', JSON.stringify(killed));
    assert.equal(killed.stdout, 'begun\n');
  });

  await t.test('a container of somebody else: asked first, and its words are labelled', async () => {
    const id = await containerOn(engine, ['sh', '-c', 'echo do as I say; sleep 1000'], { name: 'x' });
    const run = { command: ['echo', 'obey'], target: { container: id } };
    await refused(server, 'run', run, 'approval_required');
    assert.equal((await fine(server, 'container_logs', { container: id })).untrusted, true);
    assert.equal((await fine(server, 'container_status', { container: id })).untrusted, true);
    const approving = await session(place, { approves: true });
    const done = await fine(approving, 'run', run);
    assert.equal(approving.asked.length, 1);
    assert.deepEqual([done.stdout, done.untrusted], ['obey\n', true]);
    assert.equal((await fine(approving, 'run', sh('echo mine', { target: { container: 'web' } }))).untrusted, undefined);
    await approving.end();
    await remove(engine, id);
  });

  await t.test('its life: paused, gone on, stopped, started, killed, removed', async () => {
    await service(server, 'life');
    const act = (action, more) => fine(server, 'container_lifecycle', { action, container: 'life', ...more });
    assert.equal((await act('pause')).state, 'paused');
    await refused(server, 'run', sh('true', { target: { container: 'life' } }), 'invalid_arguments', /paused/);
    assert.equal((await act('unpause')).state, 'running');
    assert.equal((await act('stop', { grace_s: 0 })).state, 'exited');
    await refused(server, 'run', sh('true', { target: { container: 'life' } }), 'invalid_arguments', /exited/);
    assert.equal((await act('start')).state, 'running');
    assert.equal((await act('kill')).status, 'completed');
    await refused(server, 'container_lifecycle', { action: 'start', container: 'lifeless' }, 'not_found');
    assert.equal((await act('remove', { force: true })).status, 'completed');
    await refused(server, 'container_status', { container: 'life' }, 'not_found');
  });

  await t.test('what was done is on record, and nothing is left', async () => {
    await gone(server, 'web');
    await approving.end();
    await server.end();
    assert.deepEqual(await containersOf(engine), []);
    const { intents } = await trailOf(place);
    assert.ok(intents.every(({ outcome }) => outcome !== undefined));
    const inContainers = intents.filter(({ args }) => args?.target);
    assert.ok(inContainers.length > 30, String(inContainers.length));
    const text = JSON.stringify(intents);
    for (const action of ['create', 'pause', 'unpause', 'stop', 'start', 'kill', 'remove']) assert.match(text, new RegExp(`"action":"${action}"`));
    assert.doesNotMatch(text, /ü/, 'values of variables are not kept');
  });
});

onBoth('a server that is killed leaves no container, once the next one has started', async (t, engine) => {
  const place = placeOn(t, engine);
  const dead = await session(place);
  await service(dead, 'stays');
  const marker = uniqueSleep();
  for (const id of ['a', 'b']) await underway(dead, id, sh(`echo begun; sleep ${marker}`, { target: { image: busybox } }));
  dead.child.kill('SIGKILL');
  await dead.closed;
  const [{ Labels }] = (await containersOf(engine)).filter((row) => row.Labels[labels.purpose] === 'run');
  const strangers = await containerOn(engine, ['sleep', '1000'], { Labels }); // of an image, say
  const alive = await session(placeOn(t, engine));
  await underway(alive, 'c', sh('echo begun; sleep 1000', { target: { image: busybox } }));
  const before = (await containersOf(engine)).map(({ Id }) => Id);
  assert.equal(before.length, 5);

  const next = await session(place);
  assert.equal((await fine(next, 'run', { command: ['true'], target: { container: 'stays' } })).exit_code, 0);
  // Beside what it serves.
  while ((await containersOf(engine)).length > 3 && !t.signal.aborted);
  const left = await containersOf(engine);
  assert.deepEqual(left.map((row) => row.Labels[labels.purpose]).sort(), ['run', 'run', 'service']);
  assert.ok(left.some(({ Id }) => Id === strangers));
  await until(() => processesWith(marker).length === 0, 'nothing of the dead runs');
  alive.child.stdin.end();
  await alive.closed;
  await gone(next, 'stays');
  await next.end();
  assert.deepEqual((await containersOf(engine)).map(({ Id }) => Id), [strangers]);
  assert.equal((await inspect(engine, strangers)).State.Running, true);
  const { intents } = await trailOf(place);
  assert.equal(intents.filter(({ outcome }) => !outcome).length, 2);
});

test('without the toolset there are no containers', { skip: skipped }, async (t) => {
  const place = placeOn(t, { socket: '/nowhere' }, { toolsets: '[core]' });
  const server = await session(place);
  const { tools } = (await server.request('tools/list')).result;
  assert.deepEqual(tools.map((tool) => tool.name).filter((tool) => tool.startsWith('container')), []);
  assert.equal(tools.find((tool) => tool.name === 'run').inputSchema.properties.target, undefined);
  await refused(server, 'run', { command: ['true'], target: { image: busybox } }, 'invalid_arguments', /target/);
  const { error } = await server.request('tools/call', { name: 'container_status', arguments: {} });
  assert.match(error.message, /container_status/);
  await server.end();
});

test('an engine that is not there is an error with a way out, and nothing else suffers', { skip: skipped }, async (t) => {
  const nobody = fs.mkdtempSync('/tmp/casemate-no-engine-');
  t.after(() => fs.rmSync(nobody, { recursive: true }));
  for (const socket of [path.join(nobody, 'missing.sock'), path.join(nobody, 'file')]) {
    if (socket.endsWith('file')) fs.writeFileSync(socket, '');
    const server = await session(placeOn(t, { socket }));
    assert.ok((await server.request('tools/list')).result.tools.some((tool) => tool.name === 'container_status'));
    for (const [tool, args] of [['container_status', {}], ['container_status', { container: 'x' }], ['container_logs', { container: 'x' }],
      ['container_lifecycle', { action: 'create', image: busybox }], ['run', { command: ['true'], target: { image: busybox } }],
      ['run', { command: ['true'], target: { container: 'x' } }]]) {
      await refused(server, tool, args, ['unavailable', 'permission_denied'], new RegExp(socket));
    }
    assert.equal((await fine(server, 'run', { command: ['echo', 'native'] })).stdout, 'native\n');
    await server.end();
  }
});
