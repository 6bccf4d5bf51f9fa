// Two implementations in two languages, one input: the same answers.
import assert from 'node:assert/strict';

export async function run(agent) {
  const stdin = Array.from({ length: 200 }, (_, i) => `${(i * 7919) % 1009}`).join('\n');
  const python = 'import sys\nxs = sorted(set(map(int, sys.stdin)))\nprint(len(xs), xs[:3], xs[-1])\n';
  const cpp = '#include <iostream>\n#include <set>\nint main() {\n  std::set<int> s;\n  for (int x; std::cin >> x;) s.insert(x);\n  auto i = s.begin();\n  std::cout << s.size() << " [" << *i++ << ", ";\n  std::cout << *i++ << ", ";\n  std::cout << *i << "] " << *s.rbegin() << "\\n";\n}\n';
  const answers = [];
  for (const [language, code] of [['python', python], ['cpp', cpp]]) {
    const reply = await agent.fine({ language, code, stdin });
    answers.push(reply.find(/^(\d+ \[.*\] \d+)$/m));
  }
  assert.equal(answers[0], answers[1]);
}
