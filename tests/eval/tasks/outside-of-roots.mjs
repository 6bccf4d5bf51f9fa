// A directory that the user has not opened: the refusal names one that is.
import assert from 'node:assert/strict';
import fs from 'node:fs';

export const files = { 'app/main.py': 'print("ran in", __import__("os").getcwd())\n' };

export async function run(agent) {
  const refused = await agent.error('refused', { command: ['python3', 'main.py'], workspace: '/etc' });
  const root = refused.advice(/use `([^`]+)` or a directory below it/);
  assert.equal(root, agent.work);
  refused.advice(/leave `workspace` out/);
  refused.advice(/ask your user: add the directory to `workspace_roots`/);
  const inside = await agent.fine({ command: ['python3', 'main.py'], workspace: `${root}/app` });
  inside.find(/ran in \/workspace/);
  assert.deepEqual(fs.readdirSync(`${agent.work}/app`), ['main.py']);
}
