// More memory than policy grants: the error says how much it does.
import assert from 'node:assert/strict';

export async function run(agent) {
  const command = ['echo', 'ran'];
  const over = await agent.error('invalid_arguments', { command, limits: { memory_mb: 64000 } });
  const most = Number(over.advice(/use (\d+) or less/));
  over.advice(/only your user can raise it/);
  (await agent.fine({ command, limits: { memory_mb: most } })).find(/^ran$/m);
  const wrong = await agent.error('invalid_arguments', { command, network: 'host' });
  assert.equal(wrong.advice(/use (\w+) as `network`/), 'none');
}
