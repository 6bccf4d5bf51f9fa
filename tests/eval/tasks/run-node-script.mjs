// A snippet for Node, where the host has it; the refusal says what to install otherwise.
import assert from 'node:assert/strict';

import { Skipped } from '../agent.mjs';

export async function run(agent) {
  const reply = await agent.run({ code: 'console.log([3, 1, 2].sort().join("-"), await 42)', language: 'javascript' });
  if (reply.isError) throw new Skipped(`no Node for the sandbox; the text says: ${reply.advice(/apt-get install nodejs/)}`);
  assert.equal(reply.find(/^(1-2-3 \d+)$/m), '1-2-3 42');
}
