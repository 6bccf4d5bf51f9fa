// What `casemate package` makes is an image to programs of others: Docker and Podman load and run it,
// skopeo and umoci read its layout, a registry takes it, Docker pulls it from there, and it is the base of
// another one. Engines and registry are the test's own.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { cli, scratch } from '../e2e/lib/casemate.mjs';
import { containerOn, Engines, skipped } from './engines.mjs';

const epoch = 1700000000;
const busybox = fs.existsSync('/bin/busybox') ? '/bin/busybox' : '/usr/bin/busybox';
const user = 10001;

// Two applications on nothing but a busybox, of which one comes after the other.
const shop = (registry) => ({
  manifest_version: '1.0',
  project: { name: 'shop', version: '1.0' },
  applications: [
    { name: 'web', path: 'web', command: ['/bin/busybox', 'httpd', '-f', '-p', '8080', '-h', '/srv'], port: 8080, health_check: { http: '/healthz', interval_s: 1 }, depends_on: ['core'] },
    { name: 'core', path: 'core', command: ['/bin/busybox', 'nc', '-ll', '-p', '9000', '-e', '/bin/busybox', 'cat'], port: 9000, health_check: { tcp: 9000, interval_s: 1 } },
  ],
  containers: [{ name: 'shop', applications: ['web', 'core'], base: 'scratch', files: [{ from: 'bin', to: '/bin' }, { from: 'web', to: '/srv' }], volumes: ['/data'] }],
  packaging: { registry: `${registry}/team`, source_date_epoch: epoch },
});
// One application that has its program from the base.
const above = (registry, base) => ({
  manifest_version: '1.0',
  project: { name: 'above' },
  applications: [{ name: 'page', path: 'page', command: ['/bin/busybox', 'httpd', '-f', '-p', '8080'], port: 8080, health_check: { http: '/healthz', interval_s: 1 } }],
  containers: [{ name: 'above', applications: ['page'], base }],
  packaging: { registry: `${registry}/other` },
});

// A place whose configuration allows these images as bases, and to push to these.
function placeOf(t, { images = [], push = [] }) {
  const place = scratch(t);
  fs.chmodSync(place.dir, 0o755);
  place.out = path.join(place.dir, 'out');
  fs.mkdirSync(place.out);
  fs.chmodSync(place.out, 0o777); // Casemate that root starts works as another user
  place.env.CASEMATE_CONFIG = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(place.env.CASEMATE_CONFIG, `version: 1\ncontainers: {images: ${JSON.stringify(images)}}\npackages: {push: ${JSON.stringify(push)}}\n`);
  return place;
}
function write(place, manifest, files) {
  for (const [name, content] of Object.entries({ 'casemate.json': JSON.stringify(manifest), ...files })) {
    const file = path.join(place.work, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, content);
    if (name.startsWith('bin/')) fs.chmodSync(file, 0o755);
  }
}
function writeShop(place, registry) {
  write(place, shop(registry), { 'bin/busybox': fs.readFileSync(busybox), 'web/healthz': 'ok\n', 'web/index.html': 'a shop\n', 'core/data': 'x' });
  fs.symlinkSync('busybox', path.join(place.work, 'bin/sh'));
}

async function packaged(place, ...flags) {
  const said = await cli(place, ['package', place.work, '--json', ...flags]);
  assert.equal(said.code, 0, said.stdout + said.stderr);
  return JSON.parse(said.stdout);
}
async function refused(place, kind, words, ...flags) {
  const said = await cli(place, ['package', place.work, '--json', ...flags]);
  assert.equal(said.code, 1, said.stdout + said.stderr);
  const { error } = JSON.parse(said.stdout);
  assert.equal(error.kind, kind, said.stdout);
  assert.match(said.stderr, words);
}
async function listed(place) {
  const { stdout } = await cli(place, ['artifact', 'list', '--json']);
  return JSON.parse(stdout).artifacts;
}
async function exported(place, artifact, name, ...flags) {
  const file = path.join(place.out, name);
  const said = await cli(place, ['artifact', 'get', artifact, '--output', file, ...flags]);
  assert.equal(said.code, 0, said.stderr);
  return file;
}
const parsed = (program, ...args) => JSON.parse(execFileSync(program, args, { encoding: 'utf8' }));

// The id of an image that the engine now has, from an archive.
async function load(engine, archive, reference) {
  const done = await engine.request('POST', '/v1.41/images/load', fs.readFileSync(archive));
  assert.equal(done.status, 200, done.text);
  const { json: images } = await engine.request('GET', '/v1.41/images/json');
  const found = images.find(({ RepoTags: tags }) => tags?.some((tag) => tag === reference || tag.endsWith(`/${reference}`)));
  assert.ok(found, `${engine.name} does not have ${reference}: ${JSON.stringify(images)}`);
  return found.Id;
}
// Podman's checks are started by systemd, which a test has not: it is asked to make one.
async function isHealthy(engine, id) {
  if (engine.name === 'podman') return (await engine.request('GET', `/v4.0.0/libpod/containers/${id}/healthcheck`)).json.Status === 'healthy';
  return (await engine.request('GET', `/v1.41/containers/${id}/json`)).json.State.Health?.Status === 'healthy';
}
const inNetworkOf = (pid, ...command) => execFileSync('nsenter', ['-t', String(pid), '-n', busybox, ...command], { encoding: 'utf8', timeout: 5000, input: 'an echo\n' });

// Runs it as a careful operator does. `asks` gets the id of its first process.
async function prove(engine, image, asks) {
  const id = await containerOn(engine, undefined, { Image: image, StopSignal: undefined, HostConfig: { ReadonlyRootfs: true, CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'] } });
  const inspect = async () => (await engine.request('GET', `/v1.41/containers/${id}/json`)).json;
  const logs = async () => (await engine.request('GET', `/v1.41/containers/${id}/logs?stdout=1&stderr=1`)).text;
  for (const end = Date.now() + 30_000; !(await isHealthy(engine, id)); await sleep(100)) {
    const { State } = await inspect();
    assert.ok(State.Running && Date.now() < end, `${engine.name}: ${JSON.stringify(State)}\n${await logs()}`);
  }
  const { State: { Pid: pid } } = await inspect();
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  assert.match(status, new RegExp(`^Uid:\\s+${user}\\s+${user}\\s+${user}\\s+${user}$`, 'm'), engine.name);
  assert.match(status, new RegExp(`^Gid:\\s+${user}\\s`, 'm'), engine.name);
  assert.match(status, /^CapEff:\s+0+$/m, engine.name);
  asks(pid);
  const begin = Date.now();
  const stopped = await engine.request('POST', `/v1.41/containers/${id}/stop?t=30`);
  assert.equal(stopped.status, 204, stopped.text);
  assert.ok(Date.now() - begin < 5000, `${engine.name} took ${Date.now() - begin} ms to stop it`);
  const { State } = await inspect();
  assert.deepEqual([State.Running, State.ExitCode], [false, 0], `${engine.name}: ${await logs()}`);
  await engine.request('DELETE', `/v1.41/containers/${id}?force=1&v=1`);
}
function asksShop(pid) {
  assert.equal(inNetworkOf(pid, 'wget', '-q', '-O-', 'http://127.0.0.1:8080/index.html'), 'a shop\n');
  assert.equal(inNetworkOf(pid, 'nc', '127.0.0.1', '9000'), 'an echo\n');
}

test('a packaged project runs in both engines, as an image of either form', { skip: skipped }, async (t) => {
  const { docker, podman } = await Engines.start(t, { docker: true, podman: true });
  const place = placeOf(t, {});
  writeShop(place, 'registry.example.com');
  for (const format of ['oci', 'docker']) {
    const { containers: [made] } = await packaged(place, '--format', format);
    const archive = await exported(place, made.artifact, `${format}.tar`, '--format', 'docker-archive');
    for (const engine of [docker, podman]) {
      await t.test(`${format}, ${engine.name}`, async () => prove(engine, await load(engine, archive, made.reference), asksShop));
    }
  }
  assert.equal((await listed(place)).length, 2);
});

// Of all below `directory`, by path.
function tree(directory) {
  const found = {};
  for (const name of fs.readdirSync(directory, { recursive: true }).sort()) {
    const info = fs.lstatSync(path.join(directory, name));
    const kind = info.isDirectory() ? 'd' : info.isSymbolicLink() ? fs.readlinkSync(path.join(directory, name)) : 'f';
    found[name] = [kind, (info.mode & 0o7777).toString(8), `${info.uid}:${info.gid}`, info.mtimeMs / 1000];
  }
  return found;
}

test('skopeo and umoci take the layout as what it is', { skip: skipped }, async (t) => {
  const place = placeOf(t, {});
  writeShop(place, 'registry.example.com');
  const { containers: [made] } = await packaged(place);
  const layout = await exported(place, made.artifact, 'layout');
  const told = parsed('skopeo', 'inspect', `oci:${layout}:${made.reference}`);
  assert.deepEqual([told.Digest, told.Architecture, told.Os, Date.parse(told.Created)], [made.image_digest, { x64: 'amd64', arm64: 'arm64' }[process.arch], 'linux', epoch * 1000]);
  const config = parsed('skopeo', 'inspect', '--config', `oci:${layout}:${made.reference}`);
  assert.deepEqual([config.config.User, config.config.Entrypoint, config.rootfs.diff_ids.length], [`${user}:${user}`, ['/.casemate/init'], told.Layers.length]);
  // skopeo reads every blob, and compares.
  execFileSync('skopeo', ['copy', `oci:${layout}:${made.reference}`, `dir:${place.out}/copy`]);

  assert.equal(execFileSync('umoci', ['list', '--layout', layout], { encoding: 'utf8' }), `${made.reference}\n`);
  const bundle = path.join(place.dir, 'bundle');
  execFileSync('umoci', ['unpack', '--image', `${layout}:${made.reference}`, bundle], { stdio: 'pipe' });
  const rootfs = path.join(bundle, 'rootfs');
  const directory = ['d', '755', '0:0', epoch];
  const file = ['f', '644', '0:0', epoch];
  const program = ['f', '755', '0:0', epoch];
  assert.deepEqual(tree(rootfs), {
    '.casemate': directory, '.casemate/init': program, '.casemate/init.conf': file,
    app: directory, 'app/core': directory, 'app/web': directory, // where the applications start
    bin: directory, 'bin/busybox': program, 'bin/sh': ['busybox', '777', '0:0', epoch],
    data: ['d', '755', `${user}:${user}`, epoch],
    srv: directory, 'srv/healthz': file, 'srv/index.html': file,
  });
  for (const [place_, source] of [['bin/busybox', 'bin/busybox'], ['srv/index.html', 'web/index.html']]) {
    assert.ok(fs.readFileSync(path.join(rootfs, place_)).equals(fs.readFileSync(path.join(place.work, source))), place_);
  }
});

test('an image that was pushed is pulled by its digest, and is the base of another', { skip: skipped }, async (t) => {
  const { docker, podman, registry } = await Engines.start(t, { docker: true, podman: true, registry: true });
  const place = placeOf(t, { push: [`${registry.address}/team/*`] });
  writeShop(place, registry.address);
  const first = await packaged(place, '--push');
  const { image_digest: digest, reference, artifact } = first.containers[0];
  const repository = `${registry.address}/team/shop`;
  const tag = reference.slice(reference.indexOf(':') + 1);
  const [pushed] = first.pushed;
  assert.deepEqual([pushed.reference, pushed.digest], [`${repository}:${tag}`, digest]);
  assert.ok(pushed.blobs_pushed >= 4 && pushed.bytes_pushed > 500_000, JSON.stringify(pushed));
  assert.deepEqual((await listed(place))[0].pushed_to, [pushed.reference]);
  const again = await packaged(place, '--push');
  assert.deepEqual([again.containers[0].cached, again.pushed[0].digest, again.pushed[0].blobs_pushed, again.pushed[0].bytes_pushed], [true, digest, 0, 0]);
  assert.equal((await listed(place)).length, 1);

  for (const name of [`${repository}:${tag}`, `${repository}@${digest}`]) {
    const told = parsed('skopeo', 'inspect', '--tls-verify=false', `docker://${name}`);
    assert.equal(told.Digest, digest, name);
  }
  const pulled = await docker.request('POST', `/v1.41/images/create?fromImage=${repository}&tag=${digest}`);
  assert.equal(pulled.status, 200, pulled.text);
  const image = await docker.request('GET', `/v1.41/images/${repository}@${digest}/json`);
  assert.deepEqual(image.json.RepoDigests, [`${repository}@${digest}`], pulled.text);
  await prove(docker, `${repository}@${digest}`, asksShop);

  await t.test('as a base', async (each) => {
    const upper = placeOf(each, { images: [`${registry.address}/team/*`] });
    write(upper, above(registry.address, `${repository}@${digest}`), { 'page/healthz': 'ok\n', 'page/index.html': 'a page above\n' });
    const { containers: [made] } = await packaged(upper);
    const layers = async (where, id) => parsed('skopeo', 'inspect', `oci:${await exported(where, id, 'layout')}`).Layers;
    const below = await layers(place, artifact);
    const all = await layers(upper, made.artifact);
    assert.deepEqual(all.slice(0, below.length), below);
    assert.ok(all.length > below.length);
    const archive = await exported(upper, made.artifact, 'above.tar', '--format', 'docker-archive');
    for (const engine of [docker, podman]) {
      await prove(engine, await load(engine, archive, made.reference), (pid) => {
        assert.equal(inNetworkOf(pid, 'wget', '-q', '-O-', 'http://127.0.0.1:8080/index.html'), 'a page above\n');
      });
    }
    // One layer of the base is damaged here: it is fetched again before anything is made of it.
    const blob = path.join(upper.state, 'artifacts/blobs/sha256', below[0].slice('sha256:'.length));
    const bytes = fs.readFileSync(blob);
    bytes[bytes.length >> 1] ^= 1;
    fs.writeFileSync(blob, bytes);
    fs.writeFileSync(path.join(upper.work, 'page/index.html'), 'another page\n');
    const { containers: [other] } = await packaged(upper);
    const verified = await cli(upper, ['artifact', 'verify', other.artifact]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  });

  await t.test('and what is not allowed, or not there, leaves nothing behind', async (each) => {
    const files = { 'page/index.html': 'x' };
    const none = placeOf(each, { images: ['registry.example.com/*'] });
    write(none, above(registry.address, `${repository}@${digest}`), files);
    await refused(none, 'refused', /none of the images that the configuration allows|bases_allowed/);
    assert.deepEqual(await listed(none), []);

    const other = placeOf(each, { images: [`${registry.address}/team/*`], push: [`${registry.address}/team/*`] });
    write(other, above(registry.address, `${repository}@${digest}`), files);
    await refused(other, 'refused', /the configuration allows no push to|push_allowed/, '--push'); // to /other
    assert.deepEqual(await listed(other), []);
    const tags = await fetch(`http://${registry.address}/v2/other/above/tags/list`);
    assert.equal(tags.status, 404);

    for (const base of [`${repository}@sha256:${'ab'.repeat(32)}`, `${registry.address}/team/absent@${digest}`]) {
      const missing = placeOf(each, { images: [`${registry.address}/team/*`] });
      write(missing, above(registry.address, base), files);
      await refused(missing, 'not_found', /sha256|absent/);
      assert.deepEqual(await listed(missing), []);
    }
  });
});
