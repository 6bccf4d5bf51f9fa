// Attack 68: a container that is as good as root on the host, asked for in every way there is. Those
// that we would make are refused, and the engine is never asked; those that somebody else made are not
// entered, whoever approves. Other people's names, labels and tags are believed nothing.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import { busybox, containerOn } from './engines.mjs';
import { call, containersOf, fine, inspect, labels, onBoth, owner, placeOn, policyIn, refused, remove, session } from './sessions.mjs';

const no = ['invalid_arguments', 'permission_denied', 'refused', 'not_found'];
const run = (target, more) => ({ command: ['true'], target, ...more });
const create = (more) => ({ action: 'create', image: busybox, command: ['sleep', '1000'], ...more });

// What a caller may write to get more than it is given, in the words of engines, of their command
// lines and of ours.
const asked = [
  { privileged: true }, { Privileged: true }, { HostConfig: { Privileged: true } }, { security_opt: ['seccomp=unconfined'] },
  { pid: 'host' }, { PidMode: 'host' }, { ipc: 'host' }, { uts: 'host' }, { userns: 'host' }, { cgroupns: 'host' },
  { devices: ['/dev/kmsg'] }, { device: '/dev/sda' }, { device_cgroup_rules: ['a *:* rwm'] }, { runtime: 'runc' }, { cgroup_parent: '/' },
  { binds: ['/:/host'] }, { volumes: ['/:/host'] }, { mounts: [{ type: 'bind', source: '/', target: '/host' }] }, { volumes_from: ['x'] },
  { mount: 'type=bind,source=/,target=/host' }, { tmpfs: ['/x'] }, { sysctls: { 'kernel.core_pattern': '|/x' } }, { gpus: 'all' },
  { build_args: { TOKEN: 'x' } }, { secrets: ['x'] }, { working_dir: '/' }, { entrypoint: ['/bin/sh'] }, { hostname: 'x' },
];
// And through members that there are.
const values = [
  ...['host', 'container:x', 'ns:/proc/1/ns/net', 'Host ', 'host\n', 'none,host', 'slirp4netns:allow_host_loopback=true', 'bridge:ip=1.2.3.4', '../x', 'x/../host', 'x?y=1', ''].map((network) => ({ network })),
  ...['SYS_ADMIN', 'CAP_SYS_ADMIN', 'ALL', 'all', 'sys_admin', 'NET_ADMIN', 'SYS_PTRACE', 'SYS_MODULE', 'MKNOD', 'NET_RAW', 'SETPCAP', ' CHOWN', ''].map((name) => ({ capabilities: [name] })),
  ...['root', '-1:0', 'nobody', '1000:1000:0', '0x0', '1000 ', '1000,0', '٠:٠', ':', '1000:'].map((user) => ({ user })),
  ...['/', '/etc', '/proc/1/root', '/proc/self/root', '/var/run', '/dev', '/root', 'relative', '//', '/../..', '/tmp', '/var/run/docker.sock'].map((workspace) => ({ workspace })),
  { ports: [{ port: 80, host_address: '0.0.0.0' }] }, { ports: [{ port: 80, host_ip: '0.0.0.0' }] }, { ports: [{ port: 80, protocol: 'tcp/../x' }] },
  { ports: [{ port: 0 }] }, { ports: ['0.0.0.0:80:80'] }, { ports: [{ port: 80 }] }, // without a network
  { labels: { 'io.casemate.principal': 'root' } }, { labels: { 'io.casemate.purpose': 'run' } }, { labels: { 'io.casemate.incarnation': 'x' } },
  { restart: 'always:5' }, { limits: { memory_mb: 0 } }, { limits: { pids: -1 } }, { limits: { cpus: 0 } }, { limits: { memory_mb: 10_000_000 } },
  { env: { 'A=B': 'c' } }, { env: { '': 'c' } }, { name: '../x' }, { name: '-x' }, { name: 'x?Privileged=true' }, { name: 'x&privileged=1' }, { name: 'x\r\nHost: y' }, { name: 'a b' }, { name: '' },
];
// Names of containers and images that would lead to another request, to another thing, or nowhere.
const names = ['-x', '--all', '../json', 'x/../../images/json', 'x/json?', 'x?all=1', 'x#y', 'x%2f..%2fjson', 'x%00', 'x y', 'x\r\nDELETE /v1.41/containers/y HTTP/1.1\r\n\r\n',
  'x\n', '\u0000x', 'x\u202ey', 'wеb', 'web\u200b', 'ｗeb', '.', '..', '/web', 'web/', 'web/start', '*', '', 'x'.repeat(300)];
const images = [...names.filter((name) => name !== 'x'.repeat(300)), 'casemate-test/../other', 'casemate-test//busybox:1', 'casemate-test/busybox:1?x=1', 'casemate-test/busybox:1#', 'CASEMATE-TEST/busybox:1',
  'other/casemate-test/busybox:1', 'registry.example.org/casemate-test/busybox:1', 'casemate-test.example.org/busybox:1', 'casemate-test/busybox:1@sha256:0', 'casemate-test/busybox:', 'casemate-test/busybox@x', '@', ':1'];

// Everything that leads out of a container, each made by somebody with the engine's own command line
// in mind: the words that we must use of it, and the request.
const Devices = [{ PathOnHost: '/dev/null', PathInContainer: '/dev/x', CgroupPermissions: 'rwm' }];
const dangerous = (engine) => ({
  privileged: [/privileged/, { HostConfig: { Privileged: true } }],
  'pid of the host': [/host_pid/, { HostConfig: { PidMode: 'host' } }],
  'network of the host': [/host_network/, { HostConfig: { NetworkMode: 'host' } }],
  'the root of the host': [/host_mount/, { HostConfig: { Binds: ['/:/host'] } }],
  'the root of the host, to read': [/host_mount/, { HostConfig: { Binds: ['/:/host:ro'] } }],
  'a system directory': [/host_mount/, { HostConfig: { Binds: ['/etc:/x'] } }],
  proc: [/host_mount/, { HostConfig: { Mounts: [{ Type: 'bind', Source: '/proc', Target: '/x' }] } }],
  "the engine's socket": [/engine_socket/, { HostConfig: { Binds: [`${engine.socket}:/run/s`] } }],
  "the engine's socket, to read": [/engine_socket/, { HostConfig: { Binds: [`${engine.socket}:/run/s:ro`] } }],
  'the directory of the socket': [/engine_socket/, { HostConfig: { Binds: [`${path.dirname(engine.socket)}:/x`] } }],
  SYS_ADMIN: [/SYS_ADMIN/, { HostConfig: { CapAdd: ['SYS_ADMIN'] } }],
  'all capabilities': [/capability/, { HostConfig: { CapAdd: ['ALL'] } }],
  'a device': [/device/, { HostConfig: { Devices } }],
  'no filter': [/unconfined/, { HostConfig: { SecurityOpt: ['seccomp=unconfined'] } }],
  'a directory that holds all containers': [/host_mount/, { HostConfig: { Binds: ['/var/lib:/x:ro'] } }],
  'a link to the root of the host': [/host_mount/, { HostConfig: { Binds: [`${engine.link}:/x`] } }],
  'a volume that is the root of the host': [/host_mount/, { HostConfig: { Binds: [`${engine.volume}:/x`] } }],
  'the network of one that has that of the host': [/host_network/, { HostConfig: { NetworkMode: `container:${engine.sharing}` } }],
  'the processes of one that has those of the host': [/host_pid/, { HostConfig: { PidMode: `container:${engine.sharing}` } }],
  // Podman's compatible interface cannot ask for these, or leaves them out.
  ...(engine.name === 'docker' && {
    'ipc of the host': [/host_ipc/, { HostConfig: { IpcMode: 'host' } }],
    'a filter that lets everything pass': [/unconfined/, { HostConfig: { SecurityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'] } }],
    'every device': [/device_rule/, { HostConfig: { DeviceCgroupRules: ['a *:* rwm'] } }],
    'no masked paths': [/unconfined/, { HostConfig: { MaskedPaths: [], ReadonlyPaths: [] } }],
  }),
});

// As containerOn, of what the engine may not be able to start where root itself lacks rights: then it
// is one that has not run yet.
async function madeOn(engine, HostConfig) {
  const made = await engine.request('POST', '/v1.41/containers/create', { Image: busybox, Cmd: ['sleep', '1000'], StopSignal: 'SIGKILL', HostConfig: { NetworkMode: 'none', ...HostConfig } });
  assert.equal(made.status, 201, made.text);
  await engine.request('POST', `/v1.41/containers/${made.json.Id}/start`);
  return made.json.Id;
}

onBoth('attack 68: nothing that we make is more than it may be', async (t, engine) => {
  const place = placeOn(t, engine);
  const server = await session(place, { approves: true });
  const before = await containersOf(engine);

  await t.test('members that there are not', async () => {
    for (const more of asked) {
      await refused(server, 'container_lifecycle', create(more), 'invalid_arguments');
      await refused(server, 'run', run({ image: busybox }, more), 'invalid_arguments');
      await refused(server, 'run', run({ image: busybox, ...more }), 'invalid_arguments');
    }
  });
  await t.test('values that nobody may give', async () => {
    for (const more of values) await refused(server, 'container_lifecycle', create(more), no);
    for (const network of ['host', 'bridge', 'container:x']) await refused(server, 'run', run({ image: busybox }, { network }), no);
    for (const workspace of ['/', '/etc', '/proc/1/root', '/var/run', '/../..']) await refused(server, 'run', run({ image: busybox }, { workspace }), no);
  });
  await t.test('workspaces that lead out of their root', async () => {
    fs.symlinkSync('/', path.join(place.work, 'out'));
    fs.symlinkSync('/etc', path.join(place.work, 'etc'));
    fs.writeFileSync(path.join(place.work, 'file'), '');
    for (const workspace of ['out', 'out/etc', 'etc', '../../etc', '..', 'file', 'missing', 'a\nb', 'a,readonly=false', 'a:/host'].map((to) => `${place.work}/${to}`)) {
      await refused(server, 'container_lifecycle', create({ workspace }), no);
      await refused(server, 'run', run({ image: busybox }, { workspace }), no);
    }
    await refused(server, 'container_lifecycle', create({ workspace: place.library }), no);
  });
  await t.test('names that mean another request', async () => {
    for (const target of names) {
      for (const action of ['start', 'kill', 'remove']) await refused(server, 'container_lifecycle', { action, container: target }, no);
      for (const tool of ['container_status', 'container_logs']) await refused(server, tool, { container: target }, no);
      await refused(server, 'run', run({ container: target }), no);
    }
    for (const image of images) {
      await refused(server, 'run', run({ image }), no);
      await refused(server, 'container_lifecycle', { action: 'pull', image }, no);
      await refused(server, 'container_lifecycle', create({ image }), no);
    }
  });
  assert.deepEqual(await containersOf(engine), before, 'the engine made nothing of it');
  assert.equal(server.asked.length, 0, 'nobody was asked to approve it');

  await t.test('rights that policy does not name', async () => {
    policyIn(place, '{id: bare, effect: allow, tools: ["*"], containers: [create, use], workspace: host_write}',
      '{id: asks, effect: ask, tools: [container_lifecycle], when: {path: args.action, eq: create}, approval: {by: client}}');
    const bare = await session(place, { approves: true });
    for (const more of [{}, { user: '0:0' }, { user: '0' }, { user: '00:5' }, { writable_root: true }, { capabilities: ['CHOWN'] }, { network: 'bridge' }]) {
      await refused(bare, 'container_lifecycle', create(more), 'permission_denied');
    }
    await refused(bare, 'run', run({ image: busybox }), 'permission_denied', /unpinned/);
    await bare.end();
    delete place.env.CASEMATE_POLICY;
  });

  await t.test('what opens a container is asked about, and root gets no workspace', async () => {
    const nobody = await session(place);
    for (const more of [{ network: 'bridge' }, { network: 'bridge', ports: [{ port: 80 }] }, { network: 'bridge', workspace: place.work }, { writable_root: true },
      { user: '0:0' }, { user: '00:5', network: 'bridge' }, { capabilities: ['CHOWN'] }]) {
      await refused(nobody, 'container_lifecycle', create(more), 'approval_required');
    }
    await nobody.end();
    for (const more of [{ user: '0:0' }, { user: '00:5', network: 'bridge' }, { capabilities: ['CHOWN'] }, { capabilities: ['CHOWN'], writable_root: true }]) {
      await refused(server, 'container_lifecycle', create({ ...more, workspace: place.work }), 'refused');
    }
    assert.equal(server.asked.length, 0, 'nobody was asked to approve that');
    const { container } = await fine(server, 'container_lifecycle', create({ user: '0:0', writable_root: true }));
    assert.equal(server.asked.length, 1);
    await remove(engine, container);
  });
  await t.test('what is made is closed', async () => {
    const { container } = await fine(server, 'container_lifecycle', create({ name: 'closed', workspace: place.work, env: { A: 'b' } }));
    const { HostConfig: host, Config: config, Mounts } = await inspect(engine, container);
    assert.equal(host.Privileged, false);
    assert.equal(host.ReadonlyRootfs, true);
    assert.ok(host.SecurityOpt.includes('no-new-privileges'), JSON.stringify(host.SecurityOpt));
    assert.doesNotMatch(JSON.stringify(host.SecurityOpt), /unconfined|disable/);
    assert.deepEqual([host.CapAdd ?? [], host.Devices ?? [], host.NetworkMode], [[], [], 'none']);
    assert.ok(host.PidMode !== 'host' && host.IpcMode !== 'host', JSON.stringify(host)); // Podman calls its own `shareable`
    assert.ok(host.Memory > 0 && host.PidsLimit > 0, JSON.stringify(host));
    assert.equal(config.User, `${owner}:${owner}`);
    const binds = Mounts.filter(({ Type }) => Type === 'bind').map(({ Source, Destination, RW }) => [Source, Destination, RW]);
    assert.deepEqual(binds.find(([, to]) => to === '/workspace'), [place.work, '/workspace', true]);
    assert.equal(binds.length, 2, JSON.stringify(binds));
    assert.equal(binds.find(([, to]) => to === '/.casemate')[2], false);
    const { stdout } = await fine(server, 'run', { command: ['sh', '-c', 'grep -E "^Cap|NoNewPrivs|^Seccomp:" /proc/self/status'], target: { container: 'closed' } });
    assert.match(stdout, /CapEff:\t0+\nCapBnd:\t0+\nCapAmb:\t0+\nNoNewPrivs:\t1\nSeccomp:\t2\n/);
    await fine(server, 'container_lifecycle', { action: 'remove', container: 'closed', force: true });
  });

  await t.test('secrets are not kept', async () => {
    const secret = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';
    await fine(server, 'run', run({ image: busybox }, { env: { TOKEN: secret } }));
    await fine(server, 'container_lifecycle', create({ name: 'holder', env: { TOKEN: secret } }));
    for (const tool of ['container_status', 'container_logs']) assert.doesNotMatch(JSON.stringify(await fine(server, tool, { container: 'holder' })), /ghp_0123/);
    await fine(server, 'container_lifecycle', { action: 'remove', container: 'holder', force: true });
    await server.end();
    for (const file of fs.readdirSync(place.state).filter((entry) => entry.startsWith('casemate.db'))) {
      assert.equal(fs.readFileSync(path.join(place.state, file)).includes(secret), false, file);
    }
  });
  assert.deepEqual(await containersOf(engine), before);
});

onBoth('attack 68: what others opened is not entered', async (t, engine) => {
  const place = placeOn(t, engine);
  const server = await session(place, { approves: true });
  engine.link = path.join(place.dir, 'link');
  fs.symlinkSync('/', engine.link);
  engine.volume = 'host';
  const volume = { Name: engine.volume, Driver: 'local', DriverOpts: { type: 'none', o: 'bind', device: '/' } };
  assert.equal((await engine.request('POST', '/v1.41/volumes/create', volume)).status, 201);
  engine.sharing = await madeOn(engine, { NetworkMode: 'host', PidMode: 'host' });
  await t.test('what is as usual is entered', async () => {
    assert.equal((await engine.request('POST', '/v1.41/volumes/create', { Name: 'plain' })).status, 201);
    const plain = await madeOn(engine, {});
    const usual = await madeOn(engine, { Binds: ['plain:/data', `${place.work}:/work`, '/usr/share:/x:ro'], CapAdd: ['NET_BIND_SERVICE'], PidMode: `container:${plain}` });
    for (const id of [usual, plain]) assert.equal((await fine(server, 'run', run({ container: id }))).exit_code, 0);
    for (const id of [usual, plain]) await remove(engine, id);
  });
  for (const [what, [words, { HostConfig }]] of Object.entries(dangerous(engine))) {
    await t.test(what, async () => {
      const id = await madeOn(engine, HostConfig);
      const { State: before } = await inspect(engine, id);
      await refused(server, 'run', run({ container: id }), 'permission_denied', words);
      for (const action of ['stop', 'restart', 'kill', 'pause', 'remove']) {
        await refused(server, 'container_lifecycle', { action, container: id, ...(action === 'remove' && { force: true }) }, 'permission_denied', words);
      }
      assert.match((await fine(server, 'container_status', { container: id })).text, words);
      assert.deepEqual((await inspect(engine, id)).State, before);
      await remove(engine, id);
    });
  }
  assert.ok(server.asked.length > 0, 'somebody said yes, which is not enough');
  await t.test('the right to it, where policy names it', async () => {
    const id = engine.sharing;
    policyIn(place, '{id: all, effect: allow, tools: ["*"], containers: [use, unlimited, privileged_targets]}');
    const trusted = await session(place);
    assert.equal((await fine(trusted, 'run', run({ container: id }))).exit_code, 0);
    await trusted.end();
    await remove(engine, id);
  });
  await server.end();
  assert.deepEqual(await containersOf(engine), []);
});

onBoth('names, labels and tags of others are believed nothing', async (t, engine) => {
  const place = placeOn(t, engine);
  const server = await session(place);
  const made = await fine(server, 'container_lifecycle', create({ name: 'ours' }));
  const ours = await inspect(engine, made.container);
  const copied = Object.fromEntries(Object.values(labels).map((label) => [label, ours.Config.Labels[label]]));

  await t.test('labels on a container', async () => {
    const id = await containerOn(engine, ['sleep', '1000'], { Labels: copied });
    await refused(server, 'run', run({ container: id }), 'approval_required');
    await refused(server, 'container_lifecycle', { action: 'remove', container: id, force: true }, 'approval_required');
    assert.equal((await fine(server, 'container_status', { container: id })).untrusted, true);
    await remove(engine, id);
  });
  await t.test('labels of an image', async () => {
    const base = await containerOn(engine, ['sleep', '1000']);
    const query = new URLSearchParams({ container: base, repo: 'casemate-test/liar', tag: '1' });
    const committed = await engine.request('POST', `/v1.41/commit?${query}`, { Labels: { ...copied, [labels.principal]: 'root', [labels.purpose]: 'run' }, Cmd: ['sleep', '1000'] });
    assert.equal(committed.status, 201, committed.text);
    const id = await containerOn(engine, ['sleep', '1000'], { Image: 'casemate-test/liar:1', Labels: {} });
    await refused(server, 'run', run({ container: id }), 'approval_required');
    // Ours of that image is ours all the same.
    const own = await fine(server, 'container_lifecycle', create({ image: 'casemate-test/liar:1', name: 'liar' }));
    const told = (await inspect(engine, own.container)).Config.Labels;
    assert.deepEqual([told[labels.principal], told[labels.purpose], told[labels.incarnation]], ['local', 'service', copied[labels.incarnation]]);
    await fine(server, 'run', run({ container: 'liar' }));
    for (const each of [id, base, own.container]) await remove(engine, each);
  });
  await t.test('a tag that looks like an allowed one', async () => {
    for (const [repo, tag] of [['other/busybox', '1'], ['localhost/other', '1'], ['registry.example.org/casemate-test/busybox', '1']]) {
      assert.equal((await engine.request('POST', `/v1.41/images/${busybox}/tag?repo=${repo}&tag=${tag}`)).status, 201);
      await refused(server, 'run', run({ image: `${repo}:${tag}` }), no);
    }
    // By its id an image has no name that could be allowed.
    const { Id } = (await engine.request('GET', `/v1.41/images/${busybox}/json`)).json;
    for (const id of [Id, Id.replace('sha256:', ''), Id.replace('sha256:', '').slice(0, 12)]) await refused(server, 'run', run({ image: id }), no);
  });
  await t.test('an id, or a local image, that is named like an allowed one', async () => {
    const wide = await session(placeOn(t, engine, { images: '["docker.io/library/*"]' }));
    const { Id } = (await engine.request('GET', `/v1.41/images/${busybox}/json`)).json;
    const hex = Id.replace('sha256:', '');
    assert.equal((await engine.request('POST', `/v1.41/images/${busybox}/tag?repo=localhost/shadow&tag=latest`)).status, 201);
    for (const image of [Id, hex, hex.slice(0, 12), hex.slice(0, 7), 'shadow', 'shadow:latest', `shadow@${Id}`]) {
      await refused(wide, 'run', run({ image }), ['invalid_arguments', 'not_found']);
      await refused(wide, 'container_lifecycle', create({ image }), ['invalid_arguments', 'not_found']);
    }
    await wide.end();
  });
  await t.test('a tag that is allowed, with a digest of another image', async () => {
    const tagged = await session(placeOn(t, engine, { images: `["${busybox}"]` }));
    for (const image of [`${busybox}@sha256:${'0'.repeat(64)}`]) {
      await refused(tagged, 'run', run({ image }), 'permission_denied', /digest/);
      await refused(tagged, 'container_lifecycle', { action: 'pull', image }, 'permission_denied', /digest/);
    }
    await fine(tagged, 'run', run({ image: busybox }));
    await tagged.end();
  });
  await t.test('a container of ours whose start was bent', async () => {
    // Nobody but the engine's own users can do so; what they did is seen at the next call.
    await remove(engine, 'ours');
    const id = await containerOn(engine, ['sleep', '1000'], { Labels: copied, HostConfig: { PidMode: 'host', Binds: ours.Mounts.filter(({ Destination }) => Destination === '/.casemate').map(({ Source }) => `${Source}:/.casemate:ro`) } });
    await refused(server, 'run', run({ container: id }), 'permission_denied', /host_pid/);
    await remove(engine, id);
  });
  await server.end();
  assert.deepEqual(await containersOf(engine), []);
});
