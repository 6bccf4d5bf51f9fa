// A profiler names the slow function of a program; a better one gives the same answer.
import assert from 'node:assert/strict';
import fs from 'node:fs';

export const files = {
  'app.py':
    'from parts import load, unique, show\nshow(unique(load()))\n',
  'parts.py':
    'def load():\n    return [i % 1500 for i in range(6000)]\n\n' +
    'def unique(xs):\n    seen = []\n    for x in xs:\n        if x not in seen:\n            seen.append(x)\n    return seen\n\n' +
    'def show(xs):\n    print(len(xs), sum(xs))\n',
};

export async function run(agent) {
  const env = { PYTHONDONTWRITEBYTECODE: '1' };
  // The program's own line and the first row of the table: the order of the rest is chance.
  const first = "python3 -m cProfile -s tottime app.py | sed -n '1p;/tottime/{N;p}'";
  const profile = await agent.fine({ command: ['bash', '-c', first], workspace: agent.work, env });
  const answer = profile.find(/^(\d+ \d+)$/m);
  const slow = profile.find(/tottime.*\n.*\((\w+)\)/);
  assert.equal(slow, 'unique');
  const better = `import re\ns = open("parts.py").read()\ns = re.sub(r"def ${slow}.*?\\n\\n", "def ${slow}(xs):\\n    return list(dict.fromkeys(xs))\\n\\n", s, flags=re.S)\nopen("parts.py", "w").write(s)\n`;
  await agent.fine({ code: better, language: 'python', workspace: agent.work });
  const again = await agent.fine({ command: ['python3', 'app.py'], workspace: agent.work, env });
  assert.equal(again.find(/^(\d+ \d+)$/m), answer);
  assert.match(fs.readFileSync(`${agent.work}/parts.py`, 'utf8'), /fromkeys/);
}
