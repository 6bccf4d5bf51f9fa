// A long job goes on in the background: looked at on the way, then waited for.
import assert from 'node:assert/strict';
import fs from 'node:fs';

export async function run(agent) {
  const script = 'echo step 1; until [ -e go ]; do sleep 0.02; done; echo step 2 > done.txt; echo step 2';
  const started = await agent.fine({ command: ['bash', '-c', script], workspace: agent.work, background: true });
  const job_id = started.find(/as job (\w{26})/);
  await agent.until('job_output', { job_id }, /step 1/);
  const working = await agent.call('job_status', { job_id });
  working.find(/: working/);
  fs.writeFileSync(`${agent.work}/go`, ''); // what the job waits for
  const done = await agent.until('job_status', { job_id, wait_ms: 20000 }, /: completed/);
  done.find(/exit code: 0/);
  done.find(/^step 2$/m);
  assert.equal(fs.readFileSync(`${agent.work}/done.txt`, 'utf8'), 'step 2\n');
}
