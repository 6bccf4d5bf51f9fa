// Digests in generated Dockerfiles, from engines and from a registry, and that both engines build what
// bears them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { cli, scratch } from '../e2e/lib/casemate.mjs';
import { busybox, Engines, skipped } from './engines.mjs';

test('base images are named by the digest that an engine or a registry tells', { skip: skipped }, async (t) => {
  const { docker, podman, registry } = await Engines.start(t, { docker: true, podman: true, registry: true });
  const repository = `${registry.address}/hub/library/node`; // a mirror, where a busybox goes by that name
  const tag = '20-bookworm-slim';
  const place = scratch(t);
  const contextOf = (name, text) => {
    const context = path.join(place.dir, name);
    fs.mkdirSync(context);
    fs.writeFileSync(path.join(context, 'Dockerfile'), text);
    return execFileSync('tar', ['-C', context, '-c', 'Dockerfile']);
  };
  // An image that Podman has from nowhere else: of one from an archive, too, it tells that digest as well.
  const made = await docker.request('POST', `/v1.41/build?t=${repository}:${tag}`, contextOf('base', `FROM ${busybox}\nLABEL made=here\n`));
  assert.equal(made.status, 200, made.text);
  const pushed = await docker.request('POST', `/v1.41/images/${repository}/push?tag=${tag}`, undefined, { 'X-Registry-Auth': 'e30=' });
  const digest = pushed.text.match(/"Digest":"(sha256:[0-9a-f]{64})"/)[1];
  await docker.request('DELETE', `/v1.41/images/${repository}:${tag}`);
  fs.writeFileSync(path.join(place.work, 'package.json'), '{"name": "shop", "engines": {"node": "20.x"}, "scripts": {"start": "node server.js"}}\n');
  for (const engine of [docker, podman]) {
    await t.test(engine.name, async () => {
      const generate = async (pin) => {
        const said = await cli(place, ['dockerfile', 'generate', '--json', '--pin', pin, '--base-map', `docker.io/=${registry.address}/hub/`, place.work], { env: { DOCKER_HOST: `unix://${engine.socket}` } });
        assert.equal(said.code, 0, said.stderr);
        return JSON.parse(said.stdout);
      };
      // It has none: its name is all there is, and a note says so.
      const before = await generate('local');
      assert.deepEqual(before.images, [{ name: `node:${tag}`, reference: `${repository}:${tag}`, digest: null }]);
      assert.ok(before.notes.some((note) => note.includes('by its tag only')), JSON.stringify(before.notes));
      // Docker asks the registry; Podman has no request for that.
      const asked = await generate('registry');
      assert.equal(asked.images[0].digest, engine.name === 'docker' ? digest : null);

      await engine.request('POST', `/v1.41/images/create?fromImage=${repository}&tag=${tag}`);
      const pinned = await generate('local');
      assert.equal(pinned.images[0].digest, digest);
      assert.match(pinned.dockerfile, new RegExp(`^FROM ${repository}:${tag}@${digest}$`, 'm'));
      assert.equal((await generate('none')).images[0].digest, null);
      const built = await engine.request('POST', '/v1.41/build?t=pinned', contextOf(engine.name, `FROM ${pinned.images[0].reference}\nUSER 10001:10001\n`));
      assert.equal(built.status, 200, built.text);
      assert.equal((await engine.request('GET', '/v1.41/images/pinned/json')).json.Config.User, '10001:10001', built.text);
    });
  }
});
