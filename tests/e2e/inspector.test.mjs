// The inspector's command line, over both transports and as a client of either family: each of its
// one-shot methods that has something to do here. Every tool is called; questions and tasks outlive a
// command line and are not for it (asking.test.mjs, tasks.test.mjs).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

import { scratch } from './lib/casemate.mjs';
import { casemate } from './lib/clients.mjs';
import { HttpServerProcess } from './lib/http.mjs';

const inspector = path.resolve(import.meta.dirname, 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js');

const targets = {
  stdio: (place) => {
    const { command, args } = casemate.stdio(place);
    return [command, ...args];
  },
  http: async (place) => [(await HttpServerProcess.start(place)).url, '--transport', 'http'],
};

function inspect(place, target, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [inspector, '--cli', ...target, '--method', ...args], {
      env: { ...place.env, MCP_AUTO_OPEN_ENABLED: 'false' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    place.closing(() => child.exitCode === null && child.signalCode === null && child.kill('SIGKILL'));
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (d) => (stdout += d));
    child.stderr.on('data', (d) => (stderr += d));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

const noSuchJob = ({ error }) => assert.equal(error.kind, 'not_found');
// Arguments for each tool, and what its structured result must be.
const tools = {
  run: [['language=python', 'code=print(6 * 7)'], (content) => assert.equal(content.stdout, '42\n')],
  profile_list: [[], (content) => assert.ok(content.profiles.length > 0)],
  policy_explain: [['tool=run', 'arguments={"command": ["ls"]}'], ({ decision }) => assert.equal(decision.effect, 'allow')],
  job_status: [[`job_id=${'a'.repeat(26)}`], noSuchJob],
  job_output: [[`job_id=${'a'.repeat(26)}`], noSuchJob],
  job_cancel: [[`job_id=${'a'.repeat(26)}`], noSuchJob],
};
const methods = {
  'resources/list': [[], ({ resources }) => assert.ok(resources.some((r) => r.uri === 'casemate://docs/tools'))],
  'resources/read': [['--uri', 'casemate://docs/tools'], ({ contents }) => assert.match(contents[0].text, /^# /)],
  'resources/templates/list': [[], ({ resourceTemplates }) => assert.ok(resourceTemplates.length >= 6)],
  'prompts/list': [[], ({ prompts }) => assert.deepEqual(prompts.map((p) => p.name), ['run_and_explain', 'fix_failing_command'])],
  'prompts/get': [['--prompt-name', 'fix_failing_command', '--prompt-args', 'command=make test'], ({ messages }) => assert.equal(messages[0].role, 'user')],
};

for (const transport of Object.keys(targets)) {
  for (const era of ['legacy', 'modern']) {
    test(`the inspector over ${transport}, ${era}`, async (t) => {
      const place = scratch(t);
      const target = await targets[transport](place);
      const output = async (...args) => {
        const ran = await inspect(place, target, [...args, '--protocol-era', era]);
        assert.equal(ran.stdout.trim().startsWith('{'), true, ran.stdout + ran.stderr);
        return JSON.parse(ran.stdout);
      };

      const listed = await inspect(place, target, ['tools/list', '--strict', '--protocol-era', era]);
      assert.equal(listed.code, 0, `a portability problem in the schemas: ${listed.stderr}`);
      const offered = JSON.parse(listed.stdout).tools.map((tool) => tool.name);
      assert.deepEqual(offered.sort(), Object.keys(tools).sort());
      for (const [name, [args, check]] of Object.entries(tools)) {
        const given = args.flatMap((arg) => ['--tool-arg', arg]);
        check((await output('tools/call', '--tool-name', name, ...given)).structuredContent);
      }
      for (const [method, [args, check]] of Object.entries(methods)) check(await output(method, ...args));

      const refused = await output('tools/call', '--tool-name', 'run', '--tool-arg', 'command=["ls"]', '--tool-arg', 'workspace=/etc');
      assert.equal(refused.isError, true);
      assert.match(refused.structuredContent.error.remedy, /workspace_roots/);
    });
  }
}
