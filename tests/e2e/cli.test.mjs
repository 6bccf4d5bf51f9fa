// The command line, as a person meets it.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { bin, cli, scratch, verifyTrail } from './lib/casemate.mjs';
import { processesWith, uniqueSleep, until } from './lib/facts.mjs';
import { Server } from './lib/server.mjs';

test('--version and --help', async (t) => {
  const place = scratch(t);
  assert.match((await cli(place, ['--version'])).stdout, /^casemate \d+\.\d+\.\d+\n$/);
  for (const args of [['--help'], ['run', '--help'], ['serve', '--help'], ['doctor', '--help'], ['selftest', '--help'], ['audit', '--help'], ['audit', 'tail', '--help'], ['profile', 'list', '--help']]) {
    const { code, stdout } = await cli(place, args);
    assert.equal(code, 0);
    assert.ok(stdout.length > 80, args.join(' '));
  }
});

test('wrong usage exits with 2 and says what is wrong', async (t) => {
  const place = scratch(t);
  for (const args of [[], ['nonsense'], ['run', '--memory-mb', 'much', '--', 'true'], ['audit', 'tail', '-n', '0']]) {
    const { code, stderr } = await cli(place, args);
    assert.equal(code, 2, args.join(' '));
    assert.ok(stderr.length > 0);
  }
});

test('run passes output and exit codes through', async (t) => {
  const place = scratch(t);
  const ran = await cli(place, ['run', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
  assert.deepEqual([ran.code, ran.stdout, ran.stderr], [7, 'out\n', 'err\n']);
  assert.equal((await cli(place, ['run', '--', 'sh', '-c', 'kill -9 $$'])).code, 137);
  assert.equal((await cli(place, ['run', '--timeout-ms', '200', '--', 'sleep', '1000'])).code, 124);
  assert.equal((await cli(place, ['run', '--', 'no-such-program'])).code, 127);
  assert.equal((await cli(place, ['run', '--', '/etc/passwd'])).code, 126);
  assert.equal((await cli(place, ['run', '--workspace', '/etc', '--', 'true'])).code, 125);
  assert.equal((await cli(place, ['run'])).code, 125);
});

test('run reads files, variables and standard input', async (t) => {
  const place = scratch(t);
  const source = path.join(place.dir, 'in.bin');
  fs.writeFileSync(source, Buffer.from([0, 255]));
  const ran = await cli(place, ['run', '--stdin', '--env', 'A=b', '--file', `${source}=x/y`, '--', 'sh', '-c', 'cat; echo $A; od -An -tx1 x/y'], { input: 'hello\n' });
  assert.equal(ran.stdout, 'hello\nb\n 00 ff\n');
  const json = await cli(place, ['run', '--json', '--', 'true']);
  assert.equal(JSON.parse(json.stdout).status, 'exited');
});

test('run --json takes what the tool takes', async (t) => {
  const place = scratch(t);
  const json = async (...args) => {
    const { code, stdout } = await cli(place, ['run', '--json', ...args]);
    return { code, ...JSON.parse(stdout) };
  };
  const limited = await json('--memory-mb', '64', '--pids', '20', '--timeout-ms', '5000', '--', 'true');
  assert.equal(limited.code, 0);
  assert.deepEqual([limited.limits.memory_mb, limited.limits.pids, limited.limits.timeout_ms], [64, 20, 5000]);
  // Where nothing can hold it, only best_effort runs.
  const io = await json('--io-mb-s', '30', '--sandbox-mode', 'best_effort', '--', 'true');
  assert.deepEqual([io.code, io.limits.io_mb_s, limited.limits.io_mb_s], [0, 30, undefined]);
  const code = await json('--language', 'python', '--code', 'import sys; print(6 * 7); sys.exit(5)');
  assert.deepEqual([code.code, code.exit_code, code.stdout], [5, 5, '42\n']);
  const inWorkspace = await json('--workspace', place.work, '--profile', 'scratch', '--', 'touch', 'new');
  assert.equal(inWorkspace.isolation.workspace, 'host_overlay');
  assert.deepEqual(fs.readdirSync(place.work), []);
  const refused = await json('--workspace', '/etc', '--', 'true');
  assert.deepEqual([refused.code, refused.status, refused.error.kind], [125, 'not_run', 'refused']);
});

test('global flags stand before or after the subcommand, and win over variables', async (t) => {
  const place = scratch(t);
  const other = path.join(place.dir, 'other');
  assert.equal((await cli(place, ['--state-dir', other, 'run', '--', 'true'])).code, 0);
  assert.equal((await cli(place, ['run', '--state-dir', other, '--', 'true'])).code, 0);
  assert.equal(fs.existsSync(place.state), false);
  const roots = ['--workspace-root', place.dir, '--state-dir', path.join(os.tmpdir(), path.basename(place.dir), 'third')];
  const ran = await cli(place, [...roots, 'run', '--workspace', place.work, '--', 'pwd']);
  assert.match(ran.stderr, /state/, 'a root that contains the state directory is refused');
  const policy = path.join(place.dir, 'policy.yaml');
  fs.writeFileSync(policy, 'version: 1\nrules:\n  - {id: nothing, effect: deny, tools: [run]}\n');
  assert.equal((await cli(place, ['--policy', policy, 'run', '--', 'true'])).code, 125);
});

test('Ctrl-C ends a run and everything in it', async (t) => {
  const place = scratch(t);
  const marker = uniqueSleep();
  const child = spawn(bin, ['run', '--', 'sleep', marker], { env: place.env, stdio: 'ignore' });
  const exited = new Promise((resolve) => child.on('close', resolve));
  await until(() => processesWith(marker).length > 1, 'the sleeper runs'); // casemate run itself is one
  child.kill('SIGINT');
  assert.equal(await exited, 130);
  await until(() => processesWith(marker).length === 0, 'the sleeper is gone');
});

test('doctor lists every layer', async (t) => {
  const place = scratch(t);
  const { code, stdout } = await cli(place, ['doctor', '--json']);
  const report = JSON.parse(stdout);
  assert.equal(code, report.ok ? 0 : 1);
  assert.ok(report.layers.length >= 8);
  for (const layer of report.layers) assert.ok(layer.present || layer.remedy.length > 0, layer.layer);
  assert.equal(report.ok, true, stdout);
  assert.match((await cli(place, ['doctor'])).stdout, /landlock +present/);
});

test('doctor tells of container engines, also of one that hangs, and is not held up by it', async (t) => {
  const place = scratch(t);
  const examine = async (host) => {
    const env = { ...place.env, DOCKER_HOST: host };
    const { code, stdout } = await cli({ ...place, env }, ['doctor', '--json']);
    assert.equal(code, 0, stdout);
    const text = (await cli({ ...place, env }, ['doctor'])).stdout;
    return { engine: JSON.parse(stdout).engines[0], text };
  };
  const answering = (req, res) => {
    const body = req.url === '/version'
      ? { Components: [{ Name: 'Podman Engine' }], Version: '4.9.0', ApiVersion: '1.41', MinAPIVersion: '1.24' }
      : { Driver: 'overlay', CgroupVersion: '2', CgroupDriver: 'systemd', DefaultRuntime: 'crun', Rootless: true, SecurityOptions: ['name=seccomp'] };
    res.end(JSON.stringify(body));
  };
  const socketOf = async (handler, name) => {
    const server = http.createServer(handler);
    place.closing(() => { server.closeAllConnections(); server.close(); });
    const socket = path.join(place.dir, name);
    await new Promise((resolve) => { server.listen(socket, resolve); });
    return socket;
  };

  const fine = await socketOf(answering, 'fine.sock');
  const { engine, text } = await examine(`unix://${fine}`);
  assert.deepEqual([engine.usable, engine.name, engine.rootless, engine.found], [true, 'podman', true, 'DOCKER_HOST']);
  assert.match(text, /container engine +present +Podman 4\.9\.0, API 1\.41, storage overlay, cgroups v2 \(systemd\), crun, rootless, seccomp/);

  const hung = await socketOf(() => {}, 'hung.sock');
  const began = Date.now();
  const silent = await examine(`unix://${hung}`);
  assert.ok(Date.now() - began < 20_000);
  assert.equal(silent.engine.usable, false);
  assert.match(silent.text, /container engine +unusable +.*hangs.*\n +→ /);

  const remote = await examine('tcp://127.0.0.1:2375');
  assert.match(remote.engine.detail, /expected unix:.*got `tcp:/);
  assert.match((await examine(`unix://${place.dir}/none`)).engine.detail, /no such socket/);
});

test('audit tail, verify and export', async (t) => {
  const place = scratch(t);
  await cli(place, ['run', '--', 'echo', 'one']);
  await cli(place, ['run', '--workspace', '/etc', '--', 'true']);
  const tail = (await cli(place, ['audit', 'tail'])).stdout;
  assert.match(tail, /intent +run \["echo","one"\]/);
  assert.match(tail, /refused/);
  assert.match((await cli(place, ['audit', 'verify'])).stdout, /^intact: \d+ records, head [0-9a-f]{64}\n$/);
  let previous = '0'.repeat(64);
  const lines = (await cli(place, ['audit', 'export', '--jsonl'])).stdout.trim().split('\n');
  for (const line of lines) {
    const { body, hash } = JSON.parse(line);
    assert.equal(createHash('sha256').update('\0').update(body).digest('hex'), hash);
    assert.equal(JSON.parse(body).prev_hash, previous);
    previous = hash;
  }
});

test('tampering shows', async (t) => {
  const place = scratch(t);
  await cli(place, ['run', '--', 'echo', 'secret-plan']);
  assert.equal((await verifyTrail(place)).intact, true);
  const db = path.join(place.state, 'casemate.db');
  for (const file of [db, `${db}-wal`]) {
    if (!fs.existsSync(file)) continue;
    const bytes = fs.readFileSync(file).toString('latin1');
    fs.writeFileSync(file, Buffer.from(bytes.replaceAll('secret-plan', 'public-plan'), 'latin1'));
  }
  const { code, stdout } = await cli(place, ['audit', 'verify', '--json']);
  assert.equal(code, 1);
  assert.equal(JSON.parse(stdout).intact, false);
});

test('profile list', async (t) => {
  const place = scratch(t);
  const { stdout } = await cli(place, ['profile', 'list', '--json']);
  assert.ok(JSON.parse(stdout).profiles.some((profile) => profile.name === 'scratch'));
  assert.match((await cli(place, ['profile', 'list'])).stdout, /default/);
});

test('configuration errors name the line and the nearest key', async (t) => {
  const place = scratch(t);
  const config = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(config, 'version: 1\nworksapce_roots: []\n');
  const { code, stderr } = await cli(place, ['run', '--', 'true'], { env: { CASEMATE_CONFIG: config } });
  assert.equal(code, 2);
  assert.match(stderr, /config\.yaml:2:\d+.*worksapce_roots.*workspace_roots/);
  const served = await cli(place, ['serve'], { env: { CASEMATE_CONFIG: config } });
  assert.notEqual(served.code, 0);
  assert.equal(served.stdout, '', 'an error is never written to the protocol stream');
  assert.match(served.stderr, /worksapce_roots/);
});

test('a state directory that cannot be written is a clear refusal', async (t) => {
  const place = scratch(t);
  const file = path.join(place.dir, 'file');
  fs.writeFileSync(file, '');
  const { code, stderr } = await cli(place, ['run', '--state-dir', `${file}/below`, '--', 'true']);
  assert.equal(code, 125);
  assert.match(stderr, /file/);
});

// A small file system of the test's own, in a mount namespace that ends with `command`.
const needsRoot = { skip: process.getuid() !== 0 && 'NEEDS ROOT to mount a small file system' };
function onSmallDisk(place, ...command) {
  const small = path.join(place.dir, 'small');
  fs.mkdirSync(small);
  return { small, args: ['-m', 'sh', '-c', `mount -t tmpfs -o size=512k tmpfs "$0" && exec "$@"`, small, ...command] };
}

test('a full disk refuses a run before anything runs', needsRoot, async (t) => {
  const place = scratch(t);
  const script = `
    run() { '${bin}' --state-dir '${place.dir}/small' run --workspace '${place.work}' "$@"; }
    run -- touch before || exit 98
    head -c 1M /dev/zero > '${place.dir}/small/filler' 2>/dev/null
    run --json -- touch after`;
  const ran = await cli(place, onSmallDisk(place, 'sh', '-c', script).args, { program: 'unshare' });
  assert.equal(ran.code, 125, ran.stderr + ran.stdout);
  assert.deepEqual(fs.readdirSync(place.work), ['before']);
});

test('a disk that fills up under a server refuses calls, and serves again when there is space', needsRoot, async (t) => {
  const place = scratch(t);
  const { small, args } = onSmallDisk(place, bin, '--state-dir', path.join(place.dir, 'small'), 'serve');
  const server = Server.start(place, { program: 'unshare', args });
  await server.initialize();
  const touch = (name) => server.run({ command: ['touch', name], workspace: place.work });
  assert.equal((await touch('before')).result.isError, false);
  const filler = path.join(`/proc/${server.child.pid}/root`, small, 'filler');
  assert.throws(() => fs.writeFileSync(filler, Buffer.alloc(1 << 20)), { code: 'ENOSPC' });
  // The trail has a little room left in the pages it holds already; then it is full.
  let refused;
  for (let i = 0; i < 200 && !refused?.isError; i++) {
    fs.rmSync(path.join(place.work, 'during'), { force: true });
    refused = (await touch('during')).result;
  }
  assert.equal(refused.isError, true);
  if (refused.structuredContent.error.kind === 'outcome_not_recorded') {
    fs.rmSync(path.join(place.work, 'during'), { force: true });
    refused = (await touch('during')).result;
  }
  assert.equal(refused.structuredContent.error.kind, 'audit_unavailable', JSON.stringify(refused));
  assert.match(refused.structuredContent.error.remedy, /free space/);
  assert.equal(fs.existsSync(path.join(place.work, 'during')), false, 'it did not run');
  fs.rmSync(filler);
  assert.equal((await touch('after')).result.isError, false);
  assert.deepEqual(fs.readdirSync(place.work).sort(), ['after', 'before']);
});

test('colours only on a terminal', async (t) => {
  const place = scratch(t);
  await cli(place, ['run', '--', 'true']);
  assert.equal((await cli(place, ['audit', 'verify'])).stdout.includes('\x1b['), false);
  const onTerminal = spawnSync('script', ['-qec', `${bin} audit verify`, '/dev/null'], { env: { ...place.env, TERM: 'xterm' }, encoding: 'utf8' });
  assert.ok(onTerminal.stdout.includes('\x1b[32m'), onTerminal.stdout + onTerminal.stderr);
});

// Runs it with the bytes of stdout, and any descriptors.
const bytes = (place, args, options = {}) => spawnSync(bin, args, { env: place.env, ...options });

test('what follows -- is run word for word', async (t) => {
  const place = scratch(t);
  const words = ['[1,2]', '[]', '[x', '{}', '%%', '', '--', '-x', 'a,b', '[a,b]'];
  const ran = await cli(place, ['run', '--', 'printf', '%s\\n', ...words]);
  assert.equal(ran.stdout, words.map((w) => w + '\n').join(''));
  assert.equal((await cli(place, ['run', '--', 'bash', '-c', '[ 1 = 2 ]'])).code, 1);
  const [intent] = (await cli(place, ['audit', 'tail', '--json'])).stdout.trim().split('\n').map((l) => JSON.parse(l)).filter((r) => r.kind === 'intent');
  assert.deepEqual(intent.args.command, ['printf', '%s\\n', ...words]);
});

test('a command that is padded is judged whole', async (t) => {
  const place = scratch(t);
  const policy = path.join(place.dir, 'policy.yaml');
  fs.writeFileSync(policy, 'version: 1\nrules:\n  - {id: all, effect: allow, tools: [run]}\n' +
    '  - {id: word, effect: deny, tools: [run], when: {path: args.command.2, glob: "**SECRETWORD**"}}\n');
  for (const padding of [0, 4200, 70000]) {
    const ran = await cli(place, ['--policy', policy, 'run', '--', 'bash', '-c', '#'.repeat(padding) + '\necho SECRETWORD']);
    assert.deepEqual([ran.code, ran.stdout], [125, ''], `${padding}: ${ran.stderr}`);
  }
  assert.equal((await cli(place, ['--policy', policy, 'run', '--', 'bash', '-c', '#'.repeat(4200) + '\necho other'])).stdout, 'other\n');
});

test('pipes and files get the bytes; what was cut is said', async (t) => {
  const place = scratch(t);
  const binary = bytes(place, ['run', '--', 'printf', '\\377\\376\\200\\0x']);
  assert.deepEqual([...binary.stdout], [0xff, 0xfe, 0x80, 0, 0x78]);
  assert.equal(binary.stderr.length, 0);
  const long = bytes(place, ['run', '--output-kb', '1', '--', 'seq', '1', '100000']);
  assert.equal(long.status, 0);
  assert.match(String(long.stdout), /^1\n2\n[^]*\n\[… \d+ bytes cut …\]\n[^]*\n100000\n$/);
  assert.match(String(long.stderr), /note: the middle of the output was cut/);
});

test('output that cannot be written is a failure', async (t) => {
  const place = scratch(t);
  await cli(place, ['run', '--', 'true']);
  const full = fs.openSync('/dev/full', 'w');
  for (const [code, ...args] of [[123, 'run', '--', 'echo', 'x'], [123, 'run', '--json', '--', 'true'], [1, 'profile', 'list'], [1, 'audit', 'tail'], [1, 'audit', 'verify'], [1, 'audit', 'export'], [1, 'token', 'list']]) {
    const done = bytes(place, args, { stdio: ['ignore', full, 'pipe'] });
    assert.equal(done.status, code, args.join(' '));
    assert.match(String(done.stderr), /cannot write/, args.join(' '));
  }
  fs.closeSync(full);
});

test('run can be stopped while it reads its input or writes its output', async (t) => {
  const place = scratch(t);
  const reading = spawn(bin, ['run', '--stdin', '--', 'cat'], { env: place.env, stdio: ['pipe', 'pipe', 'inherit'] });
  place.closing(() => reading.kill('SIGKILL'));
  reading.stdin.write('x');
  await until(() => fs.readFileSync(`/proc/${reading.pid}/wchan`, 'latin1').includes('read'), 'it reads');
  const stopped = (child) => new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal ?? code)));
  let end = stopped(reading);
  reading.kill('SIGINT');
  assert.equal(await end, 'SIGINT');

  const writing = spawn('sh', ['-c', 'exec "$0" run --output-kb 1024 -- seq 1 100000 | { read -r pid <&3; }', bin], { env: place.env, stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
  place.closing(() => writing.kill('SIGKILL'));
  const fact = (pid, name) => (fs.existsSync(`/proc/${pid}/${name}`) ? fs.readFileSync(`/proc/${pid}/${name}`, 'latin1') : '');
  const writers = () => fact(writing.pid, `task/${writing.pid}/children`).trim().split(' ').filter((pid) => fact(pid, 'comm') === 'casemate\n' && fact(pid, 'wchan').includes('pipe_write'));
  await until(() => writers().length === 1, 'it writes');
  process.kill(Number(writers()[0]), 'SIGTERM');
  await until(() => writers().length === 0, 'it has ended');
  end = stopped(writing);
  writing.stdio[3].end('\n');
  await end;
  assert.equal((await verifyTrail(place)).unfinished.length, 0);
});

test('a signal by number, an empty workspace, and code without a language', async (t) => {
  const place = scratch(t);
  assert.equal((await cli(place, ['run', '--', 'bash', '-c', 'kill -40 $$'])).code, 168);
  for (const args of [['--workspace', '', '--', 'true'], ['--language', 'python'], ['--code', '1']]) {
    const { code, stderr } = await cli(place, ['run', ...args]);
    assert.equal(code, 125, args.join(' '));
    assert.match(stderr, /expected/);
  }
  const here = bytes(place, ['run', '--workspace', '.', '--', 'pwd'], { cwd: place.work });
  assert.equal(here.status, 0, String(here.stderr));
});

test('a limit on file sizes is an error, not an end', async (t) => {
  const place = scratch(t);
  assert.equal((await cli(place, ['run', '--', 'true'])).code, 0);
  const ran = spawnSync('bash', ['-c', 'ulimit -f 1; exec "$0" run -- true', bin], { env: place.env });
  assert.equal(ran.signal, null);
  assert.notEqual(String(ran.stderr), '');
  const inside = await cli(place, ['run', '--', 'grep', '^SigIgn', '/proc/self/status']);
  assert.match(inside.stdout, /\t0{16}\n/);
});

test('a trail that is not there is not intact, and a copy that nobody may write can be read', async (t) => {
  const place = scratch(t);
  for (const command of ['verify', 'tail', 'export']) {
    const { code, stderr, stdout } = await cli(place, ['audit', command]);
    assert.deepEqual([code, stdout], [1, ''], command);
    assert.match(stderr, /no audit trail/);
    assert.equal(fs.existsSync(place.state), false);
  }
  await cli(place, ['run', '--', 'true']);
  const copy = path.join(place.dir, 'copy');
  fs.mkdirSync(copy);
  fs.copyFileSync(path.join(place.state, 'casemate.db'), path.join(copy, 'casemate.db'));
  fs.chmodSync(path.join(copy, 'casemate.db'), 0o444);
  fs.chmodSync(copy, 0o555);
  place.closing(() => fs.chmodSync(copy, 0o755));
  const drop = process.getuid() === 0 ? ['setpriv', '--reuid=65534', '--clear-groups', '--'] : [];
  if (drop.length > 0) fs.chmodSync(place.dir, 0o755);
  const [program, ...args] = [...drop, bin, '--state-dir', copy, 'audit', 'verify'];
  const read = spawnSync(program, args, { env: { ...place.env, HOME: '/nonexistent' } });
  assert.equal(read.status, 0, String(read.stderr));
  assert.match(String(read.stdout), /^intact: [1-9]/);
  assert.deepEqual(fs.readdirSync(copy), ['casemate.db']);
});

test('a run whose launcher dies has an unknown outcome', async (t) => {
  const place = scratch(t);
  const length = uniqueSleep();
  const running = spawn(bin, ['run', '--workspace', place.work, '--', 'bash', '-c', `echo ran > side-effect; sleep ${length}`], { env: place.env, stdio: ['ignore', 'ignore', 'pipe'] });
  place.closing(() => running.kill('SIGKILL'));
  let stderr = '';
  running.stderr.on('data', (d) => (stderr += d));
  await until(() => processesWith(length).length > 0 && fs.existsSync(path.join(place.work, 'side-effect')), 'it runs');
  const [launcher] = fs.readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, 'latin1').trim().split(' ').map(Number);
  const end = new Promise((resolve) => running.on('close', resolve));
  process.kill(launcher, 'SIGKILL');
  assert.equal(await end, 123);
  assert.match(stderr, /lost: unknown outcome/);
  assert.doesNotMatch(stderr, /nothing was run/);
  const outcome = (await cli(place, ['audit', 'tail', '--json'])).stdout.trim().split('\n').map((l) => JSON.parse(l)).find((r) => r.kind === 'outcome');
  assert.deepEqual([outcome.outcome.status, outcome.outcome.may_have_run], ['lost', true]);
  assert.equal((await cli(place, ['run', '--', 'true'])).code, 0, 'the next one works, and clears away what the dead launcher left');
});
