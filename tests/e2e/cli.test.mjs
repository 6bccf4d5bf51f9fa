// The command line, as a person meets it.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { bin, cli, scratch, verifyTrail } from './lib/casemate.mjs';
import { processesWith, uniqueSleep, until } from './lib/facts.mjs';
import { Server } from './lib/server.mjs';

test('--version and --help', async (t) => {
  const place = scratch(t);
  assert.match((await cli(place, ['--version'])).stdout, /^casemate \d+\.\d+\.\d+\n$/);
  for (const args of [['--help'], ['run', '--help'], ['serve', '--help'], ['doctor', '--help'], ['audit', '--help'], ['audit', 'tail', '--help'], ['profile', 'list', '--help']]) {
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
  assert.equal(await exited, 125);
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
