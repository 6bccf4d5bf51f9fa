// Stopped by the clock: what was written until then is there, and the most that can be asked for.
import assert from 'node:assert/strict';

export async function run(agent) {
  const call = { command: ['bash', '-c', 'echo begin; sleep 1.2; echo end'] };
  const late = await agent.error('timed_out', { ...call, timeout_ms: 600 });
  late.find(/^begin$/m);
  const most = Number(late.advice(/raise timeout_ms \(policy grants up to (\d+)\)/));
  const over = await agent.error('invalid_arguments', { ...call, timeout_ms: most + 1 });
  assert.equal(Number(over.advice(/use (\d+) or less/)), most);
  (await agent.fine({ ...call, timeout_ms: Math.min(most, 20000) })).find(/^end$/m);
}
