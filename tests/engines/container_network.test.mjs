// Containers with a network: ports that are published, services that answer there, and images from a
// registry. All of it in a network namespace of the test's own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';

import { cli } from '../e2e/lib/casemate.mjs';
import { Engines, busybox, skipped } from './engines.mjs';
import { call, containersOf, fine, onBoth, placeOn, policyIn, refused, session } from './sessions.mjs';

const rules = (rights) => `{id: all, effect: allow, tools: ["*"], containers: [create, unpinned, use, unlimited, ${rights}]}`;
const httpd = { action: 'create', image: busybox, name: 'web', command: ['httpd', '-f', '-p', '8080', '-h', '/etc'], network: 'bridge', ports: [{ port: 8080 }] };
const bridge = (engine) => (engine.name === 'docker' ? 'bridge' : 'podman');
const create = (engine) => ({ ...httpd, network: bridge(engine) });

// What the machine of the test, not the container, gets there.
function fetchFrom(engine, port) {
  const ask = ['-t', String(engine.pid), '--net', 'busybox', 'wget', '-q', '-O', '-', `http://127.0.0.1:${port}/group`];
  return spawnSync('nsenter', ask, { encoding: 'utf8' });
}

onBoth('a service with a published port', async (t, engine) => {
  const place = placeOn(t, engine);
  policyIn(place, rules('network'));
  let server = await session(place);
  await refused(server, 'container_lifecycle', create(engine), 'permission_denied', /`ports`/);
  await refused(server, 'container_lifecycle', { ...create(engine), network: undefined }, 'invalid_arguments', /network/);
  assert.deepEqual(await containersOf(engine), []);
  await server.end();

  policyIn(place, rules('network, ports'));
  server = await session(place);
  const made = await fine(server, 'container_lifecycle', create(engine));
  const [, port] = made.ports[0].match(/^127\.0\.0\.1:(\d+)->8080\/tcp$/);
  let answer;
  do answer = fetchFrom(engine, port);
  while (answer.status !== 0 && !t.signal.aborted && (await containersOf(engine))[0].State === 'running');
  assert.match(answer.stdout, /^root:x:0:/, answer.stderr);

  // As root, who sees all processes: what listens is found without a command in the container.
  const shown = await cli(place, ['containers', 'status', 'web', '--json']);
  const status = JSON.parse(shown.stdout);
  assert.deepEqual(status.ports.map(String), made.ports);
  assert.ok(status.services.some(({ ports }) => ports?.some((each) => String(each).startsWith('8080'))), JSON.stringify(status.services));
  assert.ok(status.use.network_received > 0, JSON.stringify(status.use));
  // A command in it has its network.
  const inside = await fine(server, 'run', { command: ['wget', '-q', '-O', '-', 'http://127.0.0.1:8080/group'], target: { container: 'web' } });
  assert.match(inside.stdout, /^root:x:0:/);
  // A second one on the same port of the host says so.
  const second = await call(server, 'container_lifecycle', { ...create(engine), name: 'two', ports: [{ port: 8080, host_port: Number(port) }] });
  assert.equal(second.isError, true);
  assert.match(second.text, /port|address/i);
  assert.match(second.text, /What to do: ./);
  await fine(server, 'container_lifecycle', { action: 'remove', container: 'web', force: true });
  assert.deepEqual(await containersOf(engine), []);
  await server.end();
}, { network: true });

test('an image from a registry, by tag and by digest', { skip: skipped }, async (t) => {
  const { docker, podman, registry } = await Engines.start(t, { docker: true, podman: true, registry: true });
  const repository = `${registry.address}/team/tool`;
  assert.equal((await docker.request('POST', `/v1.41/images/${busybox}/tag?repo=${repository}&tag=1`)).status, 201);
  const pushed = await docker.request('POST', `/v1.41/images/${repository}/push?tag=1`, undefined, { 'X-Registry-Auth': 'e30=' });
  const digest = pushed.text.match(/"Digest":"(sha256:[0-9a-f]{64})"/)[1];
  await docker.request('DELETE', `/v1.41/images/${repository}:1`);
  for (const engine of [docker, podman]) {
    await t.test(engine.name, async (each) => {
      // Allowed by its digest alone, and none of the rights for what is not pinned.
      const place = placeOn(each, engine, { images: `["${repository}@${digest}"]` });
      policyIn(place, '{id: all, effect: allow, tools: ["*"], containers: [create]}');
      const server = await session(place);
      await refused(server, 'container_lifecycle', { action: 'pull', image: `${registry.address}/team/other:1` }, ['refused', 'permission_denied'], /does not allow/);
      await refused(server, 'run', { command: ['true'], target: { image: `${repository}@${digest}` } }, 'not_found', /pull/);
      await fine(server, 'container_lifecycle', { action: 'pull', image: `${repository}@${digest}` });
      const done = await fine(server, 'run', { command: ['echo', 'pulled'], target: { image: `${repository}@${digest}` } });
      assert.equal(done.stdout, 'pulled\n');
      await server.end();

      const tagged = placeOn(each, engine, { images: `["${registry.address}/team/*"]` });
      policyIn(tagged, '{id: all, effect: allow, tools: ["*"], containers: [create]}');
      let other = await session(tagged);
      await refused(other, 'container_lifecycle', { action: 'pull', image: `${repository}:1` }, 'permission_denied', /`unpinned`/);
      await other.end();
      policyIn(tagged, '{id: all, effect: allow, tools: ["*"], containers: [create, unpinned]}');
      other = await session(tagged);
      await fine(other, 'container_lifecycle', { action: 'pull', image: `${repository}:1` });
      assert.equal((await fine(other, 'run', { command: ['echo', 'tagged'], target: { image: `${repository}:1` } })).stdout, 'tagged\n');
      const missing = await call(other, 'container_lifecycle', { action: 'pull', image: `${registry.address}/team/missing:1` });
      assert.equal(missing.isError, true);
      assert.match(missing.text, /What to do: ./);
      await other.end();
    });
  }
});
