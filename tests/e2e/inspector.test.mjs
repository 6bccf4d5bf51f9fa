// The inspector's command line lists and calls the tools.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

import { scratch } from './lib/casemate.mjs';
import { tapped } from './lib/tap.mjs';

const inspector = path.resolve(import.meta.dirname, 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js');

function inspect(t, args) {
  const place = scratch(t);
  return spawnSync(process.execPath, [inspector, '--cli', tapped(place), 'serve', ...args], {
    env: { ...place.env, MCP_AUTO_OPEN_ENABLED: 'false' },
    encoding: 'utf8',
    timeout: 60000,
  });
}
function output(ran) {
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  return JSON.parse(ran.stdout);
}

test('tools/list, without a portability problem in the schemas', (t) => {
  const { tools } = output(inspect(t, ['--method', 'tools/list', '--strict']));
  assert.deepEqual(tools.map((tool) => tool.name), ['run', 'profile_list', 'job_status', 'job_output', 'job_cancel']);
});

const call = ['--method', 'tools/call', '--tool-name'];
test('tools/call', (t) => {
  const result = output(inspect(t, [...call, 'run', '--tool-arg', 'language=python', '--tool-arg', 'code=print(6 * 7)']));
  assert.equal(result.structuredContent.stdout, '42\n');
});

test('tools/call of a tool without arguments', (t) => {
  assert.ok(output(inspect(t, [...call, 'profile_list'])).structuredContent.profiles.length > 0);
});

test('a refused call shows as one', (t) => {
  const ran = inspect(t, [...call, 'run', '--tool-arg', 'command=["ls"]', '--tool-arg', 'workspace=/etc']);
  assert.match(ran.stdout, /"isError": true/);
  assert.match(ran.stdout, /workspace_roots/);
});
