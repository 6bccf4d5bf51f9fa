// The scripted agents of tests/eval: no figure is worse than the baseline, and one that is gets named.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { scratch } from './lib/casemate.mjs';

const folder = path.resolve(import.meta.dirname, '../eval');

function evaluate(...args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path.join(folder, 'eval.mjs'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (out += bytes));
    child.on('close', (code) => resolve({ code, out }));
  });
}

const baseline = () => JSON.parse(fs.readFileSync(path.join(folder, 'baseline.json'), 'utf8'));
// A baseline of its own for a test.
function given(place, figures) {
  const file = path.join(place.dir, 'baseline.json');
  fs.writeFileSync(file, JSON.stringify(figures));
  return ['--baseline', file];
}
// Tasks of its own.
function tasks(place, sources) {
  const dir = path.join(place.dir, 'tasks');
  fs.mkdirSync(dir);
  for (const [name, source] of Object.entries(sources)) fs.writeFileSync(path.join(dir, `${name}.mjs`), source);
  return ['--tasks', dir];
}

test('no figure is worse than the baseline', async () => {
  const { code, out } = await evaluate();
  console.log(out);
  assert.equal(code, 0, out);
  assert.ok(Object.keys(baseline()).length > 20);
});

test('a figure that got worse is named', async (t) => {
  const was = baseline();
  const worse = { calls: [0, /parse-csv: 1 calls, 0 before/], text: [10, /parse-csv: \d+ bytes of text, 10 before/], structure: [10, /bytes of structure, 10 before/] };
  for (const [figure, [before, words]] of Object.entries(worse)) {
    const { code, out } = await evaluate('parse-csv', ...given(scratch(t), { ...was, 'parse-csv': { ...was['parse-csv'], [figure]: before } }));
    assert.equal(code, 1, out);
    assert.match(out, words);
  }
  const tools = await evaluate('parse-csv', ...given(scratch(t), { ...was, session: { ...was.session, tools: 1000 } }));
  assert.match(tools.out, /session: \d+ bytes of tools, 1000 before/);
  assert.equal(tools.code, 1);
});

test('a few bytes more are not worse; a task that is new or gone is', async (t) => {
  const was = baseline();
  const text = Math.ceil(was['parse-csv'].text / 1.04);
  const near = await evaluate('parse-csv', ...given(scratch(t), { ...was, 'parse-csv': { ...was['parse-csv'], text } }));
  assert.equal(near.code, 0, near.out);
  const { 'parse-csv': ours, ...others } = was;
  const fresh = await evaluate('parse-csv', ...given(scratch(t), others));
  assert.equal(fresh.code, 1);
  assert.match(fresh.out, /parse-csv: not in the baseline/);
  const gone = await evaluate('parse-csv', ...given(scratch(t), { ...was, 'no-such': ours }));
  assert.equal(gone.code, 1);
  assert.match(gone.out, /no-such: in the baseline/);
});

test('an answer that does not help fails its task, and the baseline stays', async (t) => {
  const place = scratch(t);
  const own = tasks(place, {
    lost: `export async function run(agent) {
      const reply = await agent.error('timed_out', { command: ['sleep', '9'], timeout_ms: 50 });
      reply.advice(/pray/);
    }`,
    // What the program says is not advice.
    loud: `export async function run(agent) {
      (await agent.fine({ command: ['echo', 'raise it'] })).advice(/raise it/);
    }`,
    calm: `export async function run(agent) {
      (await agent.fine({ command: ['true'] })).find(/exit code: 0/);
    }`,
  });
  const file = given(place, {});
  const failed = await evaluate(...own, ...file, '--update');
  assert.equal(failed.code, 1);
  assert.match(failed.out, /^lost .* FAILED +timed_out$/m);
  assert.match(failed.out, /^loud .* FAILED/m);
  assert.match(failed.out, /^calm .* ok/m);
  assert.equal(fs.readFileSync(file[1], 'utf8'), '{}');
  assert.equal((await evaluate(...own, ...file, '--update', 'calm')).code, 0);
  assert.deepEqual(Object.keys(JSON.parse(fs.readFileSync(file[1], 'utf8'))), ['session', 'calm']);
  assert.equal((await evaluate(...own, ...file, 'calm')).code, 0);
  assert.equal((await evaluate(...own, ...file, 'absent')).code, 2);
});
