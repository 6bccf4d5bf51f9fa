// `casemate selftest --escape`, as a person meets it: from an installed tree, on sandboxes that hold
// and on ones that do not.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { bin, cli, scratch } from './lib/casemate.mjs';
import { cgroupsOf, mountCount, processesWith, until } from './lib/facts.mjs';

const isRoot = process.getuid() === 0;
const needsRoot = { skip: !isRoot && 'NEEDS ROOT' };
const installed = fs.mkdtempSync(path.join(os.tmpdir(), 'casemate-installed-'));
const casemate = path.join(installed, 'bin/casemate');
const battery = path.join(installed, 'libexec/casemate/casemate_escape');
const probe = path.join(installed, 'libexec/casemate/casemate_attack');

before(() => {
  const made = spawnSync('cmake', ['--install', path.dirname(bin), '--prefix', installed], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stdout + made.stderr);
  fs.chmodSync(installed, 0o755); // for the ordinary user
});
after(() => fs.rmSync(installed, { recursive: true, force: true }));

// A place whose TMPDIR any user may enter and write.
function open(t) {
  const place = scratch(t);
  fs.chmodSync(place.dir, 0o755);
  place.tmp = path.join(place.dir, 'tmp');
  fs.mkdirSync(place.tmp);
  fs.chmodSync(place.tmp, 0o1777);
  place.env.TMPDIR = place.tmp;
  return place;
}
const selftest = (place, args, options) => cli(place, ['selftest', ...args], { program: casemate, ...options });

// The battery against another casemate: a shell script that changes what the real one is asked.
// $1 is `run` for attacks.
function against(place, script, args) {
  const wrapper = path.join(place.dir, 'casemate-wrapper');
  fs.writeFileSync(wrapper, `#!/bin/sh\nreal='${bin}'\n${script}\nexec "$real" "$@"\n`, { mode: 0o755 });
  return cli(place, args, { program: battery, env: { CASEMATE_BIN: wrapper, CASEMATE_ATTACK_BIN: probe } });
}
// Words of the command line, changed one by one by a shell command.
const eachWord = (change) => `n=$#; while [ $n -gt 0 ]; do word=$1; shift; n=$((n - 1)); ${change}; set -- "$@" "$word"; done`;

const swap = (from, to) => eachWord(`[ "$word" = ${from} ] && word=${to}`);
const nothingIsLeft = (place) => assert.deepEqual(fs.readdirSync(place.tmp), []);

test('an installed Casemate tests itself, in a directory of its own', async (t) => {
  const place = open(t);
  const { code, stdout, stderr } = await selftest(place, ['--escape', 'touch']);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /^2 attacks on \/\S+\/bin\/casemate as /);
  assert.match(stdout, /^files +2 of 2 held off \(\d+\.\d s\)$/m);
  assert.match(stdout, /^2 controls showed that the attack works without a sandbox, 0 could not be run$/m);
  assert.match(stdout, /^2 attacks: 2 held off, 0 got through, 0 not promised, 0 in doubt\n$/m);
  assert.ok(stdout.includes(` ${casemate} `), 'it is this very binary');
  assert.equal(fs.existsSync(place.state), false, "the user's own state is left alone");
  nothingIsLeft(place);
});

test('--json is one document, by the command line and through a server', async (t) => {
  const place = open(t);
  for (const more of [[], ['--served']]) {
    const { code, stdout } = await selftest(place, ['--escape', '--json', ...more, 'resources: s*ep']);
    assert.equal(code, 0, stdout);
    const report = JSON.parse(stdout);
    assert.deepEqual([report.ok, report.casemate, report.interrupted, report.served], [true, casemate, false, more.length === 1]);
    assert.deepEqual(report.attacks, [{ name: 'resources: sleep', verdict: 'held_off', answer: 'timed_out', reasons: [], control: { state: 'shown' } }]);
    const { tried, held_off, got_through, controls_shown } = report.counts;
    assert.deepEqual([tried, held_off, got_through, controls_shown], [1, 1, 0, 1]);
  }
  nothingIsLeft(place);
});

test('a control that cannot be run is said, with the reason', async (t) => {
  const place = open(t);
  const { code, stdout } = await selftest(place, ['--escape', 'vhangup']);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^Controls that could not be run here.*\n {2}it would hang up the terminal.*: kernel: vhangup$/m);
  const { attacks } = JSON.parse((await selftest(place, ['--escape', '--json', 'vhangup'])).stdout);
  assert.equal(attacks[0].control.state, 'not_run');
  assert.match(attacks[0].control.why, /terminal/);
});

test('an ordinary user tests what holds for ordinary users', needsRoot, async (t) => {
  const place = open(t);
  const words = ['--reuid=54322', '--regid=54322', '--clear-groups', '--', casemate, 'selftest', '--escape', 'files: *'];
  const { code, stdout, stderr } = await cli(place, words, { program: 'setpriv' });
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /as an ordinary user/);
  assert.match(stdout, /^Mounts of the host were not watched/m);
  assert.match(stdout, /^23 attacks: 23 held off/m);
  nothingIsLeft(place);
});

test('--list names what a pattern can pick', async (t) => {
  const place = open(t);
  const { code, stdout } = await selftest(place, ['--escape', '--list']);
  assert.equal(code, 0);
  const names = stdout.trim().split('\n');
  assert.ok(names.length > 200);
  assert.ok(names.includes('kernel: bpf') && names.includes('scenario: the trail verifies'));
  const some = (await selftest(place, ['--escape', '--list', 'network: *[::1]'])).stdout;
  assert.equal(some, 'network: connect loopback [::1]\n');
});

test('without a test to run it says what there is', async (t) => {
  const place = open(t);
  for (const args of [[], ['kernel'], ['--json']]) {
    const { code, stdout, stderr } = await selftest(place, args);
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, /--escape +attacks/);
  }
});

test('a pattern that names nothing, and flags that would be ignored, are errors', async (t) => {
  const place = open(t);
  const { code, stdout, stderr } = await selftest(place, ['--escape', 'no-such-attack']);
  assert.deepEqual([code, stdout], [2, '']);
  assert.match(stderr, /pattern: expected a part of an attack's name.*got `no-such-attack`/);
  for (const flag of ['--state-dir', '--policy', '--config', '--workspace-root']) {
    const refused = await selftest(place, ['--escape', flag, place.work, 'touch']);
    assert.deepEqual([refused.code, refused.stdout], [2, ''], flag);
    assert.match(refused.stderr, /expected none of/);
  }
  const broken = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(broken, 'nonsense');
  assert.equal((await selftest(place, ['--escape', 'touch'], { env: { CASEMATE_CONFIG: broken } })).code, 0);
});

test('a missing helper is named, with the way to get it', async (t) => {
  const place = open(t);
  const alone = path.join(place.dir, 'casemate');
  fs.copyFileSync(bin, alone);
  const { code, stderr } = await cli(place, ['selftest', '--escape'], { program: alone });
  assert.equal(code, 2);
  assert.ok(stderr.includes(path.join(path.dirname(place.dir), 'libexec/casemate/casemate_escape')), stderr);
  assert.match(stderr, /\.\/dev build.*cmake --install/);
});

test('a helper that others may write is not executed', async (t) => {
  const place = open(t);
  const copy = path.join(place.dir, 'copy');
  fs.cpSync(installed, copy, { recursive: true });
  const run = () => cli(place, ['selftest', '--escape', 'touch'], { program: path.join(copy, 'bin/casemate') });
  const refusedWith = async (pattern) => {
    const { code, stdout, stderr } = await run();
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, pattern);
  };
  assert.equal((await run()).code, 0);
  for (const part of ['casemate_escape', 'casemate_attack', '.']) {
    const file = path.join(copy, 'libexec/casemate', part);
    for (const bit of [0o020, 0o002]) {
      fs.chmodSync(file, 0o755 | bit);
      await refusedWith(/expected that only root or this user may write to it, got a mode.*chmod go-w/);
    }
    fs.chmodSync(file, 0o755);
  }
  if (isRoot) {
    fs.chownSync(path.join(copy, 'libexec/casemate/casemate_escape'), 54322, 54322);
    await refusedWith(/got another owner/);
  }
});

test('a casemate without a sandbox: every attack got through, and none did harm', async (t) => {
  const place = open(t);
  const script = `
    if [ "$1" = run ]; then
      while [ "$1" != -- ]; do [ "$1" = --workspace ] && cd "$2"; shift; done; shift
      printf '{"status":"exited","stdout":"%s\\\\n"}\\n' "$("$@")"; exit
    fi`;
  const passwd = fs.readFileSync('/etc/passwd', 'utf8');
  const { code, stdout } = await against(place, script, ['files: write*']);
  assert.equal(code, 1, stdout);
  assert.match(stdout, /^GOT THROUGH files: write \/etc\/passwd: expected blocked EROFS, got unconfined no-sandbox/m);
  assert.match(stdout, /^ {4}command: \S+\/bin\/casemate run --json .* write_file \/etc\/passwd/m);
  assert.match(stdout, /^files +0 of 7 held off/m);
  assert.match(stdout, /^GOT THROUGH:\n( {2}files: write .*\n){7}/m);
  assert.match(stdout, /^7 attacks: 0 held off, 7 got through, 0 not promised, 0 in doubt\n$/m);
  assert.equal(fs.readFileSync('/etc/passwd', 'utf8'), passwd);
  nothingIsLeft(place);
});

test('an attack that leaves something behind got through', async (t) => {
  const place = open(t);
  const forgetScratch = eachWord('case $word in --profile|scratch) continue ;; esac');
  const { code, stdout } = await against(place, forgetScratch, ['--json', 'scratch leaves no residue']);
  assert.equal(code, 1, stdout);
  const { ok, counts, attacks } = JSON.parse(stdout);
  assert.deepEqual([ok, counts.got_through, attacks[0].verdict], [false, 1, 'got_through']);
  assert.match(attacks[0].reasons.join(), /the workspace changed:\n.*- notes.*\n.*\+ notes/);
  assert.ok(attacks[0].notes.some((note) => note.startsWith('command: ')));
});

test('an attack that is allowed what it must not do got through; another refusal is in doubt', async (t) => {
  const place = open(t);
  const allowed = await against(place, swap('inspect', 'scratch'), ['inspect cannot write']);
  assert.equal(allowed.code, 1);
  assert.match(allowed.stdout, /^GOT THROUGH files: inspect cannot write: expected blocked EROFS, got succeeded -$/m);
  const other = await against(place, swap('scratch', 'inspect'), ['scratch leaves']);
  assert.equal(other.code, 1);
  assert.match(other.stdout, /^IN DOUBT files: scratch leaves no residue: expected succeeded, got blocked EROFS$/m);
  assert.match(other.stdout, /^1 attack: 0 held off, 0 got through, 0 not promised, 1 in doubt\n$/m);
});

test('a call that is refused holds off nothing', async (t) => {
  const place = open(t);
  const { code, stdout } = await against(place, '[ "$1" = run ] && set -- run --json --workspace /etc -- true', ['touch /usr']);
  assert.equal(code, 1);
  assert.match(stdout, /^IN DOUBT files: touch \/usr: it was not run: not_run: the directory \/etc lies below no configured/m);
});

// What the battery looks for after each attack, and a casemate with which it finds it.
const residues = {
  'a process that outlives its call': {
    script: '[ "$1" = run ] && (setsid sleep 1000 >/dev/null 2>&1 &)',
    reason: /^1 processes were left behind$/,
  },
  'a call that is not on record': { script: '[ "$1" = audit ] && exit', reason: /^the call is not in the audit trail$/ },
  'a connection to the host': {
    attack: 'connect loopback 127.0.0.1',
    script: `[ "$1" = run ] && for port; do :; done && '${probe}' connect_tcp 127.0.0.1 "$port" >/dev/null`,
    reason: /^reached on the host: tcp4$/,
  },
  'a flood that is not cut': { attack: 'output_flood', script: swap(512, 0), reason: /^stdout was not cut$/ },
  'a server that a flood makes grow': {
    attack: 'output_flood',
    script: '[ "$1" = run ] && head -c 300M /dev/zero | tail -c 290M >/dev/null',
    reason: /^the server grew to \d+ KiB$/,
  },
  'a file in the workspace': { script: '[ "$1" = run ] && touch "$4/new"', reason: /^the workspace changed:\n +\+ new / },
  'another binary': { script: '[ "$1" = run ] && echo >> "$0"', reason: /the binary changed$/ },
};
for (const [what, { attack = 'touch /usr', script, reason }] of Object.entries(residues)) {
  test(`${what} is seen`, async (t) => {
    const place = open(t);
    const { code, stdout, stderr } = await against(place, script, ['--json', attack]);
    assert.equal(code, 1, stdout + stderr);
    const [{ verdict, reasons }] = JSON.parse(stdout).attacks;
    assert.equal(verdict, 'got_through', stdout);
    assert.ok(reasons.some((one) => reason.test(one)), reasons.join('; '));
    nothingIsLeft(place);
  });
}

test('a cgroup that outlives its call is seen', needsRoot, async (t) => {
  const place = open(t);
  const script = `
    if [ "$1" = run ]; then
      "$real" "$@"
      name=casemate-$("$real" audit tail -n 1 --json | sed 's/.*"incarnation":"\\([^"]*\\)".*/\\1/')
      for parent in /sys/fs/cgroup/pids /sys/fs/cgroup; do mkdir $parent/$name && echo $parent/$name >> '${place.dir}/group' && break; done
      exit
    fi`;
  const { code, stdout } = await against(place, script, ['touch /usr']);
  fs.readFileSync(path.join(place.dir, 'group'), 'utf8').trim().split('\n').forEach((group) => fs.rmdirSync(group));
  assert.equal(code, 1, stdout);
  assert.match(stdout, /^GOT THROUGH files: touch \/usr: cgroups are left: \/sys\/fs\/cgroup\/\S*casemate-/m);
});

test('an attack that does not work without a sandbox shows nothing', needsRoot, async (t) => {
  const place = open(t);
  const { code, stdout } = await cli(place, ['-n', casemate, 'selftest', '--escape', 'connect metadata 169'], { program: 'unshare' });
  assert.equal(code, 1, stdout);
  assert.match(stdout, /^IN DOUBT network: connect metadata 169\S+: the control: expected succeeded, got blocked ENETUNREACH$/m);
  assert.match(stdout, /^0 controls showed/m);
});

test('a mount on the host is seen, and not that of another program', needsRoot, async (t) => {
  const place = open(t);
  const mounts = mountCount();
  const mount = `mount -t tmpfs none '${place.work}'`;
  const own = await against(place, `[ "$1" = run ] && ${mount}`, ['touch /usr']);
  assert.equal(own.code, 1, own.stdout + own.stderr);
  assert.match(own.stdout, /^GOT THROUGH files: touch \/usr: mounts of the host changed:\n +\+ .* tmpfs/m);
  assert.equal(mountCount(), mounts, 'and it is gone');
  const script = `(while ${mount} && umount '${place.work}'; do :; done) & '${casemate}' selftest --escape read_masked; code=$?; kill $!; exit $code`;
  const other = await cli(place, ['-m', '--propagation', 'shared', 'sh', '-c', script], { program: 'unshare' });
  assert.equal(other.code, 0, other.stdout);
  assert.doesNotMatch(other.stdout, /were not watched/);
});

test('a mixture of two versions is refused', async (t) => {
  const place = open(t);
  const { code, stderr } = await against(place, '[ "$1" = --version ] && echo casemate 0.0.1 && exit', ['touch']);
  assert.equal(code, 2);
  assert.match(stderr, /expected casemate \d+\.\d+\.\d+, got casemate 0\.0\.1/);
});

test('a directory that programs cannot use is an error before the first attack', async (t) => {
  const place = open(t);
  const long = path.join(place.tmp, 'x'.repeat(100));
  fs.mkdirSync(long);
  const tooLong = await selftest(place, ['--escape', 'touch'], { env: { TMPDIR: long } });
  assert.deepEqual([tooLong.code, tooLong.stdout], [2, '']);
  assert.match(tooLong.stderr, /TMPDIR: expected a shorter path/);
  fs.rmdirSync(long);
  const none = await selftest(place, ['--escape', 'touch'], { env: { TMPDIR: `${place.tmp}/none` } });
  assert.deepEqual([none.code, none.stdout], [2, '']);
  assert.match(none.stderr, /TMPDIR: expected a directory, got /);
  assert.equal((await selftest(place, ['--escape', 'touch'], { env: { TMPDIR: '' } })).code, 0);
  if (!isRoot) return;
  fs.chmodSync(place.tmp, 0o700);
  const closed = await selftest(place, ['--escape', 'touch']);
  assert.deepEqual([closed.code, closed.stdout], [2, '']);
  assert.match(closed.stderr, /an ordinary user cannot enter .* set TMPDIR/);
  const script = `mount -t tmpfs -o noexec,mode=1777 none "$TMPDIR" && exec '${casemate}' selftest --escape touch`;
  const noexec = await cli(place, ['-m', 'sh', '-c', script], { program: 'unshare' });
  assert.deepEqual([noexec.code, noexec.stdout], [2, '']);
  assert.match(noexec.stderr, /cannot execute a copy of .* set TMPDIR/);
  nothingIsLeft(place);
});

test('the privileged copies that root lays out do nothing for others', needsRoot, (t) => {
  const place = open(t);
  const copy = path.join(place.dir, 'suid');
  fs.copyFileSync(probe, copy);
  fs.chmodSync(copy, 0o4755);
  const as = (...words) => spawnSync('setpriv', ['--reuid=54322', '--regid=54322', '--clear-groups', '--', copy, ...words], { encoding: 'utf8' }).stdout;
  const target = path.join(place.dir, 'target');
  assert.equal(as('write_file', target), 'result=error detail=refused-privileged\n');
  assert.equal(fs.existsSync(target), false);
  assert.match(as('report_privileges'), /^result=succeeded/, 'so the copy is privileged');
  assert.equal(spawnSync(copy, ['write_file', target], { encoding: 'utf8' }).stdout, 'result=succeeded detail=-\n');
});

for (const [name, more] of [['', []], [' in JSON', ['--json']], [' of a server', ['--served']]]) {
  test(`Ctrl-C ends it and leaves nothing${name}`, async (t) => {
    const place = open(t);
    const child = spawn(casemate, ['selftest', '--escape', ...more, 'fork_bomb_endless'], { env: place.env, detached: true, stdio: 'pipe' });
    place.closing(() => child.exitCode === null && child.kill('SIGKILL'));
    let stdout = '';
    child.stdout.on('data', (d) => (stdout += d));
    const ended = new Promise((resolve) => child.on('close', resolve));
    await until(() => processesWith('fork_bomb_endless').length > 20, 'the bomb forks');
    const [directory] = fs.readdirSync(place.tmp);
    const incarnations = fs.readdirSync(path.join(place.tmp, directory, 'state/incarnations'));
    assert.ok(incarnations.length > 0);
    process.kill(-child.pid, 'SIGINT'); // as a terminal does, to the whole group
    assert.equal(await ended, 130);
    if (more.includes('--json')) {
      const { ok, interrupted, counts } = JSON.parse(stdout);
      assert.deepEqual([ok, interrupted, counts.tried, counts.selected], [false, true, 0, 1]);
    } else {
      assert.match(stdout, /^Interrupted by SIGINT after 0 of 1 attacks$/m);
    }
    nothingIsLeft(place);
    assert.deepEqual(processesWith('fork_bomb_endless'), []);
    assert.deepEqual(incarnations.flatMap(cgroupsOf), []);
    assert.equal(fs.existsSync(path.join('/dev/shm', directory)), false);
  });
}

test('output that cannot be written is a failure', async (t) => {
  const place = open(t);
  const full = fs.openSync('/dev/full', 'w');
  for (const more of [[], ['--json']]) {
    const done = spawnSync(casemate, ['selftest', '--escape', ...more, 'touch'], { env: place.env, stdio: ['ignore', full, 'pipe'] });
    assert.equal(done.status, 1);
    assert.match(String(done.stderr), /cannot write/);
  }
  fs.closeSync(full);
  nothingIsLeft(place);
});

test('a terminal is told what is being tried', async (t) => {
  const place = open(t);
  const shown = spawnSync('script', ['-qec', `${casemate} selftest --escape touch`, '/dev/null'], { env: { ...place.env, TERM: 'xterm' }, encoding: 'utf8' });
  assert.match(shown.stdout, /\r\x1b\[Kfiles +1 tried; touch \/usr\r\x1b\[Kfiles +2 of 2 held off/);
  assert.equal((await selftest(place, ['--escape', 'touch'])).stdout.includes('\x1b'), false);
});
