// A job in the background turns out to be endless.
import assert from 'node:assert/strict';

export async function run(agent) {
  const started = await agent.fine({ command: ['bash', '-c', 'echo begin; while :; do sleep 0.05; done'], background: true });
  const job_id = started.find(/as job (\w{26})/);
  started.find(/job_cancel stops it/);
  await agent.until('job_output', { job_id }, /begin/);
  const cancelled = await agent.call('job_cancel', { job_id });
  cancelled.find(/: cancelled/);
  const after = await agent.call('job_status', { job_id });
  after.find(/: cancelled/);
  const output = await agent.call('job_output', { job_id });
  assert.equal(output.find(/:\n(\w+)/), 'begin');
}
