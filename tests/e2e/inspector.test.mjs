// The inspector's command line lists and calls the tools.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

import { bin, scratch } from './lib/casemate.mjs';

const inspector = path.resolve(import.meta.dirname, 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js');

function inspect(place, args) {
  const ran = spawnSync(process.execPath, [inspector, '--cli', bin, 'serve', ...args], {
    env: { ...place.env, MCP_AUTO_OPEN_ENABLED: 'false' },
    encoding: 'utf8',
    timeout: 60000,
  });
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  return JSON.parse(ran.stdout);
}

test('tools/list', (t) => {
  const { tools } = inspect(scratch(t), ['--method', 'tools/list']);
  assert.deepEqual(tools.map((tool) => tool.name), ['run', 'profile_list']);
});

test('tools/call', (t) => {
  const args = ['--method', 'tools/call', '--tool-name', 'run', '--tool-arg', 'language=python', '--tool-arg', 'code=print(6 * 7)'];
  const result = inspect(scratch(t), args);
  assert.equal(result.structuredContent.stdout, '42\n');
});
