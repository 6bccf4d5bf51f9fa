// The official clients use all that casemate offers, over both transports. What is offered comes from
// the lists: a new tool, resource template, prompt, or argument without a case here fails the test.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { scratch } from './lib/casemate.mjs';
import { casemate, connect, connections, named } from './lib/clients.mjs';
import { processesWith, uniqueSleep, until } from './lib/facts.mjs';

const background = async (client, script) => {
  const { structuredContent } = await client.call('run', { command: ['sh', '-c', script], background: true });
  assert.equal(structuredContent.status, 'working');
  return structuredContent.job_id;
};
const keptRun = async (client) => (await client.call('run', { command: ['sh', '-c', 'seq 1 9999; seq 1 9999 >&2'] })).structuredContent;
const assertCovered = (offered, cases) => assert.deepEqual([...offered].sort(), Object.keys(cases).sort());

const tools = {
  // Its progress must come while it runs: it waits for what is written then.
  run: async (client, place) => {
    const code = 'echo hello; until [ -e heard ]; do sleep 0.02; done; echo bye';
    const onprogress = () => fs.writeFileSync(path.join(place.work, 'heard'), '');
    const result = await client.call('run', { language: 'bash', code, workspace: place.work }, { onprogress });
    assert.equal(result.structuredContent.stdout, 'hello\nbye\n');
  },
  profile_list: async (client) => {
    assert.ok((await client.call('profile_list')).structuredContent.profiles.some((p) => p.name === 'small'));
  },
  policy_explain: async (client) => {
    const { structuredContent, content } = await client.call('policy_explain', { tool: 'run', arguments: { command: ['ls'] } });
    assert.equal(structuredContent.decision.effect, 'allow');
    assert.match(content[0].text, /`run-private`/);
  },
  job_status: async (client) => {
    const job_id = await background(client, 'exit 3');
    const { structuredContent } = await client.call('job_status', { job_id, wait_ms: 30000 });
    assert.equal(structuredContent.status, 'completed');
    assert.equal(structuredContent.result.exit_code, 3);
  },
  job_output: async (client) => {
    const job_id = await background(client, 'echo written');
    await client.call('job_status', { job_id, wait_ms: 30000 });
    assert.match((await client.call('job_output', { job_id })).content[0].text, /written/);
  },
  job_cancel: async (client) => {
    const marker = uniqueSleep();
    const job_id = await background(client, `exec sleep ${marker}`);
    await until(() => processesWith(marker).length > 0, 'the job runs');
    assert.equal((await client.call('job_cancel', { job_id })).structuredContent.status, 'cancelled');
    assert.deepEqual(processesWith(marker), []);
  },
};

// Values of the variables in the templates, and what a read must show.
const templates = {
  'casemate://docs/{page}': () => ['tools', /^# /],
  'casemate://profiles/{name}': () => ['small', /"name": ?"small"/],
  'casemate://audit/{seq}': (run) => [run.audit_seq, new RegExp(`"seq": ?${run.audit_seq}\\b`)],
  'casemate://runs/{id}/stdout': (run) => [run.run_id, /^1\n[^]*\n9999\n$/],
  'casemate://runs/{id}/stderr': (run) => [run.run_id, /^1\n[^]*\n9999\n$/],
  'casemate://runs/{id}/result': (run) => [run.run_id, /"exit_code": ?0/],
};
const prompts = {
  run_and_explain: [{ command: 'ls' }, { code: 'print(1)', language: 'python', profile: 'small' }],
  fix_failing_command: [{ command: 'make test' }, (run) => ({ command: 'false', run_id: run.run_id })],
};
// One of the candidates for each argument of a prompt and variable of a template; undefined: none.
const candidates = {
  'run_and_explain command': () => undefined,
  'run_and_explain code': () => undefined,
  'run_and_explain language': () => 'python',
  'run_and_explain profile': () => 'small',
  'fix_failing_command command': () => undefined,
  'fix_failing_command workspace': (run, place) => place.work,
  'fix_failing_command profile': () => 'small',
  'fix_failing_command run_id': (run) => run.run_id,
  'casemate://docs/{page} page': () => 'tools',
  'casemate://profiles/{name} name': () => 'small',
  'casemate://audit/{seq} seq': (run) => String(run.audit_seq),
  'casemate://runs/{id}/stdout id': (run) => run.run_id,
  'casemate://runs/{id}/stderr id': (run) => run.run_id,
  'casemate://runs/{id}/result id': (run) => run.run_id,
};

for (const connection of connections) {
  const name = named(connection);

  test(`every tool: ${name}`, async (t) => {
    const place = scratch(t);
    const client = await connect(place, connection, casemate);
    const offered = (await client.listTools()).tools.map((tool) => tool.name);
    assertCovered(offered, tools);
    await Promise.all(offered.map((tool) => tools[tool](client, place)));
    const wrong = await client.call('run', { command: 'ls' });
    assert.equal(wrong.isError, true);
    await assert.rejects(client.call('no_such_tool'), { code: -32602 });
  });

  test(`every resource and template: ${name}`, async (t) => {
    const client = await connect(scratch(t), connection, casemate);
    const run = await keptRun(client);
    const { resources } = await client.listResources();
    assert.ok(resources.length > 8);
    for (const { uri, mimeType } of resources) {
      const [content] = (await client.readResource({ uri })).contents;
      assert.deepEqual([content.uri, content.mimeType, content.text.length > 0], [uri, mimeType, true]);
    }
    const { resourceTemplates } = await client.listResourceTemplates();
    assertCovered(resourceTemplates.map((template) => template.uriTemplate), templates);
    for (const { uriTemplate } of resourceTemplates) {
      const [value, shows] = templates[uriTemplate](run);
      const [content] = (await client.readResource({ uri: uriTemplate.replace(/\{\w+\}/, value) })).contents;
      assert.match(content.text, shows, uriTemplate);
    }
    await assert.rejects(client.readResource({ uri: 'casemate://docs/none' }), /`none`/);
  });

  test(`every prompt: ${name}`, async (t) => {
    const client = await connect(scratch(t), connection, casemate);
    const run = await keptRun(client);
    const offered = (await client.listPrompts()).prompts.map((prompt) => prompt.name);
    assertCovered(offered, prompts);
    for (const prompt of offered) {
      for (const given of prompts[prompt]) {
        const { messages } = await client.getPrompt({ name: prompt, arguments: given instanceof Function ? given(run) : given });
        assert.equal(messages[0].role, 'user');
        assert.ok(messages.some((m) => m.content.type === 'text' && m.content.text.length > 0));
      }
    }
    await assert.rejects(client.getPrompt({ name: 'fix_failing_command', arguments: {} }), { code: -32602 });
  });

  test(`every completion: ${name}`, async (t) => {
    const place = scratch(t);
    const client = await connect(place, connection, casemate);
    const run = await keptRun(client);
    const offered = [
      ...(await client.listPrompts()).prompts.flatMap((prompt) => prompt.arguments.map((a) => [{ type: 'ref/prompt', name: prompt.name }, a.name])),
      ...(await client.listResourceTemplates()).resourceTemplates.flatMap(({ uriTemplate }) => [...uriTemplate.matchAll(/\{(\w+)\}/g)].map(([, variable]) => [{ type: 'ref/resource', uri: uriTemplate }, variable])),
    ];
    const keyOf = ([ref, argument]) => `${ref.name ?? ref.uri} ${argument}`;
    assertCovered(offered.map(keyOf), candidates);
    for (const [ref, argument] of offered) {
      const expected = candidates[keyOf([ref, argument])](run, place);
      const { completion } = await client.complete({ ref, argument: { name: argument, value: expected?.slice(0, 1) ?? '' } });
      if (expected === undefined) assert.deepEqual(completion.values, []);
      else assert.ok(completion.values.includes(expected), `${keyOf([ref, argument])}: ${completion.values}`);
    }
  });

  test(`a cancelled call leaves nothing: ${name}`, async (t) => {
    const client = await connect(scratch(t), connection, casemate);
    const marker = uniqueSleep();
    const abort = new AbortController();
    const command = ['sh', '-c', `echo started; sleep ${marker} & wait`];
    const call = client.call('run', { command }, { signal: abort.signal, onprogress: () => abort.abort() });
    await assert.rejects(call);
    await until(() => processesWith(marker).length === 0, 'the sleeper is gone');
    assert.equal((await client.call('run', { command: ['echo', 'x'] })).structuredContent.stdout, 'x\n');
  });

  test(`a run whose output is kept is news to who watches: ${name}`, async (t) => {
    const news = Promise.withResolvers();
    const prepare = (client) => client.notice('notifications/resources/list_changed', news.resolve);
    const client = await connect(scratch(t), connection, casemate, { prepare });
    await client.watch();
    const { run_id } = await keptRun(client);
    await news.promise;
    const { resources } = await client.listResources({}, { cacheMode: 'refresh' });
    assert.ok(resources.some((r) => r.uri === `casemate://runs/${run_id}/stdout`), JSON.stringify(resources.map((r) => r.uri)));
  });
}
