// The command line, as a person meets it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { bin, cli, processesWith, scratch, uniqueSleep, until } from './lib/casemate.mjs';

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

test('Ctrl-C ends a run and everything in it', async (t) => {
  const place = scratch(t);
  const { spawn } = await import('node:child_process');
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
  const { createHash } = await import('node:crypto');
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
});

test('a state directory that cannot be written is a clear refusal', async (t) => {
  const place = scratch(t);
  const file = path.join(place.dir, 'file');
  fs.writeFileSync(file, '');
  const { code, stderr } = await cli(place, ['run', '--state-dir', `${file}/below`, '--', 'true']);
  assert.equal(code, 125);
  assert.match(stderr, /file/);
});

test('a full disk refuses the call before anything runs', { skip: process.getuid() !== 0 && 'NEEDS ROOT to mount a small file system' }, async (t) => {
  const place = scratch(t);
  const small = path.join(place.dir, 'small');
  fs.mkdirSync(small);
  const script = `
    mount -t tmpfs -o size=512k tmpfs ${small} || exit 99
    ${bin} --state-dir ${small} run -- true || exit 98
    head -c 1M /dev/zero > ${small}/filler 2>/dev/null
    ${bin} --state-dir ${small} run --json -- touch /tmp/ran`;
  const ran = spawnSync('unshare', ['-m', 'sh', '-c', script], { env: place.env, encoding: 'utf8' });
  assert.notEqual(ran.status, 99);
  assert.notEqual(ran.status, 98);
  assert.equal(ran.status, 125, ran.stderr + ran.stdout);
  assert.doesNotMatch(ran.stdout, /"status":"exited"/);
});

test('colours only on a terminal', async (t) => {
  const place = scratch(t);
  await cli(place, ['run', '--', 'true']);
  assert.equal((await cli(place, ['audit', 'verify'])).stdout.includes('\x1b['), false);
  const onTerminal = spawnSync('script', ['-qec', `${bin} audit verify`, '/dev/null'], { env: { ...place.env, TERM: 'xterm' }, encoding: 'utf8' });
  assert.ok(onTerminal.stdout.includes('\x1b[32m'), onTerminal.stdout + onTerminal.stderr);
});
