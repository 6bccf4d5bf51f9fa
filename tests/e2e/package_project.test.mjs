// `casemate package` and the tool `build` against all that can befall them: other machines, damage, others
// at the same time, kills, full disks, files that go. What it gives is the same each time, or an error that
// leaves nothing behind.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { bin, cli, scratch } from './lib/casemate.mjs';
import { Random } from './lib/random.mjs';
import { compileToolSchema } from './lib/schema.mjs';
import { legacy, Server } from './lib/server.mjs';

const isRoot = process.getuid() === 0;
const nobody = 65534;
const needsRoot = { skip: !isRoot && 'NEEDS ROOT to mount a small file system' };

const shop = {
  manifest_version: '1.0',
  project: { name: 'shop', version: '1.0' },
  applications: [
    { name: 'web', path: 'web', command: ['./serve'], port: 8080, health_check: { http: '/healthz' }, depends_on: ['core'] },
    { name: 'core', path: 'core', command: ['./core'] },
  ],
  containers: [
    { name: 'shop', applications: ['web', 'core'], base: 'scratch' },
    { name: 'tools', base: 'scratch', files: [{ from: 'tools', to: '/tools' }], command: ['/tools/run'] },
  ],
};
const files = {
  'web/serve': '#!/bin/sh\n', 'web/static/index.html': '<p>a shop</p>\n', 'web/é': 'e', 'web/static/empty': '',
  'core/core': '#!/bin/sh\n', 'core/data': 'data\n'.repeat(1000), 'tools/run': '#!/bin/sh\n',
};
const layers = 4; // init, web and core; tools

function write(directory, manifest = shop, all = Object.entries(files)) {
  for (const [name, content] of [['casemate.json', JSON.stringify(manifest)], ...all]) {
    const file = path.join(directory, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, content);
    if (content === '#!/bin/sh\n') fs.chmodSync(file, fs.statSync(file).mode | 0o100);
  }
  fs.rmSync(path.join(directory, 'web/link'), { force: true });
  fs.symlinkSync('static', path.join(directory, 'web/link'));
}
// What takes a while to pack: one layer of bytes that do not become fewer.
const heavy = (directory, mib) => write(directory, shop, [...Object.entries(files), ['core/heavy', crypto.randomBytes(mib << 20)]]);

function projectIn(t) {
  const place = scratch(t);
  fs.chmodSync(place.dir, 0o755);
  write(place.work);
  return place;
}
async function packaged(place, flags = [], directory = place.work) {
  const said = await cli(place, ['package', directory, '--json', ...flags]);
  assert.equal(said.code, 0, said.stdout + said.stderr);
  return JSON.parse(said.stdout);
}
const digestsOf = ({ containers }) => Object.fromEntries(containers.map((each) => [each.name, each.image_digest]));
const listed = async (place) => JSON.parse((await cli(place, ['artifact', 'list', '--json'])).stdout).artifacts;
async function checksOf(place, id) {
  const said = await cli(place, ['artifact', 'verify', id, '--json']);
  const report = JSON.parse(said.stdout);
  assert.deepEqual([said.code, report.ok], [0, true], said.stdout);
  return report.checks;
}
const blobsIn = (place) => path.join(place.state, 'artifacts/blobs/sha256');
const layersIn = (place) => path.join(place.state, 'artifacts/layers');
// Whatever has the name of a digest is what the digest says.
function blobsAreWhole(place) {
  for (const name of fs.readdirSync(blobsIn(place)).filter((each) => /^[0-9a-f]{64}$/.test(each))) {
    assert.equal(crypto.createHash('sha256').update(fs.readFileSync(path.join(blobsIn(place), name))).digest('hex'), name);
  }
}

test('a project has the same digests in another directory, in another order, by another umask and user, at another time', async (t) => {
  const one = projectIn(t);
  const first = await packaged(one);
  assert.deepEqual(Object.keys(digestsOf(first)), ['shop', 'tools']);
  assert.equal(first.containers.reduce((sum, each) => sum + each.layers_written, 0), layers);

  const other = scratch(t);
  fs.chmodSync(other.dir, 0o755);
  const directory = path.join(other.dir, 'a checkout', 'elsewhere');
  const old = process.umask(isRoot ? 0 : 0o077); // what root starts works as another user, who must read it
  try {
    write(directory, Object.fromEntries(Object.entries(shop).reverse()), Object.entries(files).reverse());
  } finally {
    process.umask(old);
  }
  for (const name of fs.readdirSync(directory, { recursive: true })) fs.lutimesSync(path.join(directory, name), 1, 1);
  fs.mkdirSync(path.join(directory, 'empty'));
  // Another second: two builds of one moment would share what they say of it.
  const second = Math.trunc(Date.now() / 1000);
  while (Math.trunc(Date.now() / 1000) === second) await new Promise((resolve) => setTimeout(resolve, 20));
  const same = async (place, where, flags = []) => {
    const made = await packaged(place, flags, where);
    assert.deepEqual([made.id, made.source_hash, digestsOf(made)], [first.id, first.source_hash, digestsOf(first)]);
    return made;
  };
  await same(other, directory);
  const anew = await same(one, one.work, ['--no-cache']);
  assert.deepEqual(anew.containers.map((each) => [each.cached, each.layers_cached]), [[false, 0], [false, 0]]);
  assert.deepEqual(anew.containers.map((each) => each.sbom_digest), first.containers.map((each) => each.sbom_digest));

  if (!isRoot) return;
  const third = scratch(t);
  for (const where of [third.dir, third.work]) fs.chmodSync(where, 0o755);
  process.umask(0o077);
  try {
    write(third.work);
  } finally {
    process.umask(old);
  }
  for (const where of [third.dir, third.work, ...fs.readdirSync(third.work, { recursive: true }).map((name) => path.join(third.work, name))]) fs.lchownSync(where, nobody, nobody);
  const said = await cli(third, [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--', bin, 'package', third.work, '--json'], { program: 'setpriv' });
  assert.equal(said.code, 0, said.stderr);
  assert.deepEqual(digestsOf(JSON.parse(said.stdout)), digestsOf(first));
});

test('what is unchanged is not made again, and one file makes another image', async (t) => {
  const place = projectIn(t);
  const first = await packaged(place);
  assert.deepEqual(first.containers.map(({ cached }) => cached), [false, false]);
  const again = await packaged(place);
  assert.deepEqual(again.containers.map((each) => [each.cached, each.layers_written, each.artifact]), first.containers.map(({ artifact }) => [true, 0, artifact]));
  const people = await cli(place, ['package', place.work]);
  assert.match(people.stdout, /^shop:[0-9a-f]{12} {2}sha256:[0-9a-f]{64} {2}unchanged\ntools:/);

  fs.writeFileSync(path.join(place.work, 'core/data'), 'other\n');
  const changed = await packaged(place);
  assert.notEqual(changed.id, first.id);
  assert.notEqual(digestsOf(changed).shop, digestsOf(first).shop);
  const ofShop = changed.containers[0];
  assert.deepEqual([ofShop.cached, ofShop.layers_written, ofShop.layers_cached], [false, 1, 2]);
  // Its first state is still there.
  write(place.work);
  const back = await packaged(place);
  assert.deepEqual([digestsOf(back), back.containers[0].cached], [digestsOf(first), true]);
  assert.equal((await listed(place)).length, 4);
});

test('what a build left decides what is made, though it is no source', async (t) => {
  const place = scratch(t);
  const built = {
    manifest_version: '1.0',
    project: { name: 'built' },
    applications: [{ name: 'app', path: 'app', build: { commands: ['make'], outputs: ['out'] }, command: ['./out/app'] }],
    containers: [{ name: 'built', applications: ['app'], base: 'scratch' }],
  };
  for (const [name, content] of [['casemate.json', JSON.stringify(built)], ['app/main.c', 'int main;\n'], ['app/out/app', 'one\n']]) {
    fs.mkdirSync(path.dirname(path.join(place.work, name)), { recursive: true });
    fs.writeFileSync(path.join(place.work, name), content);
  }
  const first = await packaged(place);
  assert.equal((await packaged(place)).containers[0].cached, true);
  fs.writeFileSync(path.join(place.work, 'app/out/app'), 'two\n');
  const second = await packaged(place);
  assert.equal(second.id, first.id);
  assert.equal(second.containers[0].cached, false);
  assert.notEqual(digestsOf(second).built, digestsOf(first).built);
  assert.deepEqual(digestsOf(await packaged(place)), digestsOf(second));
});

test('damage in the state directory is found, never served, and made good', async (t) => {
  const place = projectIn(t);
  const flags = ['--container', 'shop'];
  const first = await packaged(place, flags);
  const { artifact, image_digest: digest } = first.containers[0];
  const count = (await checksOf(place, artifact)).filter((check) => check.digest).length;
  assert.equal(count, 2 + 3 + 2); // manifest, config; layers; bill of materials and provenance
  const damages = {
    'a byte': (file, bytes) => {
      bytes[bytes.length >> 1] ^= 1;
      fs.writeFileSync(file, bytes);
    },
    'an end that is missing': (file, bytes) => fs.truncateSync(file, bytes.length - 1),
    nothing: (file) => fs.rmSync(file),
  };
  for (let i = 0; i < count; i++) {
    for (const [what, damage] of Object.entries(damages)) {
      const checks = (await checksOf(place, artifact)).filter((check) => check.digest);
      const file = path.join(blobsIn(place), checks[i].digest.slice('sha256:'.length));
      damage(file, fs.readFileSync(file));
      if (what !== 'a byte') { // which nobody has looked at, and which is found only now
        const verified = await cli(place, ['artifact', 'verify', artifact]);
        assert.equal(verified.code, 1, `${checks[i].what}, ${what}: ${verified.stdout}`);
      }
      const again = await packaged(place, flags);
      assert.deepEqual([again.containers[0].image_digest, again.containers[0].cached], [digest, false], `${checks[i].what}, ${what}`);
      await checksOf(place, artifact);
      blobsAreWhole(place);
    }
  }
});

test('damaged records of layers are forgotten', async (t) => {
  const place = projectIn(t);
  const flags = ['--container', 'shop'];
  const { containers: [{ artifact, image_digest: digest }] } = await packaged(place, flags);
  const records = () => fs.readdirSync(layersIn(place)).filter((name) => !name.startsWith('.'));
  assert.equal(records().length, 3);
  const image = path.join(blobsIn(place), digest.slice('sha256:'.length));
  const repairs = async (what) => {
    fs.rmSync(image); // so that it is put together anew, of layers that are there
    const again = await packaged(place, flags);
    assert.equal(again.containers[0].image_digest, digest, what);
    await checksOf(place, artifact);
    return again.containers[0].layers_written;
  };
  assert.equal(await repairs('none'), 0);
  const record = path.join(layersIn(place), records()[0]);
  const whole = fs.readFileSync(record, 'utf8');
  const places = { beginning: 3, type: whole.indexOf('gzip'), digest: whole.indexOf('"digest":"sha256:') + 30, diff_id: whole.indexOf('"diff_id":"sha256:') + 40, size: whole.indexOf('"size":') + 7, tar_bytes: whole.indexOf('"tar_bytes":') + 12 };
  for (const [what, at] of Object.entries(places)) {
    const bytes = Buffer.from(whole);
    bytes[at] ^= 1;
    fs.writeFileSync(record, bytes);
    assert.equal(await repairs(what), 1, what);
    assert.equal(fs.readFileSync(record, 'utf8'), whole, what);
  }
  for (const [what, content] of Object.entries({ nothing: '', half: whole.slice(0, 100), 'no JSON': 'x'.repeat(200), 'much too long': 'x'.repeat(1 << 20), 'that of another layer': fs.readFileSync(path.join(layersIn(place), records()[1])) })) {
    fs.writeFileSync(record, content);
    assert.equal(await repairs(what), 1, what);
  }
});

test('two that package the same at once make it once', async (t) => {
  const place = projectIn(t);
  heavy(place.work, 8);
  for (let round = 0; round < 3; round++) {
    fs.writeFileSync(path.join(place.work, 'tools/run'), `${round}`);
    fs.writeFileSync(path.join(place.work, 'web/serve'), `${round}`);
    fs.writeFileSync(path.join(place.work, 'core/data'), `${round}`);
    const both = await Promise.all([packaged(place), packaged(place), packaged(place)]);
    for (const one of both) assert.deepEqual(digestsOf(one), digestsOf(both[0]));
    const written = both.flatMap(({ containers }) => containers).reduce((sum, each) => sum + each.layers_written, 0);
    assert.equal(written, round === 0 ? layers : layers - 1); // the init stays
    assert.equal(both.flatMap(({ containers }) => containers).filter(({ cached }) => !cached).length, 2);
  }
  for (const { id } of await listed(place)) await checksOf(place, id);
  // Who wants all of it anew makes it at the same time as others, and it is the same.
  const anew = await Promise.all([packaged(place, ['--no-cache']), packaged(place, ['--no-cache']), packaged(place)]);
  for (const one of anew) assert.deepEqual(digestsOf(one), digestsOf(anew[0]));
  for (const { id } of await listed(place)) await checksOf(place, id);
});

// Two days before now, which is older than what may still be in use.
function age(directory) {
  const then = Date.now() / 1000 - 2 * 86_400;
  for (const name of fs.readdirSync(directory, { recursive: true })) fs.lutimesSync(path.join(directory, name), then, then);
}

test('one that is killed at any moment leaves what the next one can use, and nothing that stays', async (t) => {
  const place = projectIn(t);
  heavy(place.work, 12);
  const begin = Date.now();
  const first = await packaged(place);
  const whole = Date.now() - begin;
  const seed = crypto.randomInt(2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const random = new Random(seed);
  for (let round = 0; round < 12; round++) {
    const child = spawn(bin, ['package', place.work, '--no-cache'], { env: place.env, stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('exit', resolve));
    await new Promise((resolve) => setTimeout(resolve, random.between(0, Math.round(whole * 1.25))));
    child.kill('SIGKILL');
    await ended;
    if (round % 3 === 2) {
      const made = await packaged(place);
      assert.deepEqual(digestsOf(made), digestsOf(first));
      for (const { artifact } of made.containers) await checksOf(place, artifact);
    }
  }
  await packaged(place);
  const kept = await listed(place);
  const used = new Set();
  for (const { id } of kept) for (const { digest } of await checksOf(place, id)) if (digest) used.add(digest.slice('sha256:'.length));
  age(path.join(place.state, 'artifacts'));
  const pruned = await cli(place, ['artifact', 'prune', '--json']);
  assert.deepEqual([pruned.code, JSON.parse(pruned.stdout).artifacts], [0, []], pruned.stderr);
  assert.deepEqual(fs.readdirSync(blobsIn(place)).sort(), [...used].sort());
  for (const name of fs.readdirSync(layersIn(place))) assert.match(name, /^[0-9a-f]{64}$/, 'neither locks nor halves stay');
  for (const { id } of kept) assert.equal((await cli(place, ['artifact', 'rm', id])).code, 0);
  age(path.join(place.state, 'artifacts'));
  await cli(place, ['artifact', 'prune']);
  assert.deepEqual([fs.readdirSync(blobsIn(place)), fs.readdirSync(layersIn(place))], [[], []]);
});

// Runs it until it says `line`, and then `does` something to it.
async function packagedUntil(place, line, does) {
  const child = spawn(bin, ['package', place.work, '--no-cache'], { env: place.env, stdio: ['ignore', 'pipe', 'pipe'] });
  place.closing(() => child.exitCode === null && child.kill('SIGKILL'));
  let stderr = '';
  let done = false;
  child.stderr.on('data', (bytes) => {
    stderr += bytes;
    if (!done && stderr.includes(line)) {
      done = true;
      does(child);
    }
  });
  const code = await new Promise((resolve) => child.on('close', (number) => resolve(number)));
  assert.ok(done, stderr);
  return { code, stderr };
}

test('Ctrl-C ends it with 130 and nothing is recorded', async (t) => {
  const place = projectIn(t);
  heavy(place.work, 48);
  const said = await packagedUntil(place, 'packing shop', (child) => child.kill('SIGINT'));
  assert.equal(said.code, 130, said.stderr);
  assert.match(said.stderr, /cancelled/);
  assert.deepEqual(await listed(place), []);
  heavy(place.work, 1);
  const made = await packaged(place);
  for (const { artifact } of made.containers) await checksOf(place, artifact);
});

test('a file that goes or changes while it is packaged is named, and nothing is recorded', async (t) => {
  const place = projectIn(t);
  heavy(place.work, 32);
  const before = JSON.parse((await cli(place, ['manifest', 'hash', place.work, '--json'])).stdout);
  for (const change of [(file) => fs.rmSync(file), (file) => fs.writeFileSync(file, 'another\n')]) {
    write(place.work);
    const said = await packagedUntil(place, 'packing shop', () => change(path.join(place.work, 'web/é')));
    // Either it came too late, and then it is what was hashed; or it is an error.
    if (said.code === 0) continue;
    assert.equal(said.code, 1, said.stderr);
    assert.match(said.stderr, /web\/é|changed/);
    assert.deepEqual((await listed(place)).filter(({ name }) => name === 'shop'), []);
  }
  write(place.work);
  const made = await packaged(place);
  assert.equal(made.id, before.id);
  const elsewhere = { ...place, env: { ...place.env, CASEMATE_STATE_DIR: path.join(place.dir, 'fresh') } };
  assert.deepEqual(digestsOf(made), digestsOf(await packaged(elsewhere)), 'and nothing of what was there in between');
  for (const { artifact } of made.containers) await checksOf(place, artifact);
});

test('a full disk is an error that says so, nothing is recorded, and with space it works', needsRoot, async (t) => {
  const place = projectIn(t);
  heavy(place.work, 12);
  const small = path.join(place.dir, 'small');
  fs.mkdirSync(small);
  const script = `
    mount -t tmpfs -o size=6m tmpfs '${small}' || exit 90
    run() { '${bin}' --state-dir '${small}' "$@"; }
    run package '${place.work}' --json > '${place.dir}/full.json'; echo $? > '${place.dir}/full.code'
    run artifact list --json > '${place.dir}/full.list' || exit 91
    mount -o remount,size=64m '${small}' || exit 92
    run package '${place.work}' --json > '${place.dir}/free.json' || exit 93
    run artifact verify shop || exit 94`;
  const ran = await cli(place, ['-m', 'sh', '-c', script], { program: 'unshare' });
  const text = (name) => fs.readFileSync(path.join(place.dir, name), 'utf8');
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  assert.equal(text('full.code'), '1\n', text('full.json'));
  const { error } = JSON.parse(text('full.json'));
  assert.equal(error.kind, 'resource_exhausted', text('full.json'));
  assert.match(error.message, /space|disk/);
  assert.deepEqual(JSON.parse(text('full.list')).artifacts, []);
  assert.equal(JSON.parse(text('free.json')).containers.length, 2);
});

test('a file that may not be read is named', async (t) => {
  const place = projectIn(t);
  const closed = path.join(place.work, 'web/closed');
  fs.writeFileSync(closed, 'x', { mode: 0 });
  const words = ['package', place.work, '--json'];
  const drop = isRoot ? ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--', bin] : [bin];
  if (isRoot) {
    place.state = path.join(place.dir, 'ordinary');
    fs.mkdirSync(place.state, { mode: 0o700 });
    fs.chownSync(place.state, nobody, nobody);
    place.env.CASEMATE_STATE_DIR = place.state;
  }
  const [program, ...args] = [...drop, ...words];
  const said = await cli(place, args, { program });
  assert.equal(said.code, 1, said.stdout);
  assert.match(JSON.parse(said.stdout).error.message, /web\/closed/);
  fs.chmodSync(closed, 0o644);
  assert.equal((await cli(place, args, { program })).code, 0);
});

test('a manifest that is wrong is refused with the path of what is wrong', async (t) => {
  const place = projectIn(t);
  const dockerfile = { name: 'site', applications: [], dockerfile: 'Dockerfile' };
  const wrong = [
    [(m) => { m.applications[0].depends_on = ['cor']; }, /applications\[0\]\.depends_on\[0\]/],
    [(m) => { m.containers[0].bse = 'scratch'; }, /containers\[0\]\.bse/],
    [(m) => { m.manifest_version = '2.0'; }, /manifest_version/],
    [(m) => { m.containers[1].files[0].from = '../x'; }, /containers\[1\]\.files\[0\]\.from/],
    [(m) => { m.containers[1].files[0].from = 'absent'; }, /absent/],
    [(m) => { m.containers[1].files[0].to = '/proc/x'; }, /\/proc\/x/],
    [(m) => { m.containers = [dockerfile]; }, /containers: .*Dockerfile/],
    [(m) => { m.containers = []; }, /containers/],
  ];
  for (const [change, words] of wrong) {
    const manifest = structuredClone(shop);
    change(manifest);
    fs.writeFileSync(path.join(place.work, 'casemate.json'), JSON.stringify(manifest));
    const said = await cli(place, ['package', place.work]);
    assert.equal(said.code, 1, said.stdout + said.stderr);
    assert.match(said.stderr, words);
    assert.equal(said.stdout, '');
  }
  fs.writeFileSync(path.join(place.work, 'casemate.json'), '{');
  assert.equal((await cli(place, ['package', place.work])).code, 1);
  fs.rmSync(path.join(place.work, 'casemate.json'));
  assert.match((await cli(place, ['package', place.work])).stderr, /no manifest `casemate\.json`/);
  write(place.work);
  assert.match((await cli(place, ['package', place.work, '--container', 'absent'])).stderr, /containers.*`absent`/);
  assert.equal((await cli(place, ['package', path.join(place.dir, 'absent')])).code, 2);
  // Only what containers before the wrong one gave is there.
  assert.deepEqual((await listed(place)).filter(({ name }) => name !== 'shop'), []);
});

// A server with the toolset; `call` holds results against the tool's schema.
async function served(t) {
  const place = projectIn(t);
  place.env.CASEMATE_CONFIG = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(place.env.CASEMATE_CONFIG, `version: 1\ntoolsets: [core, build]\npolicy_file: developer\nworkspace_roots: [{path: ${place.work}}]\n`);
  delete place.env.CASEMATE_WORKSPACE_ROOTS;
  const server = Server.start(place);
  await server.request('initialize', legacy());
  server.send({ method: 'notifications/initialized' });
  const { result } = await server.request('tools/list');
  const fits = compileToolSchema(result.tools.find(({ name }) => name === 'build').outputSchema);
  const checked = ({ result: { structuredContent, content, isError } }) => {
    assert.ok(fits(structuredContent), JSON.stringify([fits.errors, structuredContent]));
    return { ...structuredContent, isError: isError ?? false, text: content[0].text };
  };
  const call = async (args, meta) => checked(await server.request('tools/call', { name: 'build', arguments: args, ...(meta && { _meta: meta }) }));
  return { place, server, call, checked };
}
async function trailOf(place) {
  const verified = await cli(place, ['audit', 'verify', '--json']);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  const { stdout } = await cli(place, ['audit', 'tail', '-n', '1000', '--json']);
  return stdout.trim().split('\n').map((line) => JSON.parse(line)).sort((a, b) => a.seq - b.seq);
}

test('an agent packages a project: it is told what goes on, and the trail says what came of it', async (t) => {
  const { place, server, call } = await served(t);
  const made = await call({ workspace: place.work }, { progressToken: 'p' });
  assert.deepEqual([made.isError, made.status], [false, 'completed'], made.text);
  const told = server.messages.filter((m) => m.method === 'notifications/progress' && m.params.progressToken === 'p').map((m) => m.params.message);
  for (const words of ['reading the sources', 'packing shop', 'packing tools']) assert.ok(told.includes(words), JSON.stringify(told));
  assert.ok(made.text.includes(made.containers[0].image_digest));
  assert.deepEqual((await call({ workspace: place.work, containers: ['tools'] })).containers.map((each) => [each.name, each.cached]), [['tools', true]]);

  for (const [args, kind, field] of [
    [{ workspace: place.dir }, 'refused'],
    [{ workspace: path.join(place.dir, 'home') }, 'refused'],
    [{ workspace: place.work, manifest: '../x.json' }, 'invalid_arguments', 'args.manifest'],
    [{ workspace: place.work, manifest: 'absent.json' }, 'not_found', 'args.manifest'],
    [{ workspace: place.work, push: true }, 'refused'],
    [{ workspace: place.work, containers: ['x'] }, 'invalid_arguments', 'args.containers'],
    [{ workspace: place.work, format: 'tar' }, 'invalid_arguments', 'args.format'],
    [{}, 'invalid_arguments', 'args.workspace'],
  ]) {
    const refused = await call(args);
    assert.deepEqual([refused.isError, refused.error?.kind], [true, kind], `${JSON.stringify(args)}: ${refused.text}`);
    if (field) assert.ok(refused.error.field?.startsWith(field), JSON.stringify(refused));
  }
  assert.equal((await listed(place)).length, 2);
  await server.end();
  const trail = await trailOf(place);
  const intent = trail.find(({ kind, tool }) => kind === 'intent' && tool === 'build');
  assert.ok(intent, JSON.stringify(trail.slice(0, 5)));
  const outcome = trail.find(({ kind, intent_seq: seq }) => kind === 'outcome' && seq === intent.seq);
  assert.equal(JSON.stringify(outcome).includes(digestsOf(made).shop), true, JSON.stringify(outcome));
  assert.ok(trail.findIndex((each) => each === intent) < trail.findIndex((each) => each === outcome));
});

test('an agent takes a call back, and nothing of it is recorded', async (t) => {
  const { place, server } = await served(t);
  heavy(place.work, 48);
  server.send({ id: 'big', method: 'tools/call', params: { name: 'build', arguments: { workspace: place.work }, _meta: { progressToken: 'big' } } });
  await server.waitFor((m) => m.method === 'notifications/progress' && m.params.message === 'packing shop', 'progress');
  server.send({ method: 'notifications/cancelled', params: { requestId: 'big' } });
  await server.request('ping');
  await server.end();
  assert.deepEqual(await listed(place), []);
  assert.match(JSON.stringify((await trailOf(place)).filter(({ kind }) => kind === 'outcome')), /cancelled/);
});
