// The golden conversations of tests/protocol over the real binary, every message validated.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { modernMeta, scratch, Server } from './lib/casemate.mjs';
import { compileToolSchema, EditionSchema } from './lib/schema.mjs';

const folder = path.resolve(import.meta.dirname, '../protocol');
const editions = fs.readdirSync(folder).filter((f) => f.endsWith('.jsonl')).map((f) => f.slice(0, -6));

function contains(message, part) {
  if (part !== null && typeof part === 'object') {
    if (Array.isArray(part)) {
      return Array.isArray(message) && message.length === part.length && part.every((p, i) => contains(message[i], p));
    }
    if (message === null || typeof message !== 'object') return false;
    return Object.entries(part).every(([key, value]) =>
      value?.$absent ? !(key in message) : key in message && contains(message[key], value),
    );
  }
  return message === part;
}

for (const edition of editions) {
  test(`golden conversation of ${edition}`, async (t) => {
    const server = Server.start(t, scratch(t));
    const matched = new Set();
    const methodOf = new Map();
    const steps = fs.readFileSync(path.join(folder, `${edition}.jsonl`), 'utf8').trim().split('\n');
    for (const [number, text] of steps.entries()) {
      const step = JSON.parse(text);
      if (step.send) {
        if ('id' in step.send && !methodOf.has(step.send.id)) methodOf.set(step.send.id, step.send.method);
        server.send(step.send);
      } else if (step.send_raw) {
        server.sendRaw(`${step.send_raw}\n`);
      } else {
        // An answer that does not fit would be waited for in vain: say so when the id is there.
        const found = await server.waitFor(
          (m) => !matched.has(m) && (contains(m, step.expect) || (m.id !== undefined && m.id === step.expect.id && 'id' in step.expect)),
          `line ${number + 1} of ${edition}: ${text}`,
        );
        assert.ok(contains(found, step.expect), `line ${number + 1}: expected ${text}, got ${JSON.stringify(found)}`);
        matched.add(found);
      }
    }
    server.child.stdin.end();
    assert.equal((await server.exited).code, 0);
    const schema = new EditionSchema(edition);
    const legacySchema = new EditionSchema('2025-11-25');
    for (const message of server.messages) {
      const isLegacy = edition === '2026-07-28' && methodOf.get(message.id) === 'initialize' && message.result;
      (isLegacy ? legacySchema : schema).validate(message, methodOf);
    }
  });
}

test("the schemas of the tools are strict 2020-12, and results conform to them", async (t) => {
  const server = Server.start(t, scratch(t));
  const { result } = await server.request('tools/list', { _meta: modernMeta });
  for (const tool of result.tools) {
    assert.match(tool.name, /^[a-z0-9_]{1,30}$/);
    for (const schema of [tool.inputSchema, tool.outputSchema]) {
      assert.equal(schema.type, 'object');
      for (const keyword of ['oneOf', 'anyOf', 'allOf', 'not', 'if']) assert.equal(keyword in schema, false);
      for (const value of Object.values(schema.properties ?? {})) assert.equal(typeof value, 'object');
      compileToolSchema(schema);
    }
  }
  const output = Object.fromEntries(result.tools.map((tool) => [tool.name, compileToolSchema(tool.outputSchema)]));
  const call = async (name, args) => {
    const reply = await server.request('tools/call', { name, arguments: args, _meta: modernMeta });
    const structured = reply.result.structuredContent;
    assert.ok(output[name](structured), JSON.stringify([output[name].errors, structured]));
    return reply.result;
  };
  await call('profile_list', {});
  await call('run', { command: ['echo', 'x'] });
  await call('run', { command: ['sh', '-c', 'kill -SEGV $$'] });
  await call('run', { command: ['sleep', '9'], timeout_ms: 100 });
  await call('run', { command: ['no-such-program'] });
  await call('run', { command: ['ls'], workspace: '/etc' });
  await call('run', { command: 'ls' });
  const text = await call('run', { command: ['printf', '\\033[31mred\\n'] });
  assert.equal(text.content[0].text.includes('\x1b'), false, 'escapes are shown, not obeyed');
});
