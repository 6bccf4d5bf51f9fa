// Every block marked <!-- tested --> in the documentation runs as it stands, and every link to a
// file of the project leads somewhere.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { bin, scratch } from './lib/casemate.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const pages = [
  'README.md', 'SECURITY.md', 'tests/protocol/README.md', 'tests/escape/README.md',
  ...fs.readdirSync(path.join(root, 'docs'), { recursive: true }).filter((f) => f.endsWith('.md')).map((f) => `docs/${f}`),
];
const tested = /<!-- tested -->\n```sh\n([^]*?)```/g;

for (const page of pages) {
  const text = fs.readFileSync(path.join(root, page), 'utf8');
  for (const [index, [, script]] of [...text.matchAll(tested)].entries()) {
    test(`${page}, block ${index + 1}`, (t) => {
      const place = scratch(t);
      fs.symlinkSync(bin, path.join(place.dir, 'casemate'));
      const ran = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
        env: { ...place.env, PATH: `${place.dir}:${process.env.PATH}` },
        cwd: place.work,
        encoding: 'utf8',
      });
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
