// A golden transcript (tests/protocol/README.md): its lines, played over any connection that can
// send, sendRaw, waitFor, and end.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

export const folder = path.resolve(import.meta.dirname, '../../protocol');
const transports = ['stdio', 'http'];

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

// The steps of one transport, each with where it stands in the file.
export function stepsOf(edition, transport) {
  const lines = fs.readFileSync(path.join(folder, `${edition}.jsonl`), 'utf8').trim().split('\n');
  return lines.map((text, i) => ({ where: `line ${i + 1} of ${edition}: ${text}`, ...JSON.parse(text) })).filter((step) => {
    const { where, on, ...rest } = step;
    assert.ok(on === undefined || transports.includes(on), where);
    assert.ok(['send', 'send_raw', 'expect'].includes(Object.keys(rest).join()), `no step: ${where}`);
    return on === undefined || on === transport;
  });
}

// How many answers a step makes the server owe; -1 takes one back. What is sent raw is never in order.
function owedFor(step, asked) {
  if ('send_raw' in step) return 1;
  if (!step.send) return 0;
  const parts = [step.send].flat();
  for (const { id } of parts) if (id !== undefined) asked.add(id);
  const cancelled = parts.filter((p) => p.method === 'notifications/cancelled' && asked.has(p.params.requestId));
  return parts.filter((p) => p.id !== undefined || p.method === undefined).length - cancelled.length;
}

export async function play(steps, connection) {
  const asked = new Set();
  const owed = steps.reduce((sum, step) => sum + owedFor(step, asked), 0);
  assert.equal(steps.filter((s) => s.expect && !s.expect.method).length, owed, 'every answer needs a line that expects it');
  const matched = new Set();
  for (const step of steps) {
    if (step.send) {
      await connection.send(step.send);
    } else if ('send_raw' in step) {
      await connection.sendRaw(`${step.send_raw}\n`);
    } else {
      // An answer that does not fit would be waited for in vain: say so when the id is there.
      const fits = (m) => contains(m, step.expect) || (m.id !== undefined && m.id === step.expect.id);
      const found = await connection.waitFor((m) => !matched.has(m) && fits(m), step.where);
      assert.ok(contains(found, step.expect), `${step.where}, got ${JSON.stringify(found)}`);
      matched.add(found);
    }
  }
  await connection.end();
  const unexpected = connection.messages.filter((m) => !matched.has(m) && m.method === undefined);
  assert.deepEqual(unexpected, [], 'answers that no line expects');
  assert.equal(connection.conversation.check(), connection.messages.length);
}
