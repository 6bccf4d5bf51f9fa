// sandbox.mode on machines that really lack a layer: a kernel that offers no Landlock (a filter over
// the whole server answers so), a /proc of which a part is covered (the kernel then refuses a fresh
// one), control groups that cannot be reached.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { bin, cli, scratch } from './lib/casemate.mjs';
import { Server } from './lib/server.mjs';

const filter =
  process.env.CASEMATE_WITHOUT_LANDLOCK_BIN ?? path.join(path.dirname(bin), 'tests/e2e/casemate_without_landlock');
const isRoot = process.getuid() === 0;
const anOrdinaryUser = 54321;

// Each: how to start a program on such a machine.
const withoutLandlock = (errno) => ({ program: filter, before: [errno, bin] });
const inOwnMounts = (mounts, before = []) => ({
  program: 'unshare',
  before: [...(isRoot ? ['-m'] : ['-Urm']), 'sh', '-c', `${mounts} && exec "$@"`, 'sh', ...before, bin],
});
const asUser = ['setpriv', `--reuid=${anOrdinaryUser}`, `--regid=${anOrdinaryUser}`, '--clear-groups'];
const cover = (directory) => `mount -t tmpfs tmpfs ${directory}`;
const withoutProc = (before) => inOwnMounts(cover('/proc/sys'), before);
const withoutCgroups = (before) => inOwnMounts(cover('/sys/fs/cgroup'), before);

const start = (t, { program, before }, mode) => {
  const place = scratch(t);
  if (program === 'unshare' && before.includes('setpriv')) fs.chownSync(place.dir, anOrdinaryUser, anOrdinaryUser);
  const env = mode === undefined ? {} : { CASEMATE_SANDBOX_MODE: mode };
  return { place, env, server: Server.start(place, { program, args: [...before, 'serve'], env }) };
};
const resultOf = (reply) => reply.result.structuredContent;
const layer = (result, name) => result.isolation.layers.find((each) => each.name === name);
const missing = (result) => result.isolation.layers.filter((each) => !each.in_force && each.name !== 'cgroup').map((each) => each.name);

async function lastOutcome(place) {
  const { stdout } = await cli(place, ['audit', 'tail', '-n', '1', '--json']);
  return JSON.parse(stdout).outcome;
}

// Also in sandboxes that were made ahead.
async function runUntilMadeAhead(server, args) {
  for (let i = 0; i < 200; i++) {
    const result = resultOf(await server.run(args));
    if (result.isolation.made_ahead) return result;
  }
  throw new Error('no sandbox was made ahead');
}

for (const [errno, words, remedy] of [['ENOSYS', /not implemented/, /5\.13/], ['EOPNOTSUPP', /not supported/, /lsm=/]]) {
  test(`strict refuses a kernel whose Landlock answers ${errno}`, async (t) => {
    const { server } = start(t, withoutLandlock(errno));
    await server.initialize();
    const reply = await server.run({ command: ['true'] });
    assert.equal(reply.result.isError, true);
    const { status, error } = resultOf(reply);
    assert.equal(status, 'setup_failed');
    assert.match(error.message, /step `landlock` failed/);
    assert.match(error.message, words);
    assert.match(error.remedy, remedy);
    assert.match(error.remedy, /best_effort/);
    await server.end();
  });

  test(`best effort runs on a kernel whose Landlock answers ${errno}, and says so`, async (t) => {
    const { server, place } = start(t, withoutLandlock(errno), 'best_effort');
    await server.initialize();
    const result = resultOf(await server.run({ command: ['sh', '-c', 'echo x >/tmp/x && cat /tmp/x; echo x >/usr/x'] }));
    assert.equal(result.stdout, 'x\n');
    assert.match(result.stderr, /Read-only file system/); // what Landlock guards is guarded by mounts too
    assert.deepEqual(missing(result), ['landlock']);
    assert.match(layer(result, 'landlock').detail, words);
    assert.ok((await lastOutcome(place)).layers_missing.includes('landlock'));
    assert.deepEqual(missing(await runUntilMadeAhead(server, { command: ['true'] })), ['landlock']);
    await server.end();
  });
}

const users = isRoot ? [['root', []], ['an ordinary user', asUser]] : [['an ordinary user', []]];
for (const [who, before] of users) {
  test(`strict refuses where no fresh /proc can be mounted, as ${who}`, async (t) => {
    const { server } = start(t, withoutProc(before));
    await server.initialize();
    const { status, error } = resultOf(await server.run({ command: ['true'] }));
    assert.equal(status, 'setup_failed');
    assert.match(error.message, /step `mount \/proc` failed: Operation not permitted/);
    assert.match(error.remedy, /systempaths=unconfined.*best_effort/);
    await server.end();
  });

  test(`best effort hides /proc where no fresh one can be mounted, as ${who}`, async (t) => {
    const { server, place } = start(t, withoutProc(before), 'best_effort');
    await server.initialize();
    const command = ['sh', '-c', 'ls -A /proc; stat -f -c %T /proc; touch /proc/x; mkdir /proc/self; exec 3</proc/version'];
    const first = resultOf(await server.run({ command }));
    const ahead = await runUntilMadeAhead(server, { command });
    for (const result of [first, ahead]) {
      assert.equal(result.stdout, 'tmpfs\n'); // empty, and not the host's
      assert.equal(result.stderr.match(/Read-only file system/g).length, 2, result.stderr);
      assert.match(result.stderr, /version.*(No such file|nonexistent)/);
      assert.deepEqual(missing(result), ['proc']);
      assert.match(layer(result, 'proc').detail, /Operation not permitted/);
    }
    assert.ok((await lastOutcome(place)).layers_missing.includes('proc'));
    await server.end();
  });

  test(`a stated limit that nothing holds is refused, and no other, as ${who}`, async (t) => {
    const { server } = start(t, withoutCgroups(before));
    await server.initialize();
    const refused = await server.run({ command: ['true'], limits: { cpus: 0.5 } });
    assert.equal(refused.result.isError, true);
    const { status, error } = resultOf(refused);
    assert.equal(status, 'setup_failed');
    assert.equal(error.field, 'args.limits.cpus');
    assert.match(error.message, /hold the stated limits/);
    assert.match(error.remedy, /Delegate=yes.*best_effort/);

    const io = resultOf(await server.run({ command: ['true'], limits: { io_mb_s: 5 } }));
    assert.equal(io.status, 'setup_failed');
    assert.equal(io.error.field, 'args.limits.io_mb_s');

    const others = resultOf(await server.run({ command: ['true'], limits: { memory_mb: 64, pids: 8, disk_mb: 8 } }));
    assert.equal(others.status, 'exited');
    assert.equal(layer(others, 'cgroup').in_force, false);
    assert.match(layer(others, 'cgroup').detail, /RLIMIT_DATA.*RLIMIT_NPROC.*nothing for cpus/);
    // The same where a sandbox stands ready.
    await runUntilMadeAhead(server, { command: ['true'] });
    assert.equal(resultOf(await server.run({ command: ['true'], limits: { cpus: 0.5 } })).status, 'setup_failed');
    await server.end();
  });

  test(`best effort runs with a limit that nothing holds, as ${who}`, async (t) => {
    const { server, place } = start(t, withoutCgroups(before), 'best_effort');
    await server.initialize();
    const result = resultOf(await server.run({ command: ['true'], limits: { cpus: 0.5, io_mb_s: 5 } }));
    assert.equal(result.status, 'exited');
    assert.equal(layer(result, 'cgroup').in_force, false);
    assert.match(layer(result, 'cgroup').detail, /nothing for io_mb_s/);
    assert.ok((await lastOutcome(place)).layers_missing.includes('cgroup'));
    await server.end();
  });
}

test('the doctor tells the same, by mode', async (t) => {
  for (const [{ program, before }, name] of [[withoutLandlock('ENOSYS'), 'landlock'], [withoutProc(), 'fresh /proc']]) {
    const place = scratch(t);
    const doctor = async (...flags) => {
      const { code, stdout } = await cli(place, [...before, ...flags, 'doctor', '--json'], { program });
      const report = JSON.parse(stdout);
      return { code, report, probe: report.layers.find((each) => each.layer === name) };
    };
    const strict = await doctor();
    assert.equal(strict.code, 1);
    assert.equal(strict.report.mode, 'strict');
    assert.deepEqual([strict.probe.present, strict.probe.required], [false, true]);
    assert.match(strict.probe.remedy, /best_effort/);
    const lenient = await doctor('--sandbox-mode', 'best_effort');
    assert.equal(lenient.code, 0, JSON.stringify(lenient.report));
    assert.deepEqual([lenient.probe.present, lenient.probe.required], [false, false]);
    assert.equal(lenient.report.layers.at(-1).present, true); // the whole run
  }
});

test('on a machine that lacks nothing both modes put the same in force', async (t) => {
  const place = scratch(t);
  const run = async (...flags) => JSON.parse((await cli(place, [...flags, 'run', '--json', '--', 'true'])).stdout).isolation;
  assert.deepEqual(await run(), await run('--sandbox-mode', 'best_effort'));
});

test('the mode that was in force is on record', async (t) => {
  const place = scratch(t);
  await cli(place, ['--sandbox-mode', 'best_effort', 'run', '--', 'true']);
  const { stdout } = await cli(place, ['audit', 'export']);
  const starts = stdout.trim().split('\n').map((line) => JSON.parse(JSON.parse(line).body)).filter((body) => body.kind === 'server_start');
  assert.deepEqual(starts.map((body) => body.detail.sandbox_mode), ['best_effort']);
});

test('a mode that is none is refused before anything starts', async (t) => {
  const place = scratch(t);
  const { code, stderr } = await cli(place, ['serve'], { env: { CASEMATE_SANDBOX_MODE: 'lax' } });
  assert.equal(code, 2);
  assert.match(stderr, /CASEMATE_SANDBOX_MODE: expected `strict` or `best_effort`, got `lax`/);
});

test('the documentation lists the combinations that the doctor calls tried, and no others', async (t) => {
  const { machine } = JSON.parse((await cli(scratch(t), ['doctor', '--json'])).stdout);
  const text = fs.readFileSync(path.join(import.meta.dirname, '../../docs/sandbox.md'), 'utf8');
  const listed = [...text.matchAll(/^\| (Linux [^|]*) \|/gm)].map(([, combination]) => combination);
  assert.deepEqual(listed, machine.tried_combinations);
  assert.match(machine.kernel, /^\d+\.\d+/);
});

test('the AppArmor profile is printed for the binary that prints it', async (t) => {
  const place = scratch(t);
  const copy = path.join(place.dir, 'a copy');
  fs.copyFileSync(bin, copy);
  const refused = await cli(place, ['doctor', '--apparmor-profile'], { program: copy });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /letters, digits.*a copy/);
  const { code, stdout } = await cli(place, ['doctor', '--apparmor-profile']);
  assert.equal(code, 0);
  assert.ok(stdout.includes(`\nprofile casemate ${fs.realpathSync(bin)} flags=(unconfined) {\n  userns,\n`), stdout);
});

const judge = fs.existsSync('/etc/apparmor.d/abi/4.0');
test('AppArmor 4 takes the profile', { skip: judge ? false : 'no AppArmor 4 here, whose parser could judge it' }, async (t) => {
  const { stdout } = await cli(scratch(t), ['doctor', '--apparmor-profile']);
  const parsed = spawnSync('apparmor_parser', ['--skip-kernel-load', '--skip-cache'], { input: stdout, encoding: 'utf8' });
  assert.equal(parsed.status, 0, parsed.stderr);
});
