// Tools that ask the person at the client, with the official clients over both transports: accepted,
// declined, more than one question, a client that cannot ask, and a call that is cancelled while its
// question stands. No tool of casemate asks yet; the server is the one with the suite's fixtures, on
// the same library.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scratch } from './lib/casemate.mjs';
import { connect, connections, fixtures, named } from './lib/clients.mjs';

const textOf = (result) => result.content.map((c) => c.text).join('');
const capabilities = { elicitation: { form: {} }, sampling: {}, roots: {} };

// A client whose person answers forms with `answer`; the forms they saw are in `seen`.
async function asked(t, connection, answer) {
  const seen = [];
  const prepare = (client) => {
    client.handle('elicitation/create', (params) => {
      seen.push(params);
      return answer(params);
    });
    client.handle('sampling/createMessage', () => ({ role: 'assistant', model: 'none', content: { type: 'text', text: 'Paris' } }));
    client.handle('roots/list', () => ({ roots: [{ uri: 'file:///srv', name: 'srv' }] }));
  };
  return { client: await connect(scratch(t), connection, fixtures, { capabilities, prepare }), seen };
}
// Fills each field of a form.
const values = { string: 'Ada', integer: 1, number: 1.5, boolean: true };
const valueOf = (field) => {
  if (field.type === 'array') return [valueOf({ type: 'string', ...field.items, oneOf: field.items.anyOf })];
  return field.enum?.[0] ?? field.oneOf?.[0].const ?? values[field.type];
};
const fillIn = ({ requestedSchema }) => ({
  action: 'accept',
  content: Object.fromEntries(Object.entries(requestedSchema.properties).map(([name, field]) => [name, valueOf(field)])),
});

// What each tool that asks says once it was answered, and how many forms it showed.
const tools = {
  test_elicitation: [/^User response: .*"response": ?"Ada"/, 1],
  test_elicitation_sep1034_defaults: [/^Elicitation completed: .*"age": ?1\b/, 1],
  test_elicitation_sep1330_enums: [/^Elicitation completed: .*"titledMulti": ?\["value1"\]/, 1],
  test_sampling: [/^LLM response: .*Paris/, 0],
  test_missing_capability: [/^sampled .*Paris/, 0],
  test_input_required_result_elicitation: [/^Hello, Ada$/, 1],
  test_input_required_result_sampling: [/^Model said: .*Paris/, 0],
  test_input_required_result_list_roots: [/^Roots: .*file:\/\/\/srv/, 0],
  test_input_required_result_request_state: [/^state-ok .*"accept"/, 1],
  test_input_required_result_multiple_inputs: [/^all answered$/, 1],
  test_input_required_result_multi_round: [/^both rounds: .*"step1".*"step2"/, 2],
  test_input_required_result_tampered_state: [/^untampered .*"accept"/, 1],
  test_input_required_result_capabilities: [/^asked what the client can answer$/, 1],
};

for (const connection of connections) {
  const name = named(connection);

  test(`every tool that asks is answered: ${name}`, async (t) => {
    const { client, seen } = await asked(t, connection, fillIn);
    const asking = (await client.listTools()).tools.filter((tool) => tool.description === 'Asks the client').map((tool) => tool.name);
    assert.deepEqual(asking.sort(), Object.keys(tools).sort());
    for (const tool of asking) {
      const before = seen.length;
      const result = await client.call(tool, tool === 'test_elicitation' ? { message: 'Who?' } : {});
      assert.ok(!result.isError, `${tool}: ${textOf(result)}`);
      const [says, forms] = tools[tool];
      assert.match(textOf(result), says, tool);
      assert.equal(seen.length - before, forms, tool);
    }
    assert.ok(seen.some((params) => params.message === 'Who?'));
  });

  test(`a person who declines, or looks away: ${name}`, async (t) => {
    for (const action of ['decline', 'cancel']) {
      const { client, seen } = await asked(t, connection, () => ({ action }));
      const result = await client.call('test_elicitation', { message: 'Who?' });
      assert.match(textOf(result), new RegExp(`^User response: .*"${action}"`));
      assert.equal(textOf(await client.call('test_input_required_result_elicitation')), 'Hello, nobody');
      assert.equal(seen.length, 2);
    }
  });

  test(`a prompt that asks: ${name}`, async (t) => {
    const { client } = await asked(t, connection, fillIn);
    const { messages } = await client.getPrompt({ name: 'test_input_required_result_prompt' });
    assert.equal(messages[0].content.text, 'Context: Ada');
  });

  test(`a client that cannot ask is told so: ${name}`, async (t) => {
    const client = await connect(scratch(t), connection, fixtures);
    const call = client.call('test_elicitation', { message: 'Who?' });
    if (connection.edition === '2026-07-28') {
      await assert.rejects(call, { code: -32021 });
    } else {
      const result = await call;
      assert.equal(result.isError, true);
      assert.equal(result.structuredContent.error.kind, 'unsupported_by_client');
    }
    assert.match(textOf(await client.call('test_simple_text')), /text/);
  });

  test(`a call is cancelled while its question stands: ${name}`, async (t) => {
    const abort = new AbortController();
    let asks = 0;
    const { client } = await asked(t, connection, (params) => {
      if (++asks > 1) return fillIn(params);
      abort.abort();
      // In 2026-07-28 no call stands meanwhile: the client is about to make it anew, and does not.
      return connection.edition === '2026-07-28' ? { action: 'cancel' } : new Promise(() => {});
    });
    await assert.rejects(client.call('test_elicitation', { message: 'Who?' }, { signal: abort.signal }));
    assert.match(textOf(await client.call('test_elicitation', { message: 'Who?' })), /"Ada"/);
  });
}
