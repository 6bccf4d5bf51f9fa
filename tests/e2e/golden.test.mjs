// The golden conversations of tests/protocol over the real binary, every message validated.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { scratch } from './lib/casemate.mjs';
import { editions } from './lib/schema.mjs';
import { Server } from './lib/server.mjs';

const folder = path.resolve(import.meta.dirname, '../protocol');

function contains(message, part) {
  if (part === null || typeof part !== 'object') return message === part;
  if (Array.isArray(part)) {
    return Array.isArray(message) && message.length === part.length && part.every((p, i) => contains(message[i], p));
  }
  if (message === null || typeof message !== 'object') return false;
  return Object.entries(part).every(([key, value]) =>
    value?.$absent ? !(key in message) : key in message && contains(message[key], value),
  );
}

test('there is one conversation for each edition', () => {
  const files = fs.readdirSync(folder).filter((file) => file.endsWith('.jsonl'));
  assert.deepEqual(files.sort(), editions.map((edition) => `${edition}.jsonl`));
});

for (const edition of editions) {
  test(`golden conversation of ${edition}`, async (t) => {
    const server = Server.start(scratch(t));
    const matched = new Set();
    const steps = fs.readFileSync(path.join(folder, `${edition}.jsonl`), 'utf8').trim().split('\n');
    for (const [number, text] of steps.entries()) {
      const step = JSON.parse(text);
      if (step.send) {
        server.send(step.send);
      } else if ('send_raw' in step) {
        server.sendRaw(`${step.send_raw}\n`);
      } else if (step.expect) {
        // An answer that does not fit would be waited for in vain: say so when the id is there.
        const found = await server.waitFor(
          (m) => !matched.has(m) && (contains(m, step.expect) || (m.id !== undefined && m.id === step.expect.id && 'id' in step.expect)),
          `line ${number + 1} of ${edition}: ${text}`,
        );
        assert.ok(contains(found, step.expect), `line ${number + 1}: expected ${text}, got ${JSON.stringify(found)}`);
        matched.add(found);
      } else {
        assert.fail(`line ${number + 1} of ${edition} is no step: ${text}`);
      }
    }
    server.child.stdin.end();
    assert.deepEqual(await server.closed, { code: 0, signal: null });
    assert.deepEqual(server.messages.filter((m) => !matched.has(m) && m.method === undefined), [], 'answers that no line expects');
    assert.equal(server.conversation.check(), server.messages.length);
  });
}
