// Manifests as people, validators of others and agents meet them: `casemate manifest`, the published
// schema, and the tool generate_manifest.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import Ajv from 'ajv/dist/2020.js';

import { bin, scratch } from './lib/casemate.mjs';
import { compileToolSchema } from './lib/schema.mjs';
import { modernMeta, Server } from './lib/server.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const projects = path.join(root, 'tests/projects');
const cases = JSON.parse(fs.readFileSync(path.join(root, 'tests/unit/package/manifests.json'), 'utf8'));
const schemaText = fs.readFileSync(path.join(root, 'docs/manifest-1.0.schema.json'), 'utf8');
const conforms = new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: true }).compile(JSON.parse(schemaText));

const manifest = (args, options = {}) => spawnSync(bin, ['manifest', ...args], { encoding: 'utf8', timeout: 60_000, ...options });
const caseOf = (name) => structuredClone(cases.find((each) => each.name === name).manifest);
const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex');

function write(directory, files) {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    fs.writeFileSync(path.join(directory, name), typeof text === 'object' && !Buffer.isBuffer(text) ? JSON.stringify(text) : text);
  }
}
// A directory with these files, and the command in it.
function here(t, files = {}) {
  const { work } = scratch(t);
  write(work, files);
  return {
    work,
    run: (...args) => manifest(args, { cwd: work }),
    fine: (...args) => {
      const said = manifest(args, { cwd: work });
      assert.equal(said.status, 0, `${args}: ${said.stderr}`);
      return said.stdout;
    },
  };
}

// RFC 8785, written down once more: members by UTF-16 units, which is how JavaScript sorts, and texts
// and numbers as ECMAScript writes them.
const canonical = (value) => {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`;
};

test('the schema and the program agree on all manifests of the table, and the path is named', (t) => {
  const { work, run } = here(t);
  for (const { name, manifest: document, error, schema_accepts: accepts } of cases) {
    write(work, { 'one.json': JSON.stringify(document) });
    const said = run('validate', '--json', 'one.json');
    const report = JSON.parse(said.stdout);
    assert.equal(report.valid, error === undefined, `${name}: ${said.stdout}`);
    assert.equal(said.status, report.valid ? 0 : 1, name);
    if (error !== undefined) {
      assert.equal(report.error.path, error, name);
      assert.notEqual(report.error.message, '', name);
      assert.equal(typeof accepts, 'boolean', name);
    }
    assert.equal(conforms(document), accepts ?? true, `${name}: ${JSON.stringify(conforms.errors)}`);
    // For people the same, on standard error.
    const told = run('validate', 'one.json');
    assert.equal(told.status, said.status, name);
    if (error !== undefined) assert.ok(told.stderr.startsWith(`casemate: ${error}: `), told.stderr);
  }
  assert.ok(cases.length > 100 && cases.filter(({ error }) => !error).length > 10);
  assert.ok(cases.some(({ error, schema_accepts: accepts }) => error && accepts), 'what only the program knows');
});

test('the published schema is what the program prints, byte for byte', (t) => {
  assert.equal(here(t).fine('schema'), schemaText);
});

test('the canonical form is that of RFC 8785, and its digest is the hash of the manifest', (t) => {
  const { work, fine } = here(t);
  const check = (text) => {
    write(work, { 'casemate.json': text });
    const document = JSON.parse(text);
    delete document.$schema;
    const expected = canonical(document);
    assert.equal(fine('hash', '--canonical'), expected);
    const told = JSON.parse(fine('hash', '--json'));
    assert.equal(told.manifest_hash, sha256(expected));
    assert.equal(told.hash, sha256(canonical({ manifest: told.manifest_hash, sources: told.source_hash })));
    assert.equal(told.id, `${document.project.name}:${told.hash.slice(0, 12)}`);
    assert.equal(told.canonicalization, 'jcs');
    return told.manifest_hash;
  };
  const rightOnes = cases.filter(({ error }) => !error);
  for (const { manifest: document } of rightOnes) check(JSON.stringify(document));
  // Blanks, the order of members and `$schema` are not part of it.
  const full = caseOf('all members');
  const hash = check(JSON.stringify(full));
  assert.equal(check(JSON.stringify(Object.fromEntries(Object.entries(full).reverse()), null, '\t ')), hash);
  assert.equal(check(JSON.stringify({ ...full, $schema: 'https://example.com/other' })), hash);
  assert.notEqual(check(JSON.stringify({ ...full, ci_name: 'other' })), hash);
  // Numbers, by how they are written.
  const withCpus = (written) => JSON.stringify({ ...full, containers: [{ ...full.containers[0], limits: { cpus: '@' } }] }).replace('"@"', written);
  for (const written of ['0.01', '1e-2', '1E0', '1.0', '100', '4096.000', '0.1', '0.30000000000000004', '3.3333333333333335', '123.456e0',
    '0.05000000000000000277', '4095.9999999999995', '1234567e-3', '0.1e+1', '2.2250738585072014e+2', '333.33333333333329']) {
    check(withCpus(written));
  }
  // Texts and names of all kinds: the last two change places between UTF-8 and UTF-16.
  const odd = ['', ' ', '"\\/', '\u0001\b\t\n\f\r\u001f', '\u007f\u0080\u00a0', '\u2028\u2029', 'é', 'e\u0301', '</script>', '\ufeff', '\uffff', '\u{1f600}', '\ufb33'];
  const labels = Object.fromEntries([...odd.filter((key) => /^[^\0-\x1f\x7f-\x9f]+$/.test(key)), '10', '9', 'A', 'a', 'B', 'constructor', 'toString'].map((key, i) => [key, odd[i % odd.length]]));
  const environment = Object.fromEntries(odd.map((value, i) => [`${'_aZ'[i % 3]}${i}`, value]));
  const text = JSON.stringify({ ...full, containers: [{ ...full.containers[0], labels, environment }] }).replace('"constructor":', '"__proto__":"x","constructor":');
  check(text);
  check(text.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`));
  assert.ok(Object.keys(labels).length > 12);
});

// The hash over sources, written down once more: "KIND DIGEST PATH" and a NUL for each, by bytes of paths.
function sourceHash(directory, isSource) {
  const lines = [];
  for (const name of fs.readdirSync(directory, { recursive: true })) {
    const file = path.join(directory, name);
    const info = fs.lstatSync(file);
    if (info.isDirectory() || !isSource(name)) continue;
    const link = info.isSymbolicLink();
    const digest = sha256(link ? fs.readlinkSync(file) : fs.readFileSync(file));
    lines.push([name, `${link ? 'L' : info.mode & 0o100 ? 'X' : 'F'} ${digest} ${name}\0`]);
  }
  lines.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return { files: lines.length, hash: sha256(lines.map(([, line]) => line).join('')) };
}

const shop = {
  'casemate.json': {
    manifest_version: '1.0',
    project: { name: 'shop' },
    applications: [{ name: 'web', path: 'web', build: { commands: ['make'], outputs: ['out'] }, command: ['./out/web'] }],
    containers: [{ name: 'shop', applications: ['web'], base: 'scratch' }],
  },
  '.dockerignore': 'node_modules\n**/*.log\n!keep.log\n',
  'web/main.c': 'int main(void) { return 0; }\n',
  'web/é.txt': 'e',
  'web/run.sh': '#!/bin/sh\n',
  'web-2/a': 'a',
  'keep.log': 'kept',
  'empty.txt': '',
  'node_modules/x/index.js': 'left out',
  'web/debug.log': 'left out',
  'web/out/web': 'left out: a build makes it',
  '.git/HEAD': 'ref: refs/heads/main\n',
};
const isSource = (name) => name !== 'casemate.json' && !/^(\.git|node_modules|web\/out)(\/|$)/.test(name) && (!name.endsWith('.log') || name === 'keep.log');

test('the hash is the same in another directory, by another umask and at another time', (t) => {
  const places = ['one', 'two'].map((name, i) => {
    const { work, fine } = here(t);
    const directory = path.join(work, name);
    const old = process.umask(i === 0 ? 0o022 : 0o077);
    try {
      for (const file of i === 0 ? Object.keys(shop) : Object.keys(shop).reverse()) write(directory, { [file]: shop[file] });
      fs.symlinkSync('../keep.log', path.join(directory, 'web/link'));
      fs.symlinkSync('/nowhere', path.join(directory, 'dangling'));
      fs.mkdirSync(path.join(directory, `nothing-${i}`)); // as in Git, what holds nothing is nothing
      fs.chmodSync(path.join(directory, 'web/run.sh'), i === 0 ? 0o755 : 0o700);
      if (i === 1) fs.utimesSync(path.join(directory, 'web/main.c'), 1, 1);
    } finally {
      process.umask(old);
    }
    return { directory, hash: () => fine('hash', '--json', name), people: () => fine('hash', name) };
  });
  const [one, two] = places;
  const told = JSON.parse(one.hash());
  assert.equal(one.hash(), two.hash());
  const expected = sourceHash(one.directory, isSource);
  assert.deepEqual([told.source_hash, told.files], [expected.hash, expected.files]);
  assert.equal(one.people(), `${told.id}\nmanifest  ${told.manifest_hash}\nsources   ${told.source_hash}  (${told.files} files)\n`);

  const sourceOf = (place) => JSON.parse(place.hash()).source_hash;
  const changes = {
    'its content': () => fs.appendFileSync(path.join(two.directory, 'empty.txt'), 'x'),
    'a file more': () => fs.writeFileSync(path.join(two.directory, 'more'), ''),
    'a name': () => fs.renameSync(path.join(two.directory, 'more'), path.join(two.directory, 'else')),
    'what its owner may execute': () => fs.chmodSync(path.join(two.directory, 'else'), 0o700),
    'where a link leads': () => {
      fs.rmSync(path.join(two.directory, 'dangling'));
      fs.symlinkSync('/elsewhere', path.join(two.directory, 'dangling'));
    },
    'a file in place of a link': () => {
      fs.rmSync(path.join(two.directory, 'dangling'));
      fs.writeFileSync(path.join(two.directory, 'dangling'), '/elsewhere');
    },
  };
  for (const [what, change] of Object.entries(changes)) {
    const before = sourceOf(two);
    change();
    assert.notEqual(sourceOf(two), before, what);
  }
  // What is left out makes no difference; nor does the manifest to the sources.
  const before = sourceOf(two);
  write(two.directory, { 'node_modules/y': 'y', 'web/x.log': 'y', 'web/out/more': 'y', '.git/index': 'y' });
  assert.equal(sourceOf(two), before);
  write(two.directory, { 'casemate.json': { ...shop['casemate.json'], ci_name: 'x' } });
  assert.equal(sourceOf(two), before);
  assert.notEqual(JSON.parse(two.hash()).hash, told.hash);
});

test('a pipe is no source, and is named', (t) => {
  const { work, run } = here(t, shop);
  const before = JSON.parse(run('hash', '--json').stdout).hash;
  assert.equal(spawnSync('mkfifo', [path.join(work, 'pipe')]).status, 0);
  const said = run('hash', '--json');
  assert.equal(JSON.parse(said.stdout).hash, before);
  assert.equal(said.stderr, 'note: `pipe` is no file and no source\n');
});

test('init gives a manifest that is right for every project that has an application', () => {
  let made = 0;
  for (const language of fs.readdirSync(projects)) {
    for (const name of fs.readdirSync(path.join(projects, language))) {
      const directory = path.join(projects, language, name);
      if (!fs.statSync(directory).isDirectory()) continue;
      const said = manifest(['init', directory]);
      if (said.status === 1) {
        assert.match(said.stderr, /no application was found/, directory);
        continue;
      }
      assert.equal(said.status, 0, `${directory}: ${said.stderr}`);
      const document = JSON.parse(said.stdout);
      assert.ok(conforms(document), `${directory}: ${JSON.stringify(conforms.errors)}\n${said.stdout}`);
      assert.ok(document.applications.length > 0 && document.containers.length > 0, directory);
      assert.equal(fs.existsSync(path.join(directory, 'casemate.json')), false);
      made += 1;
    }
  }
  assert.ok(made > 150, `${made}`);
});

const express = {
  'package.json': '{"name": "shop", "engines": {"node": "20.x"}, "scripts": {"start": "node server.js"}, "dependencies": {"express": "^4.18.0"}}',
  'server.js': "const app = require('express')();\napp.get('/healthz', (_, r) => r.send('ok'));\napp.listen(process.env.PORT || 3000);\nprocess.env.DATABASE_URL.length;\n",
};

test('init --save writes the manifest once, and over another one only if asked to', (t) => {
  const { work, run, fine } = here(t);
  const project = path.join(work, 'My Shop');
  const file = path.join(project, 'casemate.json');
  write(project, express);
  const shown = fine('init', 'My Shop');
  assert.equal(JSON.parse(shown).project.name, 'my-shop');
  assert.deepEqual(fs.readdirSync(project).sort(), ['package.json', 'server.js']);
  assert.equal(fine('init', 'My Shop', '--save'), 'wrote My Shop/casemate.json\n');
  assert.equal(fs.readFileSync(file, 'utf8'), shown);
  assert.equal(fine('validate', 'My Shop'), 'My Shop/casemate.json: 1 application, 1 container\n');
  assert.equal(fine('init', 'My Shop', '--save'), 'kept My Shop/casemate.json, which was there\n');
  fs.writeFileSync(file, '{}');
  const refused = run('init', 'My Shop', '--save');
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /overwrite: `casemate\.json` is there already and was not changed \(--overwrite replaces it/);
  assert.equal(fs.readFileSync(file, 'utf8'), '{}');
  assert.equal(fine('init', 'My Shop', '--save', '--overwrite', '--name', 'Other'), 'wrote My Shop/casemate.json\n');
  assert.equal(JSON.parse(fs.readFileSync(file, 'utf8')).project.name, 'other');
  // Whole or not at all: where no byte can be written, the one that was there stays.
  fs.writeFileSync(file, '{}');
  const full = spawnSync('bash', ['-c', 'trap "" XFSZ; ulimit -f 0; exec "$0" manifest init --save --overwrite', bin], { cwd: project, encoding: 'utf8' });
  assert.equal(full.status, 1, full.stdout);
  assert.match(full.stderr, /File too large/);
  assert.equal(fs.readFileSync(file, 'utf8'), '{}');
  // Not through a link, wherever it leads, and nothing else is left there.
  const target = path.join(work, 'target');
  fs.rmSync(file);
  fs.symlinkSync(target, file);
  for (const flags of [['--save'], ['--save', '--overwrite']]) {
    const linked = run('init', 'My Shop', ...flags);
    assert.equal(linked.status, 1, linked.stdout);
    assert.match(linked.stderr, /is there and is no file/);
  }
  assert.equal(fs.existsSync(target), false);
  assert.deepEqual(fs.readdirSync(project).sort(), ['casemate.json', 'package.json', 'server.js']);
});

test('init says what it cannot know, and what is wrong', (t) => {
  const { work, run } = here(t, express);
  assert.match(run('init').stderr, /^note: `shop` needs the variable DATABASE_URL when it is started$/m);
  fs.mkdirSync(path.join(work, 'empty'));
  for (const [args, status, text] of [
    [['init', 'empty'], 1, /no application was found/],
    [['init', 'absent'], 2, /cannot open `absent`/],
    [['init', '--svae'], 2, /--svae/],
    [[], 2, /subcommand/i],
    [['list'], 2, /list|subcommand/i],
  ]) {
    const said = run(...args);
    assert.equal(said.status, status, `${args}: ${said.stdout}${said.stderr}`);
    assert.match(said.stderr + said.stdout, text);
  }
});

test('diff tells changes by name: 0 none, 1 some, 2 it cannot say', (t) => {
  const before = caseOf('all members');
  const after = structuredClone(before);
  after.applications.reverse();
  after.$schema = 'elsewhere';
  after.applications[0].port = 8081;
  delete after.applications[0].framework;
  after.containers.pop();
  after.containers[0].labels.owner = 'me';
  const { run } = here(t, { 'before.json': before, 'after.json': after, 'same/casemate.json': { ...before, $schema: 'x' }, 'wrong.json': '{}' });
  const same = run('diff', 'before.json', 'same');
  assert.deepEqual([same.status, same.stdout, same.stderr], [0, '', '']);
  assert.equal(run('diff', '--json', 'before.json', 'same').stdout, '[]\n');
  const said = run('diff', 'before.json', 'after.json');
  assert.equal(said.status, 1, said.stderr);
  assert.deepEqual(said.stdout.trimEnd().split('\n').map((line) => line.replace(/: .*/, '')), [
    '- applications[web].framework', '~ applications[web].port', '~ applications (order)', '+ containers[shop].labels.owner', '- containers[site]',
  ]);
  assert.match(said.stdout, /^~ applications\[web\]\.port: 8080 → 8081$/m);
  const json = run('diff', '--json', 'before.json', 'after.json');
  assert.equal(json.status, 1);
  assert.deepEqual(JSON.parse(json.stdout)[1], { change: '~', path: 'applications[web].port', before: '8080', after: '8081' });
  for (const args of [['before.json', 'wrong.json'], ['wrong.json', 'before.json'], ['before.json', 'absent'], ['before.json']]) {
    const failed = run('diff', ...args);
    assert.equal(failed.status, 2, `${args}: ${failed.stdout}`);
    assert.equal(failed.stdout, '');
  }
});

test('graph has three formats', (t) => {
  const { run, fine } = here(t, { 'casemate.json': caseOf('all members') });
  assert.equal(fine('graph'), '1. core  in shop\n2. web  after core  in shop\n');
  assert.equal(fine('graph', '--format', 'text'), fine('graph'));
  assert.deepEqual(JSON.parse(fine('graph', '--format', 'json')), {
    build_order: ['core', 'web'],
    applications: [{ name: 'core', depends_on: [] }, { name: 'web', depends_on: ['core'] }],
    containers: [{ name: 'shop', applications: ['web', 'core'] }, { name: 'tools', applications: [] }, { name: 'site', applications: [] }],
  });
  const dot = fine('graph', '--format', 'dot');
  assert.match(dot, /^digraph "shop" \{\n[^]*label="tools";[^]*^ {2}"web" -> "core";\n\}\n$/m);
  if (spawnSync('dot', ['-V']).status === 0) assert.equal(spawnSync('dot', ['-Tsvg'], { input: dot }).status, 0);
  const wrong = run('graph', '--format', 'svg');
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr + wrong.stdout, /svg/);
});

test('a manifest that cannot be read is refused by every command, with the reason', (t) => {
  const right = JSON.stringify(caseOf('all members'));
  const { work, run } = here(t, {
    'latin1.json': Buffer.concat([Buffer.from('{"manifest_version":"1.0","project":{"name":"a"},"ci_name":"'), Buffer.from([0xe9]), Buffer.from('"}')]),
    'surrogate.json': '{"manifest_version":"1.0","project":{"name":"a"},"ci_name":"\\ud800"}',
    'twice.json': '{"manifest_version":"1.0","project":{"name":"a"},"project":{"name":"b"}}',
    'twice-below.json': '{"manifest_version":"1.0","project":{"name":"a","\\u006eame":"b"}}',
    'more.json': `${right}x`,
    'cut.json': right.slice(0, -1),
    'comment.json': `// a shop\n${right}`,
    'nothing.json': '',
    'deep.json': `${'['.repeat(5000)}${']'.repeat(5000)}`,
    'huge-number.json': right.replace('"source_date_epoch":1700000000', '"source_date_epoch":1e400'),
    'large.json': `${right}${' '.repeat(1 << 20)}`,
  });
  fs.mkdirSync(path.join(work, 'bare'));
  fs.mkdirSync(path.join(work, 'odd/casemate.json'), { recursive: true });
  fs.symlinkSync('loop.json', path.join(work, 'loop.json'));
  const wrong = {
    'absent.json': /cannot open `absent\.json`/,
    bare: /casemate\.json`?: No such file or directory.*`casemate manifest init --save` writes one/,
    odd: /casemate\.json/,
    'loop.json': /loop\.json/,
    'latin1.json': /UTF-8/,
    'surrogate.json': /surrogate|UTF-8|U\+D800/i,
    'twice.json': /duplicate/,
    'twice-below.json': /duplicate/,
    'more.json': /casemate: /,
    'cut.json': /casemate: /,
    'comment.json': /casemate: /,
    'nothing.json': /casemate: /,
    'deep.json': /deep|depth|nest/i,
    'huge-number.json': /casemate: /,
    'large.json': /large\.json|1048576/,
  };
  if (process.getuid() !== 0) { // root reads everything
    write(work, { 'closed.json': right });
    fs.chmodSync(path.join(work, 'closed.json'), 0);
    wrong['closed.json'] = /Permission denied/;
  }
  for (const [name, reason] of Object.entries(wrong)) {
    for (const command of ['validate', 'hash', 'graph']) {
      const said = run(command, name);
      assert.equal(said.status, 1, `${command} ${name}: ${said.stdout}`);
      assert.equal(said.stdout, '', `${command} ${name}`);
      assert.match(said.stderr, reason, `${command} ${name}`);
      assert.equal(said.stderr.split('\n').length, 2, said.stderr);
    }
    const report = JSON.parse(run('validate', '--json', name).stdout);
    assert.deepEqual([report.valid, typeof report.error.message], [false, 'string'], name);
  }
});

test('what docs/manifest.md shows is what is printed', (t) => {
  const page = fs.readFileSync(path.join(root, 'docs/manifest.md'), 'utf8');
  const blocks = [...page.matchAll(/^<!-- tested -->\n```sh\n([^]*?)^```\n\n```\n([^]*?)^```$/gm)];
  assert.equal(blocks.length, 3);
  for (const [, script, shown] of blocks) {
    const place = scratch(t);
    fs.symlinkSync(bin, path.join(place.dir, 'casemate'));
    const env = { ...place.env, PATH: `${place.dir}:${process.env.PATH}` };
    const said = spawnSync('bash', ['-euo', 'pipefail', '-c', `exec 2>&1\n${script}`], { cwd: place.work, env, encoding: 'utf8', timeout: 60_000 });
    assert.equal(said.stdout, shown);
  }
});

// A server with the toolset, a writable root and a read-only one; `call` checks results by the tool's schema.
async function served(t) {
  const place = scratch(t);
  place.library = path.join(place.dir, 'library');
  fs.chmodSync(place.work, 0o777); // a server of root's has a user of its own
  place.env.CASEMATE_CONFIG = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(place.env.CASEMATE_CONFIG, `version: 1
toolsets: [core, build]
workspace_roots: [{path: ${place.work}}, {path: ${place.library}, writable: false}]
`);
  delete place.env.CASEMATE_WORKSPACE_ROOTS;
  for (const directory of [place.work, place.library, path.join(place.dir, 'outside')]) write(directory, express);
  const server = Server.start(place);
  const { result } = await server.request('tools/list', { _meta: modernMeta });
  const fits = compileToolSchema(result.tools.find(({ name }) => name === 'generate_manifest').outputSchema);
  const call = async (args) => {
    const reply = await server.request('tools/call', { name: 'generate_manifest', arguments: args, _meta: modernMeta });
    const { structuredContent, content, isError } = reply.result;
    assert.ok(fits(structuredContent), JSON.stringify([fits.errors, structuredContent]));
    return { ...structuredContent, isError: isError ?? false, text: content[0].text };
  };
  return { place, call };
}

test('an agent is shown a manifest, and saves it; its identity is what the command line says', async (t) => {
  const { place, call } = await served(t);
  const file = path.join(place.work, 'casemate.json');
  const shown = await call({ workspace: place.work, name: 'shop' });
  assert.equal(shown.isError, false, shown.text);
  assert.deepEqual([shown.status, shown.path, shown.written, shown.kept], ['completed', 'casemate.json', [], []]);
  assert.ok(conforms(shown.manifest), JSON.stringify(conforms.errors));
  assert.deepEqual(shown.notes, ['`shop` needs the variable DATABASE_URL when it is started']);
  assert.equal(shown.text, `${manifest(['init', '--name', 'shop', place.work]).stdout}\n[identity: ${shown.identity.id}]\n[${shown.notes[0]}]`);
  assert.equal(fs.existsSync(file), false);

  const saved = await call({ workspace: place.work, name: 'shop', save: true });
  assert.deepEqual([saved.written, saved.identity], [['casemate.json'], shown.identity], saved.text);
  assert.deepEqual(JSON.parse(fs.readFileSync(file, 'utf8')), saved.manifest);
  const { id, hash, manifest_hash: ofManifest, source_hash: ofSources, files } = JSON.parse(manifest(['hash', '--json', place.work]).stdout);
  assert.deepEqual(saved.identity, { id, hash, manifest_hash: ofManifest, source_hash: ofSources, files });

  fs.writeFileSync(file, '{"mine": true}');
  const refused = await call({ workspace: place.work, save: true });
  assert.deepEqual([refused.error.kind, refused.error.field], ['invalid_arguments', 'args.overwrite']);
  assert.equal(fs.readFileSync(file, 'utf8'), '{"mine": true}');
  const replaced = await call({ workspace: place.work, save: true, overwrite: true });
  assert.deepEqual(replaced.written, ['casemate.json']);
  assert.equal(replaced.manifest.project.name, path.basename(place.work));
  assert.deepEqual(fs.readdirSync(place.work).sort(), ['casemate.json', 'package.json', 'server.js']);
});

test('a manifest is neither made of what lies outside of the roots nor written there', async (t) => {
  const { place, call } = await served(t);
  const outside = path.join(place.dir, 'outside');
  fs.symlinkSync(outside, path.join(place.work, 'escape'));
  for (const workspace of [outside, path.join(place.work, 'escape'), path.join(place.dir, 'absent')]) {
    for (const save of [false, true]) {
      const refused = await call({ workspace, save });
      assert.deepEqual([refused.isError, refused.error.kind, refused.error.rule_id], [true, 'refused', 'default-deny'], refused.text);
      assert.equal('manifest' in refused || 'identity' in refused, false);
    }
  }
  // A root that is only read: the manifest is shown, as somebody else's, and not written.
  const shown = await call({ workspace: place.library });
  assert.deepEqual([shown.isError, shown.untrusted, shown.manifest.project.name], [false, true, 'library'], shown.text);
  for (const more of [{}, { overwrite: true }]) {
    const refused = await call({ workspace: place.library, save: true, ...more });
    assert.deepEqual([refused.isError, refused.error.kind], [true, 'refused'], refused.text);
  }
  // Nor through a link that is there in place of the file.
  fs.symlinkSync(path.join(outside, 'new'), path.join(place.work, 'casemate.json'));
  const linked = await call({ workspace: place.work, save: true, overwrite: true });
  assert.equal(linked.error.kind, 'invalid_arguments', linked.text);
  for (const directory of [outside, place.library]) assert.deepEqual(fs.readdirSync(directory).sort(), ['package.json', 'server.js']);
});

test('wrong arguments of generate_manifest are named', async (t) => {
  const { place, call } = await served(t);
  const workspace = place.work;
  fs.mkdirSync(path.join(workspace, 'empty'));
  for (const [args, field, kind = 'invalid_arguments'] of [
    [{}, 'args.workspace'],
    [{ workspace: 'here' }, 'args.workspace'],
    [{ workspace: path.join(workspace, 'absent') }, 'args.workspace'],
    [{ workspace, name: 7 }, 'args.name'],
    [{ workspace, save: 'yes' }, 'args.save'],
    [{ workspace, overwrite: true }, 'args.overwrite'],
    [{ workspace, app: 'x' }, 'args.app'],
    [{ workspace: path.join(workspace, 'empty') }, 'args.workspace', 'not_found'],
  ]) {
    const said = await call(args);
    assert.deepEqual([said.isError, said.error?.field, said.error?.kind], [true, field, kind], `${JSON.stringify(args)}: ${said.text}`);
  }
});
