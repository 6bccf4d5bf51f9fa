// Too little memory for the whole: with what policy grants it goes, and so it does in pieces.
import assert from 'node:assert/strict';

export const needs = 'memory';

const whole = 'data = bytearray(b"ab" * (60 << 20))\nprint(data.count(b"a"))\n';
const pieces = 'n = 0\nfor _ in range(60):\n    n += (b"ab" * (1 << 20)).count(b"a")\nprint(n)\n';

export async function run(agent) {
  const small = { memory_mb: 64 };
  const killed = await agent.error('oom_killed', { code: whole, language: 'python', limits: small });
  const most = Number(killed.advice(/raise limits\.memory_mb \(policy grants up to (\d+)\)/));
  const raised = await agent.fine({ code: whole, language: 'python', limits: { memory_mb: Math.min(most, 1024) } });
  assert.equal(raised.find(/^(\d+)$/m), '62914560');
  killed.advice(/in smaller pieces/);
  const split = await agent.fine({ code: pieces, language: 'python', limits: small });
  assert.equal(split.find(/^(\d+)$/m), '62914560');
}
