// The toolset `build`: project_analyze, generate_dockerfile, dockerfile_lint and the prompt containerize-project, as
// official clients and raw ones meet them. Of generate_manifest, manifest.test.mjs says more.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cli, scratch } from './lib/casemate.mjs';
import { casemate, connect, connections, named } from './lib/clients.mjs';
import { compileToolSchema } from './lib/schema.mjs';
import { modernMeta, Server } from './lib/server.mjs';

const buildTools = ['project_analyze', 'generate_dockerfile', 'dockerfile_lint', 'generate_manifest']; // beside `build` (package_project.test.mjs)

// A place whose servers have the toolset, with a writable root `work` and a read-only one, `library`.
function placeWith(t, { toolsets = '[core, build]' } = {}) {
  const place = scratch(t);
  place.library = path.join(place.dir, 'library');
  fs.mkdirSync(place.library);
  place.env.CASEMATE_CONFIG = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(place.env.CASEMATE_CONFIG, `version: 1
toolsets: ${toolsets}
workspace_roots: [{path: ${place.work}}, {path: ${place.library}, writable: false}]
`);
  delete place.env.CASEMATE_WORKSPACE_ROOTS;
  return place;
}
function write(root, files) {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  }
}
const shop = {
  'package.json': '{"name": "shop", "engines": {"node": "20.x"}, "scripts": {"start": "node server.js"}, "dependencies": {"express": "^4.18.0", "pg": "^8.11.0"}}',
  'server.js': "const app = require('express')();\napp.get('/healthz', (_, r) => r.send('ok'));\napp.listen(process.env.PORT || 3000);\n",
  Dockerfile: 'FROM node\nWORKDIR /app\nCOPY . .\nCMD npm start\n',
};
async function started(place) {
  const server = Server.start(place);
  const { result } = await server.request('tools/list', { _meta: modernMeta });
  server.call = async (name, args) => {
    const tool = result.tools.find((each) => each.name === name);
    const reply = await server.request('tools/call', { name, arguments: args, _meta: modernMeta });
    const { structuredContent, content, isError } = reply.result;
    const fits = compileToolSchema(tool.outputSchema);
    assert.ok(fits(structuredContent), JSON.stringify([fits.errors, structuredContent]));
    return { ...structuredContent, isError, text: content[0].text };
  };
  return server;
}

for (const connection of connections) {
  test(`a project becomes known, and its Dockerfile better: ${named(connection)}`, async (t) => {
    const place = placeWith(t);
    write(place.work, shop);
    const client = await connect(place, connection, casemate);
    const { tools } = await client.listTools(); // from here on the client checks results against outputSchema
    for (const name of buildTools) {
      const { annotations, outputSchema } = tools.find((tool) => tool.name === name);
      const writes = name.startsWith('generate_');
      assert.deepEqual(annotations, { ...annotations, readOnlyHint: !writes, destructiveHint: writes, openWorldHint: name === 'generate_dockerfile' });
      assert.equal(outputSchema.type, 'object');
    }
    const { structuredContent: analysis, content } = await client.call('project_analyze', { workspace: place.work });
    const [app] = analysis.apps;
    assert.deepEqual([app.name.value, app.framework.value, app.ports[0].value, app.health.value], ['shop', 'express', 3000, '/healthz']);
    assert.match(content[0].text, /^\.: shop, a service\n {2}language +javascript/);

    const linted = (await client.call('dockerfile_lint', { workspace: place.work })).structuredContent;
    assert.equal(linted.ok, false);
    assert.ok(linted.findings.some(({ rule, line, why, fix }) => rule === 'DL3006' && line === 1 && why && fix), JSON.stringify(linted));
    const mended = 'FROM node:20.11-slim\nWORKDIR /app\nCOPY . .\nUSER 1000:1000\nHEALTHCHECK CMD ["node", "-v"]\nCMD ["node", "server.js"]\n';
    const better = (await client.call('dockerfile_lint', { text: mended })).structuredContent;
    assert.equal(better.ok, true, JSON.stringify(better));

    if (process.getuid() === 0) { // a server of root's has a user of its own
      const { structuredContent: closed } = await client.call('generate_dockerfile', { workspace: place.work, save: true, overwrite: true });
      assert.deepEqual([closed.error.field, closed.error.kind], ['args.save', 'permission_denied']);
    }
    fs.chmodSync(place.work, 0o777);
    const { structuredContent: refused } = await client.call('generate_dockerfile', { workspace: place.work, save: true });
    assert.equal(refused.error.field, 'args.overwrite'); // it has one
    const { structuredContent: made } = await client.call('generate_dockerfile', { workspace: place.work, save: true, overwrite: true, pin: 'none' });
    assert.ok(made.dockerfile, JSON.stringify(made));
    assert.deepEqual([made.written, made.user, made.port], [['.dockerignore', 'Dockerfile'], '10001:10001', 3000]);
    assert.equal(fs.readFileSync(path.join(place.work, 'Dockerfile'), 'utf8'), made.dockerfile);
    const clean = (await client.call('dockerfile_lint', { workspace: place.work })).structuredContent;
    assert.deepEqual(clean.findings, []);

    const offered = (await client.listPrompts()).prompts.map((prompt) => prompt.name);
    assert.ok(offered.includes('containerize-project'));
    const { messages } = await client.getPrompt({ name: 'containerize-project', arguments: { workspace: place.work } });
    assert.match(messages[0].content.text, /`project_analyze`[^]*`generate_dockerfile`[^]*`dockerfile_lint`[^]*`generate_manifest`/);
    const { completion } = await client.complete({ ref: { type: 'ref/prompt', name: 'containerize-project' }, argument: { name: 'workspace', value: place.work.slice(0, 2) } });
    assert.ok(completion.values.includes(place.work));
  });
}

test('the toolset is off unless it is asked for, and small', async (t) => {
  const names = async (place) => (await Server.start(place).request('tools/list', { _meta: modernMeta })).result.tools;
  const usual = await names(scratch(t));
  assert.ok(!usual.some(({ name }) => buildTools.includes(name)));
  const place = placeWith(t);
  const both = await names(place);
  const added = both.filter(({ name }) => !usual.some((tool) => tool.name === name));
  assert.deepEqual(added.map(({ name }) => name), [...buildTools, 'build']);
  assert.ok(JSON.stringify(added).length < 14_000, `${JSON.stringify(added).length} bytes`);
  const off = Server.start(scratch(t));
  const { result } = await off.request('prompts/list', { _meta: modernMeta });
  assert.ok(!result.prompts.some(({ name }) => name === 'containerize-project'));
  const { code, stderr } = await cli(place, ['serve', '--toolsets', 'core,biuld']);
  assert.notEqual(code, 0);
  assert.match(stderr, /expected `core`, `containers` or `build`, got `biuld`/);
});

test('wrong arguments are named', async (t) => {
  const place = placeWith(t);
  write(place.work, shop);
  const server = await started(place);
  const workspace = place.work;
  for (const [tool, args, named] of [
    ['project_analyze', {}, 'workspace'],
    ['project_analyze', { workspace: 7 }, 'workspace'],
    ['project_analyze', { workspace: 'here' }, 'workspace'],
    ['project_analyze', { workspace: path.join(workspace, 'no') }, 'workspace'],
    ['project_analyze', { workspace, apps: 'a' }, 'apps'],
    ['project_analyze', { workspace, app: 'elsewhere' }, 'app'],
    ['dockerfile_lint', { workspace, path: 'no' }, 'path'],
    ['dockerfile_lint', { workspace, path: '../x' }, 'path'],
    ['dockerfile_lint', { workspace, ignore: ['DL306'] }, 'ignore'],
    ['dockerfile_lint', { workspace, ignore: 'DL3006' }, 'ignore'],
    ['dockerfile_lint', { text: 'FROM\n' }, 'text'],
  ]) {
    const result = await server.call(tool, args);
    assert.equal(result.isError, true, `${tool} ${JSON.stringify(args)}: ${result.text}`);
    assert.match(result.text, new RegExp(`\\b${named}\\b`));
    assert.ok(['invalid_arguments', 'not_found'].includes(result.error.kind), result.text);
  }
  const neither = await server.call('dockerfile_lint', {});
  assert.match(neither.text, /exactly one of `text` and `workspace`/);
});

test('what lies outside of the roots is refused, and links do not lead there', async (t) => {
  const place = placeWith(t);
  const outside = path.join(place.dir, 'outside');
  write(outside, { ...shop, Dockerfile: 'FROM outside-secret\n' });
  fs.symlinkSync(outside, path.join(place.work, 'escape'));
  const server = await started(place);
  for (const tool of buildTools) {
    for (const workspace of [outside, path.join(place.work, 'escape'), path.join(place.dir, 'missing')]) {
      const result = await server.call(tool, { workspace });
      assert.equal(result.error?.kind, 'refused', `${tool} ${workspace}: ${result.text}`);
      assert.equal(result.error.rule_id, 'default-deny');
      assert.ok(result.error.remedy.includes(`use \`${place.work}\``), result.error.remedy);
      assert.ok(!result.text.includes('outside-secret'));
    }
  }
  // In a project that may be read: links to files of others.
  const project = path.join(place.work, 'project');
  write(project, { 'notes.txt': 'x' });
  for (const name of ['package.json', 'Dockerfile', '.dockerignore']) fs.symlinkSync(path.join(outside, name === 'package.json' ? name : 'Dockerfile'), path.join(project, name));
  const analysis = await server.call('project_analyze', { workspace: project });
  assert.deepEqual(analysis.apps, []);
  assert.ok(analysis.notes.some((note) => /`package\.json` is a link that leads out/.test(note)), analysis.text);
  const linted = await server.call('dockerfile_lint', { workspace: project });
  assert.deepEqual([linted.error.kind, linted.error.field], ['permission_denied', 'args.path']);
  for (const { text } of [analysis, linted]) assert.ok(!text.includes('outside-secret') && !text.includes('shop'), text);
});

test('what a read-only root holds is marked as somebody else’s', async (t) => {
  const place = placeWith(t);
  write(place.library, shop);
  const server = await started(place);
  for (const tool of buildTools) {
    const result = await server.call(tool, { workspace: place.library });
    assert.equal(result.untrusted, true, result.text);
    assert.match(result.text, /^Note: this output comes from outside/);
  }
});

test('policy decides, and the trail says what was asked', async (t) => {
  const place = placeWith(t);
  write(place.work, shop);
  place.env.CASEMATE_POLICY = path.join(place.dir, 'policy.yaml');
  fs.writeFileSync(
    place.env.CASEMATE_POLICY,
    `version: 1
rules:
  - {id: no-analysis, effect: deny, tools: [project_analyze], reason: not here}
  - {id: may-lint, effect: allow, tools: [dockerfile_lint], workspace: host_read, when: {path: args.path, eq: Dockerfile}}
  - {id: texts-only, effect: allow, tools: [dockerfile_lint], when: {path: args.path, eq: other}}
`,
    { mode: 0o644 },
  );
  const server = Server.start(place);
  const { result: list } = await server.request('tools/list', { _meta: modernMeta });
  assert.deepEqual(list.tools.map(({ name }) => name), ['dockerfile_lint']);
  const call = async (name, args) => (await server.request('tools/call', { name, arguments: args, _meta: modernMeta })).result.structuredContent;
  const denied = await call('project_analyze', { workspace: place.work });
  assert.deepEqual([denied.error.kind, denied.error.rule_id], ['refused', 'no-analysis']);
  assert.equal((await call('dockerfile_lint', { workspace: place.work })).status, 'completed');
  assert.equal((await call('dockerfile_lint', { text: 'FROM scratch\n' })).error.kind, 'refused');
  // A rule that grants no directory of the host reads none.
  const ungranted = await call('dockerfile_lint', { workspace: place.work, path: './other' });
  assert.deepEqual([ungranted.error.kind, ungranted.error.field], ['permission_denied', 'args.workspace']);
  await server.end();
  const { stdout } = await cli(place, ['audit', 'tail', '-n', '50', '--json']);
  const records = stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.ok(records.some(({ kind, tool }) => kind === 'refused' && tool === 'project_analyze'), stdout);
  const intent = records.find(({ kind, tool }) => kind === 'intent' && tool === 'dockerfile_lint');
  assert.ok(JSON.stringify(intent).includes(`"workspace":"${place.work}"`), stdout);
  const outcome = records.find(({ kind, intent_seq: seq }) => kind === 'outcome' && seq === intent.seq);
  assert.equal(outcome.outcome.status, 'completed');
});
