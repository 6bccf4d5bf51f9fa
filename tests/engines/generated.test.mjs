// What `casemate dockerfile generate` writes works: small applications in all languages, whose Dockerfiles
// are generated, built by BuildKit and by Podman from stand-ins for the official images and from registries
// of the test's own, started, asked, looked at and stopped. CASEMATE_TEST_APPS: names of some, with commas.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { cli, scratch } from '../e2e/lib/casemate.mjs';
import { Registries, apps, copyOf, prove, titleOf } from './apps.mjs';
import { onBoth } from './sessions.mjs';

const chosen = process.env.CASEMATE_TEST_APPS?.split(',');
for (const name of chosen ?? []) assert.ok(apps.some((app) => app.name === name), `CASEMATE_TEST_APPS: there is no ${name}`);
const registriesDirectory = () => {
  const script = path.join(import.meta.dirname, 'standins.py');
  return spawnSync('python3', ['-B', script, 'registries'], { encoding: 'utf8' }).stdout.trim();
};
const number = (value, digits = 1) => (value === undefined ? '' : value.toFixed(digits));

onBoth('generated Dockerfiles', async (t, engine) => {
  const registries = await Registries.start(engine, registriesDirectory());
  t.after(() => registries.stop());
  const rows = [];
  for (const app of apps.filter(({ name }) => !chosen || chosen.includes(name))) {
    await t.test(titleOf(app), async (each) => {
      const place = scratch(each);
      const project = copyOf(app, place.dir, registries);
      const words = app.app ? ['--app', app.app] : [];
      const generated = await cli(place, ['dockerfile', 'generate', project, '--save', ...words]);
      assert.equal(generated.code, 0, generated.stdout + generated.stderr);
      const { apps: found } = JSON.parse((await cli(place, ['analyze', project, '--json'])).stdout);
      const one = found.find(({ path: where }) => where === (app.app ?? '')) ?? found[0];
      const proof = await prove(engine, app, project, registries, { ports: one.ports.map(({ value }) => value) });
      rows.push(`| ${titleOf(app)} | ${number(proof.size / 1e6, 0)} | ${number(proof.first)} | ${number(proof.second)} | ${number(proof.third)} | ${number(proof.ready)} |`);
      assert.deepEqual(proof.wrong, [], `${proof.wrong.join('\n')}\n---- Dockerfile\n${fs.readFileSync(path.join(project, app.app ?? '', 'Dockerfile'), 'utf8')}`);
    });
  }
  console.log(`${engine.name}\n\n| application | MB | build, s | after a change, s | from cache mounts, s | ready, s |\n|---|---|---|---|---|---|\n${rows.join('\n')}\n`);
}, { network: true, standins: true });
