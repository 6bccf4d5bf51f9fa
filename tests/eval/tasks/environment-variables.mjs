// Nothing of the host's environment is there; what the call passes is; a bad name is told.
import assert from 'node:assert/strict';

export async function run(agent) {
  const command = ['bash', '-c', 'echo "mode=$MODE state=${CASEMATE_STATE_DIR-unset}"'];
  (await agent.fine({ command })).find(/^mode= state=unset$/m);
  const bad = await agent.error('invalid_arguments', { command, env: { 'my-mode': 'fast' } });
  bad.advice(/rename the variable/);
  const reply = await agent.fine({ command, env: { MODE: 'fast' } });
  assert.equal(reply.find(/^mode=(\w+)/m), 'fast');
}
