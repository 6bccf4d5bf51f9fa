// All of a cut output by job_output, for a host whose models cannot read resources.
import assert from 'node:assert/strict';

export async function run(agent) {
  const long = await agent.fine({ command: ['seq', '1', '2500'] });
  const job_id = long.advice(/job_output with job_id (\w+)/);
  let text = '';
  for (let offset = 0; ; ) {
    const part = await agent.call('job_output', { job_id, offset });
    text += part.find(/^job .*:\n([^]*)/);
    if (!part.says(/^job .* go on with offset \d+:/)) break;
    offset = Number(part.find(/go on with offset (\d+)/));
  }
  assert.equal(text.split('\n').filter(Boolean).length, 2500);
}
