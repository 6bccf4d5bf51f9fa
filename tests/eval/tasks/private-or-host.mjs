// What a private workspace holds is gone with the call; a host workspace keeps it.
import assert from 'node:assert/strict';
import fs from 'node:fs';

export async function run(agent) {
  await agent.fine({ command: ['bash', '-c', 'echo result > out.txt'] });
  const gone = await agent.fine({ command: ['cat', 'out.txt'] });
  gone.find(/No such file/);
  assert.deepEqual(fs.readdirSync(agent.work), []);
  await agent.fine({ command: ['bash', '-c', 'echo result > out.txt'], workspace: agent.work });
  const kept = await agent.fine({ command: ['cat', 'out.txt'], workspace: agent.work });
  kept.find(/^result$/m);
  assert.equal(fs.readFileSync(`${agent.work}/out.txt`, 'utf8'), 'result\n');
}
