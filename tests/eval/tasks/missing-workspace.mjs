// A directory that does not exist yet is made from the one above it; a relative path is made absolute.
import assert from 'node:assert/strict';
import fs from 'node:fs';

export async function run(agent) {
  const relative = await agent.error('invalid_arguments', { command: ['true'], workspace: 'build' });
  relative.advice(/Absolute host directory/);
  const workspace = `${agent.work}/build`;
  const missing = await agent.error('invalid_arguments', { command: ['touch', 'made'], workspace });
  missing.advice(/mkdir in the one above it/);
  await agent.fine({ command: ['mkdir', 'build'], workspace: agent.work });
  await agent.fine({ command: ['touch', 'made'], workspace });
  assert.deepEqual(fs.readdirSync(workspace), ['made']);
}
