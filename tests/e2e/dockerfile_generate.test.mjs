// `casemate dockerfile generate` and `explain` as people meet them, and what linters of others say of
// all that is generated.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';

import { bin, scratch } from './lib/casemate.mjs';

const require = createRequire(import.meta.url);
const dockerfilelint = require('dockerfilelint');
const { validate } = require('dockerfile-utils');

const projects = path.resolve(import.meta.dirname, '../projects');
const casemate = (args, options = {}) => spawnSync(bin, args, { encoding: 'utf8', timeout: 60_000, ...options });

const shop = {
  'package.json': '{"name": "shop", "engines": {"node": "20.x"}, "scripts": {"start": "node server.js"}, "dependencies": {"express": "^4.18.0"}}\n',
  'server.js': "require('express')().get('/healthz', (q, r) => r.send('ok')).listen(process.env.PORT || 3000);\n",
};

const here = (t, files) => {
  const { work } = scratch(t);
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(work, name)), { recursive: true });
    fs.writeFileSync(path.join(work, name), text);
  }
  return { work, run: (...args) => casemate(['dockerfile', ...args], { cwd: work }), read: (name) => fs.readFileSync(path.join(work, name), 'utf8') };
};

test('generate prints a Dockerfile, and writes nothing', (t) => {
  const { work, run } = here(t, shop);
  const said = run('generate');
  assert.equal(said.status, 0, said.stderr);
  assert.match(said.stdout, /^FROM node:20-bookworm-slim AS build$/m);
  assert.match(said.stdout, /^USER 10001:10001$/m);
  assert.match(said.stdout, /^EXPOSE 3000$/m);
  assert.match(said.stdout, /^CMD \["node", "server\.js"\]$/m);
  assert.match(said.stderr, /^note: there is no lock file/m);
  assert.deepEqual(fs.readdirSync(work).sort(), ['package.json', 'server.js']);
});

test('generate --save writes both files, once', (t) => {
  const { run, read, work } = here(t, shop);
  const saved = run('generate', '--save');
  assert.equal(saved.status, 0, saved.stderr);
  assert.match(saved.stdout, /^wrote \.dockerignore\nwrote Dockerfile\nbuild it: docker build -t shop -f Dockerfile \.\n$/);
  assert.equal(casemate(['dockerfile', 'lint', '--fail-on', 'style'], { cwd: work }).stdout, '');
  assert.match(read('.dockerignore'), /^\*\*\/node_modules$/m);
  fs.appendFileSync(path.join(work, 'Dockerfile'), '# mine\n');
  const refused = run('generate', '--save');
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /overwrite: `Dockerfile` is there already and was not changed/);
  assert.match(read('Dockerfile'), /# mine/);
  const replaced = run('generate', '--save', '--overwrite');
  assert.equal(replaced.status, 0, replaced.stderr);
  assert.doesNotMatch(read('Dockerfile'), /# mine/);
});

test('explain gives the reason for each instruction', (t) => {
  const { run } = here(t, shop);
  const said = run('explain');
  assert.equal(said.status, 0, said.stderr);
  assert.match(said.stdout, /^# package\.json asks for 20\.x\.\nFROM node:20/m);
  assert.match(said.stdout, /^# A number, so that orchestrators can see that it is not root/m);
});

test('what is wrong is named', (t) => {
  const { run } = here(t, { 'a/main.go': 'package main\nfunc main() {}\n', 'a/go.mod': 'module a\n', 'b/main.go': 'package main\nfunc main() {}\n', 'b/go.mod': 'module b\n' });
  for (const [args, status, text] of [
    [['generate'], 2, /app: expected one application to be chosen .* a \(a\), b \(b\)/],
    [['generate', '--app', 'c'], 2, /app: expected the directory or the name .* got `c`/],
    [['generate', '--app', 'a', '--base-map', 'node'], 2, /base_map: expected FROM=TO/],
    [['generate', '--app', 'a', '--pin', 'maybe'], 2, /--pin: maybe not in/],
    [['generate', 'absent'], 2, /cannot open the directory `absent`/],
    [['explain', '--save'], 2, /--save/],
  ]) {
    const refused = run(...args);
    assert.equal(refused.status, status, `${args}: ${refused.stderr}`);
    assert.match(refused.stderr + refused.stdout, text);
  }
  assert.equal(run('generate', '--app', 'a', '--pin', 'none').status, 0);
});

test('a mirror takes the place of the registry', (t) => {
  const { run } = here(t, shop);
  const said = run('generate', '--pin', 'none', '--base-map', 'docker.io/=mirror.example.com/hub/');
  assert.match(said.stdout, /^FROM mirror\.example\.com\/hub\/library\/node:20-bookworm-slim AS build$/m);
});

// Each application of each project: dockerfilelint and dockerfile-utils find nothing.
test('linters of others find nothing in what is generated', (t) => {
  const { work } = scratch(t);
  let made = 0;
  for (const language of fs.readdirSync(projects)) {
    for (const name of fs.readdirSync(path.join(projects, language))) {
      const directory = path.join(projects, language, name);
      if (!fs.statSync(directory).isDirectory()) continue;
      const { apps } = JSON.parse(casemate(['analyze', '--json', directory]).stdout || '{"apps": []}');
      for (const app of apps) {
        const beside = apps.filter((other) => other.path === app.path).length;
        const key = (beside === 1 ? app.path : path.posix.join(app.path, app.name.value)) || '.';
        const said = casemate(['dockerfile', 'generate', '--pin', 'none', '--app', key, directory]);
        if (said.status === 1) continue; // unit tests say which have none, and why
        assert.equal(said.status, 0, `${language}/${name} ${key}: ${said.stderr}`);
        assert.deepEqual(dockerfilelint.run(work, said.stdout), [], `${language}/${name} ${key}\n${said.stdout}`);
        assert.deepEqual(validate(said.stdout), [], `${language}/${name} ${key}\n${said.stdout}`);
        made += 1;
      }
    }
  }
  assert.ok(made > 190, `${made}`);
});
