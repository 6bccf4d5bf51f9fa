// A look at a project with `inspect`; writing there needs another profile, as the note says.
import assert from 'node:assert/strict';
import fs from 'node:fs';

export const files = { 'a.txt': 'kept\n' };

export async function run(agent) {
  const call = { command: ['bash', '-c', 'sed -i s/kept/changed/ a.txt && cat a.txt'], workspace: agent.work };
  const refused = await agent.fine({ ...call, profile: 'inspect' });
  const profile = refused.advice(/use profile `(\w+)` to write to a copy/);
  const files_refused = await agent.error('invalid_arguments', { ...call, profile: 'inspect', files: [{ path: 'b', content: '' }] });
  assert.equal(files_refused.advice(/use profile `(\w+)`/), profile);
  (await agent.fine({ ...call, profile })).find(/^changed$/m);
  assert.equal(fs.readFileSync(`${agent.work}/a.txt`, 'utf8'), 'kept\n');
  await agent.fine({ ...call, profile: refused.advice(/`(\w+)` to write where policy allows/) });
  assert.equal(fs.readFileSync(`${agent.work}/a.txt`, 'utf8'), 'changed\n');
}
