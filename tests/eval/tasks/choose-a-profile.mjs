// A build needs more than the everyday limits: the profile for it is found and used.
import assert from 'node:assert/strict';

export async function run(agent) {
  const profiles = await agent.call('profile_list', {});
  const profile = profiles.find(/^(\w+): .*test suites/m);
  assert.equal(profile, 'build');
  const wrong = await agent.error('invalid_arguments', { command: ['true'], profile: 'biuld' });
  assert.equal(wrong.advice(/use `(\w+)` as `profile`/), profile);
  const code = '#include <numeric>\n#include <vector>\n#include <cstdio>\nint main() {\n  std::vector<int> v(1000);\n  std::iota(v.begin(), v.end(), 1);\n  std::printf("%d\\n", std::accumulate(v.begin(), v.end(), 0));\n}\n';
  (await agent.fine({ code, language: 'cpp', profile })).find(/^500500$/m);
}
