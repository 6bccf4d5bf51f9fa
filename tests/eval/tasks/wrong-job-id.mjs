// An id that is none, then one that nobody knows: the answer says where ids come from.
import assert from 'node:assert/strict';

export async function run(agent) {
  const bad = await agent.error('invalid_arguments', { job_id: 'job-1' }, 'job_status');
  bad.advice(/job_id or run_id that `run` returned/);
  const unknown = await agent.error('not_found', { job_id: 'a'.repeat(26) }, 'job_output');
  unknown.advice(/`run`/);
  const started = await agent.fine({ command: ['echo', 'hello'], background: true });
  const job_id = started.find(/as job (\w{26})/);
  const done = await agent.until('job_status', { job_id, wait_ms: 20000 }, /: completed/);
  assert.equal(done.find(/^(hello)$/m), 'hello');
}
