// A private workspace is full: the note says of which limit.
import assert from 'node:assert/strict';

export async function run(agent) {
  const call = { command: ['bash', '-c', 'head -c 20000000 /dev/zero > big && stat -c %s big'] };
  const full = await agent.fine({ ...call, limits: { disk_mb: 8 } });
  assert.equal(full.find(/exit code: (\d+)/), '1');
  full.advice(/limits\.disk_mb = 8/);
  const most = Number(full.advice(/policy grants up to (\d+)/));
  const reply = await agent.fine({ ...call, limits: { disk_mb: Math.min(most, 64) } });
  assert.equal(reply.find(/^(\d+)$/m), '20000000');
}
