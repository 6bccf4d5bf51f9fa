// The MCP bundle and its registry entry, as hosts and the registry read them: by the official packager
// and against the registry's schema.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { getMcpConfigForManifest, unpackExtension, validateManifest } from '@anthropic-ai/mcpb';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';

import { bin, cli, scratch } from './lib/casemate.mjs';

const pack = path.resolve(import.meta.dirname, '../../clients/bundle/pack.py');

function packed(place, ...args) {
  const out = path.join(place.dir, 'package');
  const printed = execFileSync('python3', [pack, '--binary', bin, '--out', out, ...args], { env: place.env, encoding: 'utf8' });
  const [bundle, entry] = printed.trim().split('\n');
  return { bundle, entry: JSON.parse(fs.readFileSync(entry, 'utf8')) };
}

async function unpacked(place, bundle) {
  const dir = path.join(place.dir, 'extension');
  assert.ok(await unpackExtension({ mcpbPath: bundle, outputDir: dir, silent: true }));
  return { dir, manifest: JSON.parse(fs.readFileSync(path.join(dir, 'manifest.json'), 'utf8')) };
}

// Starts what the host would, and speaks to it.
async function connect(place, config) {
  const transport = new StdioClientTransport({ command: config.command, args: config.args, env: { ...place.env, ...config.env }, cwd: '/' });
  const client = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  place.closing(() => client.close());
  await client.connect(transport);
  return client;
}

test('the official packager accepts the manifest, and what it unpacks runs', async (t) => {
  const place = scratch(t);
  const { bundle } = packed(place);
  const { dir, manifest } = await unpacked(place, bundle);
  assert.ok(validateManifest(path.join(dir, 'manifest.json')));
  assert.equal(`casemate ${manifest.version}\n`, (await cli(place, ['--version'])).stdout);
  assert.equal(fs.statSync(path.join(dir, manifest.server.entry_point)).mode & 0o777, 0o755);
  // What it loads for containers is found beside it: nobody is there, which only that part can tell.
  const examined = await cli({ ...place, env: { ...place.env, DOCKER_HOST: 'unix:///nobody' } }, ['doctor'], { program: path.join(dir, manifest.server.entry_point) });
  assert.match(examined.stdout, /\/nobody: no such socket/);
  const { CASEMATE_WORKSPACE_ROOTS: _, ...env } = place.env;
  const host = { ...place, env };
  for (const roots of [[], [place.work]]) {
    const config = await getMcpConfigForManifest({
      manifest, extensionPath: dir, systemDirs: {}, userConfig: { workspace_roots: roots, profile: 'small' }, pathSeparator: '/' });
    const client = await connect(host, config);
    const { tools } = await client.listTools();
    assert.deepEqual(manifest.tools.map((tool) => tool.name), tools.map((tool) => tool.name));
    const result = await client.callTool({ name: 'run', arguments: { command: ['pwd'], workspace: place.work } });
    assert.equal(result.isError, roots.length === 0, JSON.stringify(result.structuredContent));
    const limits = (await client.callTool({ name: 'run', arguments: { command: ['true'] } })).structuredContent.limits;
    assert.equal(limits.memory_mb, JSON.parse((await cli(place, ['profile', 'list', '--json'])).stdout).profiles.find((p) => p.name === 'small').limits.memory_mb);
  }
});

test('a user who sets nothing gets a server all the same', async (t) => {
  const place = scratch(t);
  const { dir, manifest } = await unpacked(place, packed(place).bundle);
  const config = await getMcpConfigForManifest({ manifest, extensionPath: dir, systemDirs: {}, userConfig: {}, pathSeparator: '/' });
  assert.deepEqual(config.args, ['serve', '--profile', 'default']);
  const client = await connect(place, config);
  assert.equal((await client.callTool({ name: 'run', arguments: { command: ['true'] } })).isError, false);
});

test('the registry entry conforms to its schema and names this very bundle', (t) => {
  const place = scratch(t);
  const url = 'https://github.com/somebody/casemate/releases/download/v1/casemate.mcpb';
  const { bundle, entry } = packed(place, '--url', url, '--name', 'io.github.somebody/casemate');
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats(ajv);
  const schema = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, 'lib/registry-2025-12-11.schema.json'), 'utf8'));
  const validate = ajv.compile(schema);
  assert.ok(validate(entry), JSON.stringify(validate.errors));
  assert.equal(entry.$schema, schema.$id);
  assert.equal(entry.name, 'io.github.somebody/casemate');
  assert.equal(entry.packages[0].identifier, url);
  const sha256 = (file) => crypto.createHash('sha256').update(fs.readFileSync(file)).digest('hex');
  assert.equal(entry.packages[0].fileSha256, sha256(bundle));
  assert.ok(!validate({ ...entry, description: 'x'.repeat(101) }));
  const first = sha256(bundle);
  assert.equal(sha256(packed(place).bundle), first); // the same bytes again
});

test('./dev package says what it can package', () => {
  const dev = path.resolve(import.meta.dirname, '../../dev');
  const result = spawnSync(dev, ['package', 'rpm'], { encoding: 'utf8' });
  assert.equal(result.status, 2);
  assert.match(result.stderr, /expected what to package: mcpb/);
});
