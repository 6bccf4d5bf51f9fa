// `casemate analyze` and `casemate dockerfile lint` as people meet them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { bin, scratch } from './lib/casemate.mjs';

const here = (t, files) => {
  const { work } = scratch(t);
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(work, name)), { recursive: true });
    fs.writeFileSync(path.join(work, name), text);
  }
  return (args, input = '') => spawnSync(bin, args, { cwd: work, input, encoding: 'utf8', timeout: 60_000 });
};

test('analyze says what is there, and where it was read', (t) => {
  const run = here(t, { 'go.mod': 'module example.com/shop\n\ngo 1.22\n', 'main.go': 'package main\n\nimport "net/http"\n\nfunc main() { http.ListenAndServe(":8081", nil) }\n' });
  const said = run(['analyze']);
  assert.equal(said.status, 0, said.stderr);
  assert.match(said.stdout, /^\.: shop, a service\n {2}language +go /);
  assert.match(said.stdout, /version +1\.22 {2}\(go\.mod, go\)/);
  const { apps: [app], files } = JSON.parse(run(['analyze', '--json', '.']).stdout);
  assert.deepEqual([app.language.value, app.ports[0].value, files], ['go', 8081, 2]);
});

test('analyze of nothing, of a file, of what is not there', (t) => {
  const run = here(t, { 'notes.txt': 'x' });
  const nothing = run(['analyze']);
  assert.equal(nothing.status, 1);
  assert.match(nothing.stdout, /^note: nothing here says how it is built or started$/m);
  for (const args of [['analyze', 'absent'], ['analyze', 'notes.txt'], ['analyze', '.', 'more'], ['analyze', '--jsn']]) {
    const refused = run(args);
    assert.equal(refused.status, 2, args.join(' '));
    assert.notEqual(refused.stderr, '');
  }
});

test('dockerfile lint finds, explains, and fails from a severity on', (t) => {
  const run = here(t, { Dockerfile: 'FROM debian:12\nRUN apt-get install curl\n', clean: 'FROM scratch\nUSER 10001\nCOPY app /app\nENTRYPOINT ["/app"]\n', broken: 'RUN x\n' });
  const said = run(['dockerfile', 'lint']);
  assert.equal(said.status, 1, said.stderr);
  assert.match(said.stdout, /^Dockerfile:2: warning DL3008 .*\(.*\)$/m);
  assert.equal(run(['dockerfile', 'lint', '--fail-on', 'error', '--ignore', 'DL3008']).stdout.includes('DL3008'), false);
  const clean = run(['dockerfile', 'lint', 'clean']);
  assert.deepEqual([clean.status, clean.stdout], [0, '']);
  const piped = run(['dockerfile', 'lint', '--json', '-'], 'FROM debian\n');
  assert.equal(piped.status, 1);
  const [{ file, findings }] = JSON.parse(piped.stdout);
  assert.equal(file, '-');
  assert.ok(findings.some(({ rule, line }) => rule === 'DL3006' && line === 1), piped.stdout);
  const broken = run(['dockerfile', 'lint', 'broken']);
  assert.equal(broken.status, 1);
  assert.match(broken.stderr, /broken: .*line 1/);
});

test('dockerfile lint refuses what it does not know', (t) => {
  const run = here(t, { Dockerfile: 'FROM scratch\n' });
  for (const [args, words] of [
    [['--fail-on', 'bad'], /--fail-on: expected error, warning, info or style, got `bad`/],
    [['--ignore', 'DL3oo8'], /--ignore: expected the name of a rule, got `DL3oo8`; did you mean DL3008\?/],
    [['--enable', 'nothing'], /--enable: expected the name of a rule/],
    [['absent'], /absent/],
  ]) {
    const refused = run(['dockerfile', 'lint', ...args]);
    assert.equal(refused.status, 2, args.join(' '));
    assert.match(refused.stderr, words);
  }
  assert.equal(run(['dockerfile']).status, 2);
});
