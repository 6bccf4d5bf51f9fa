// A test fails in the user's project; the script is corrected until it passes.
import assert from 'node:assert/strict';
import fs from 'node:fs';

export const files = {
  'stats.py': 'def mean(xs):\n    return sum(xs) // len(xs)\n',
  'test_stats.py': 'from stats import mean\ngot = mean([1, 2])\nassert got == 1.5, f"mean([1, 2]) is {got}, not 1.5"\nprint("passed")\n',
};

export async function run(agent) {
  const test = { command: ['python3', 'test_stats.py'], workspace: agent.work, env: { PYTHONDONTWRITEBYTECODE: '1' } };
  const failing = await agent.fine(test);
  assert.equal(failing.find(/exit code: (\d+)/), '1');
  assert.equal(failing.find(/AssertionError: mean\(\[1, 2\]\) is (\S+), not 1\.5/), '1');
  const source = await agent.fine({ command: ['cat', 'stats.py'], workspace: agent.work });
  const content = source.find(/stdout:\n([^]*)/).trimEnd().replace('//', '/');
  const passing = await agent.fine({ ...test, files: [{ path: 'stats.py', content: `${content}\n` }] });
  passing.find(/exit code: 0/);
  assert.match(fs.readFileSync(`${agent.work}/stats.py`, 'utf8'), /sum\(xs\) \/ len/);
}
