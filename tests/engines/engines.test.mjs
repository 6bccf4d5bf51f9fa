// The engines of tests themselves: that they are real, that what can befall them does, and that
// nothing stays behind however they end.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { Engines, base, busybox, containerOn, runOn, skipped } from './engines.mjs';

const both = ['docker', 'podman'];
const script = path.join(import.meta.dirname, 'with-engines');
const stateOf = (pid) => fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /s, '')[0];

// What there still is of a private directory.
function remains(directory) {
  const found = fs.existsSync(directory) ? [directory] : [];
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      if (command.includes(`${directory}/`)) found.push(`${pid}: ${command}`);
    } catch { /* it has ended */ }
  }
  if (fs.readFileSync('/proc/self/mountinfo', 'utf8').includes(directory)) found.push('a mount');
  for (const hierarchy of ['', ...fs.readdirSync('/sys/fs/cgroup')]) {
    const group = path.join('/sys/fs/cgroup', hierarchy, path.basename(directory));
    if (fs.existsSync(group)) found.push(group);
  }
  return found;
}
const cgroupsOf = (pid) => fs.readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n')
  .map((line) => line.split(':')).filter(([, name, place]) => name && place !== '/')
  .map(([, name, place]) => path.join('/sys/fs/cgroup', name.replace(/^name=/, '').split(',')[0], place));

test('both engines run a container, and each has what it runs to itself', { skip: skipped }, async (t) => {
  const engines = await Engines.start(t, { docker: true, podman: true });
  const others = await Engines.start(t, { docker: true, podman: true });
  for (const name of both) {
    const done = await runOn(engines[name], ['sh', '-c', 'echo $((6 * 7)); echo wrong >&2; exit 3']);
    assert.deepEqual(done, { code: 3, stdout: '42\n', stderr: 'wrong\n' }, name);
    await containerOn(engines[name], ['sleep', '1000']);
    assert.equal((await engines[name].request('GET', '/v1.41/containers/json')).json.length, 1, name);
    assert.equal((await others[name].request('GET', '/v1.41/containers/json')).json.length, 0, name);
    t.diagnostic(`${name}: up in ${engines[name].start_s} s, ${busybox} loaded in ${engines[name].load_s[busybox]} s`);
  }
});

test('a registry takes an image of one engine and gives it to the other', { skip: skipped }, async (t) => {
  const { docker, podman, registry } = await Engines.start(t, { docker: true, podman: true, registry: true });
  const name = `${registry.address}/pushed`;
  for (const [from, to] of [[docker, podman], [podman, docker]]) {
    const reference = `${name}-by-${from.name}`;
    assert.equal((await from.request('POST', `/v1.41/images/${busybox}/tag?repo=${reference}&tag=1`)).status, 201);
    const pushed = await from.request('POST', `/v1.41/images/${reference}/push?tag=1`, undefined, { 'X-Registry-Auth': 'e30=' });
    assert.equal(pushed.status, 200, pushed.text);
    assert.equal((await to.request('GET', `/v1.41/images/${reference}:1/json`)).status, 404);
    await to.request('POST', `/v1.41/images/create?fromImage=${reference}&tag=1`);
    assert.equal((await to.request('GET', `/v1.41/images/${reference}:1/json`)).status, 200, `${to.name} has pulled it`);
  }
});

test('the Debian image is a Debian', { skip: skipped }, async (t) => {
  const engines = await Engines.start(t, { docker: true, podman: true, base: true });
  for (const name of both) {
    const done = await runOn(engines[name], ['bash', '-c', 'cat /etc/debian_version'], { Image: base });
    assert.match(done.stdout, /^12\.\d+\n$/, name);
    t.diagnostic(`${name}: ${base} loaded in ${engines[name].load_s[base]} s`);
  }
});

test('with a network, ports are published there, not on this machine', { skip: skipped }, async (t) => {
  const before = fs.readdirSync('/sys/class/net');
  const engines = await Engines.start(t, { docker: true, podman: true, network: true });
  for (const [number, name] of both.entries()) {
    const port = String(8080 + number); // of a network namespace of its own
    await containerOn(engines[name], ['httpd', '-f', '-p', '80'],
      { ExposedPorts: { '80/tcp': {} }, HostConfig: { PortBindings: { '80/tcp': [{ HostPort: port }] } } });
    const ask = ['-t', String(engines[name].pid), '--net', 'busybox', 'wget', '-q', '-O', '-', `http://127.0.0.1:${port}/etc/group`];
    // The server in the container listens when it has got that far.
    let answer;
    do answer = spawnSync('nsenter', ask, { encoding: 'utf8' });
    while (answer.status !== 0 && !t.signal.aborted && (await running(engines[name])));
    assert.match(answer.stdout, /^root:x:0:/, `${name}: ${answer.stderr}`);
  }
  assert.deepEqual(fs.readdirSync('/sys/class/net'), before);
});
const running = async (engine) => (await engine.request('GET', '/v1.41/containers/json')).json.length > 0;

test('an engine that is killed is absent until it is started again', { skip: skipped }, async (t) => {
  const engines = await Engines.start(t, { docker: true, podman: true });
  for (const name of both) {
    const engine = engines[name];
    const { pid } = engine;
    const id = await containerOn(engine, ['sleep', '1000']);
    await engine.kill();
    assert.ok(!fs.existsSync(`/proc/${pid}`));
    await assert.rejects(engine.request('GET', '/_ping'), { code: 'ECONNREFUSED' });
    await assert.rejects(engine.kill(), /does not run/);
    await engine.start();
    assert.notEqual(engine.pid, pid);
    assert.equal((await engine.request('GET', `/v1.41/containers/${id}/json`)).json.Id, id, `${name} still knows its containers`);
    await engine.restart();
    assert.equal((await engine.request('GET', '/_ping')).status, 200);
  }
});

test('an engine that hangs takes a request and answers when it goes on', { skip: skipped }, async (t) => {
  const engines = await Engines.start(t, { docker: true, podman: true });
  for (const name of both) {
    const engine = engines[name];
    await engine.pause();
    let answered = false;
    const reply = engine.request('GET', '/_ping').finally(() => (answered = true));
    // Until it is stopped: a signal is delivered when the process next runs.
    while (stateOf(engine.pid) !== 'T') await new Promise(setImmediate);
    assert.equal(answered, false);
    await engine.resume();
    assert.equal((await reply).status, 200);
  }
});

test('no room is left for data, until there is', { skip: skipped }, async (t) => {
  const engines = await Engines.start(t, { docker: true, podman: true, dataMib: 48 });
  const command = ['sh', '-c', 'dd if=/dev/zero bs=1k count=1024 >>/root/more'];
  for (const name of both) {
    const id = await containerOn(engines[name], ['sleep', '1000'], { HostConfig: { ReadonlyRootfs: false } });
    const write = async () => {
      const made = await engines[name].request('POST', `/v1.41/containers/${id}/exec`, { Cmd: command, AttachStdout: true, AttachStderr: true });
      const said = await engines[name].request('POST', `/v1.41/exec/${made.json.Id}/start`, {});
      return `${said.status} ${said.text}`;
    };
    assert.match(await write(), /1024\+0 records out/, name);
    assert.ok((await engines[name].fill()) > 1 << 20);
    assert.match(await write(), /no space left on device/i, name);
    await engines[name].free();
    assert.match(await write(), /1024\+0 records out/, name);
  }
});

for (const end of ['in order', 'by SIGTERM', 'by SIGKILL']) {
  test(`nothing is left of engines that end ${end}`, { skip: skipped }, async (t) => {
    const engines = await Engines.start(t, { docker: true, podman: true, dataMib: 48 });
    const groups = [];
    for (const name of both) {
      for (const paused of [false, true]) {
        const id = await containerOn(engines[name], ['sh', '-c', 'sleep 1000 & sleep 1000']);
        const { json } = await engines[name].request('GET', `/v1.41/containers/${id}/json`);
        groups.push(...cgroupsOf(json.State.Pid));
        if (paused) assert.equal((await engines[name].request('POST', `/v1.41/containers/${id}/pause`)).status, 204);
      }
    }
    await engines.podman.pause();
    assert.ok(remains(engines.directory).length > 4);
    if (end === 'in order') {
      await engines.stop();
    } else {
      process.kill(engines.pid, end.slice(3));
      await engines.ended;
    }
    // Whoever comes next clears up after one that was killed.
    if (end === 'by SIGKILL') assert.equal(spawnSync(script, ['--docker', '--', 'true'], { encoding: 'utf8' }).status, 0);
    assert.deepEqual(remains(engines.directory), []);
    assert.deepEqual(groups.filter((group) => fs.existsSync(group)), []);
    assert.ok(groups.some((group) => group.includes(path.basename(engines.directory))), 'the control groups of Docker were looked for by the right name');
    assert.ok(groups.some((group) => group.includes('libpod')), 'and those of Podman');
  });
}

test('with-engines ends with its command, and passes a signal on to it', { skip: skipped }, async () => {
  const failed = spawnSync(script, ['--podman', '--', 'sh', '-c', 'echo "$CASEMATE_TEST_PODMAN"; exit 5'], { encoding: 'utf8' });
  assert.equal(failed.status, 5);
  assert.match(failed.stderr, /the end of podman\.log/);
  assert.deepEqual(remains(path.dirname(failed.stdout.trim())), []);

  const child = spawn(script, ['--podman', '--', 'sh', '-c', 'trap "echo told; exit 6" TERM; echo "$CASEMATE_TEST_PODMAN"; while :; do sleep 0.1; done']);
  child.stdout.setEncoding('utf8');
  const [socket] = await once(child.stdout, 'data');
  child.kill('SIGTERM');
  const [[told], [code]] = await Promise.all([once(child.stdout, 'data'), once(child, 'close')]);
  assert.equal(told, 'told\n');
  assert.equal(code, 6);
  assert.deepEqual(remains(path.dirname(socket.trim())), []);
});

test('engines that do not come up are an error with their own words', { skip: skipped }, async () => {
  const none = spawnSync(script, ['--docker', '--data-mib', '1', '--', 'true'], { encoding: 'utf8' });
  assert.equal(none.status, 1);
  assert.match(none.stderr, /no space left on device/i);
  assert.match(none.stderr, /the end of docker\.log/);
});

test('without root it is told, and counts as skipped unless it must not be', { skip: skipped }, () => {
  for (const [required, expected] of [['', 77], ['1', 1]]) {
    const { status, stderr } = spawnSync('setpriv', ['--reuid', '65534', '--clear-groups', script, '--docker', '--', 'true'],
      { encoding: 'utf8', env: { ...process.env, CASEMATE_ENGINES_REQUIRED: required } });
    assert.equal(status, expected, stderr);
    assert.match(stderr, /NEEDS ROOT/);
    assert.equal(/SKIPPED/.test(stderr), !required);
  }
});
