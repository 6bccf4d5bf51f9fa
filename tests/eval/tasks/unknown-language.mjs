// A language by another name, then one that is not offered at all.
import assert from 'node:assert/strict';

export async function run(agent) {
  const near = await agent.error('invalid_arguments', { code: 'print(6 * 7)', language: 'python3' });
  const language = near.advice(/use `(\w+)` as `language`/);
  (await agent.fine({ code: 'print(6 * 7)', language })).find(/^42$/m);
  const none = await agent.error('invalid_arguments', { code: 'puts 6 * 7', language: 'ruby' });
  const offered = none.advice(/use one of (.*) as `language`/).split(', ');
  assert.ok(offered.includes('bash'));
  (await agent.fine({ code: 'echo $((6 * 7))', language: 'bash' })).find(/^42$/m);
}
