// What policy denies: every method that reveals state has its case, and other names for a program or
// a directory are no way around a rule.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cli, scratch } from './lib/casemate.mjs';
import { modernMeta, Server } from './lib/server.mjs';

function placeWith(t, ...rules) {
  const place = scratch(t);
  place.env.CASEMATE_POLICY = path.join(place.dir, 'policy.yaml');
  fs.writeFileSync(place.env.CASEMATE_POLICY, `version: 1\nrules:\n${rules.map((rule) => `  - ${rule}\n`).join('')}`, { mode: 0o644 });
  return place;
}
const refusedTools = async (place) => {
  const { stdout } = await cli(place, ['audit', 'tail', '-n', '200', '--json']);
  return stdout.trim().split('\n').map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'refused').map(({ tool }) => tool);
};

test('every method that reveals state is denied where policy denies it, and on record', async (t) => {
  const place = placeWith(t, '{id: may-run, effect: allow, tools: [run]}');
  const server = Server.start(place);
  await server.initialize('2025-11-25');
  const { result } = await server.run({ command: ['sleep', '30'], background: true });
  const { job_id: job } = result.structuredContent;

  assert.deepEqual((await server.request('tools/list')).result.tools.map(({ name }) => name), ['run']);
  assert.deepEqual((await server.request('resources/list')).result.resources, []);
  for (const [method, params] of [
    ['resources/read', { uri: 'casemate://docs/policy' }],
    ['resources/read', { uri: `casemate://runs/${job}/stdout` }],
    ['resources/subscribe', { uri: 'casemate://docs/policy' }],
    ['prompts/get', { name: 'run_and_explain', arguments: {} }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'run_and_explain' }, argument: { name: 'language', value: 'p' } }],
  ]) {
    const reply = await server.request(method, params);
    assert.ok(reply.error, `${method}: ${JSON.stringify(reply)}`);
  }
  for (const name of ['job_status', 'job_output', 'job_cancel']) {
    const reply = await server.request('tools/call', { name, arguments: { job_id: job } });
    assert.equal(reply.result.isError, true, name);
  }
  await server.end();

  // Tasks, of the edition that knows them.
  const modern = Server.start(place);
  const _meta = { ...modernMeta, 'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } } };
  const task = (await modern.request('tools/call', { name: 'run', arguments: { command: ['sleep', '30'], background: true }, _meta })).result;
  const id = task.taskId ?? task.structuredContent.job_id;
  for (const method of ['tasks/get', 'tasks/cancel']) {
    const reply = await modern.request(method, { taskId: id, _meta });
    assert.ok(reply.error, `${method}: ${JSON.stringify(reply)}`);
  }
  await modern.end();

  const refused = await refusedTools(place);
  for (const tool of ['resource_read', 'resource_watch', 'prompt_get', 'completion', 'job_status', 'job_output', 'job_cancel']) {
    assert.ok(refused.includes(tool), `${tool} is not on record as refused: ${refused}`);
  }
});

test('another name for a program or a directory is no way around a rule', async (t) => {
  const place = placeWith(
    t,
    '{id: only-cat, effect: allow, tools: [run], workspace: host_read, when: {all: [{path: args.command.0, eq: /usr/bin/cat}, {any: [{path: context.workspace, exists: false}, {path: context.workspace_root, exists: true}]}]}}',
  );
  const secret = path.join(place.dir, 'home');
  fs.symlinkSync(secret, path.join(place.work, 'way-out'));
  const server = Server.start(place);
  await server.initialize('2025-11-25');
  const run = async (args) => (await server.run(args)).result.structuredContent;
  assert.equal((await run({ command: ['/usr/bin/cat', '/dev/null'] })).exit_code, 0);
  for (const command of [
    ['/proc/self/root/usr/bin/cat', '/dev/null'],
    ['/usr/bin/../bin/cat', '/dev/null'],
    ['/usr//bin/cat', '/dev/null'],
    ['/usr/bin/c\u0430t', '/dev/null'], // Cyrillic
    ['/lib64/ld-linux-x86-64.so.2', '/usr/bin/cat', '/dev/null'],
    ['sh', '-c', '/usr/bin/cat /dev/null'],
    ['./cat', '/dev/null'],
  ]) {
    const { error } = await run({ command });
    assert.equal(error?.kind, 'refused', JSON.stringify(command));
  }
  const inside = await run({ command: ['/usr/bin/cat', '/dev/null'], workspace: `${place.work}/../work` });
  assert.equal(inside.exit_code, 0, JSON.stringify(inside));
  for (const workspace of [secret, `${place.work}/../home`, path.join(place.work, 'way-out'), `/proc/self/root${secret}`]) {
    const { error } = await run({ command: ['/usr/bin/cat', '/dev/null'], workspace });
    assert.ok(error, workspace);
  }
  await server.end();
});
