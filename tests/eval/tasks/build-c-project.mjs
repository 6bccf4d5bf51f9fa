// A small C project does not compile; it is corrected, built and tested in the user's directory.
import assert from 'node:assert/strict';
import fs from 'node:fs';

export const files = {
  'vec.h': 'int vec_sum(const int* xs, int n);\n',
  'vec.c': '#include "vec.h"\nint vec_sum(const int* xs, int n) {\n  int sum = 0;\n  for (int i = 0; i < n; ++i) sum += xs[i]\n  return sum;\n}\n',
  'test.c': '#include <assert.h>\n#include <stdio.h>\n#include "vec.h"\nint main(void) {\n  int xs[] = {1, 2, 3};\n  assert(vec_sum(xs, 3) == 6);\n  puts("all passed");\n}\n',
};

export async function run(agent) {
  const build = { command: ['bash', '-c', 'gcc -Wall -o test vec.c test.c && ./test'], workspace: agent.work, profile: 'build' };
  const broken = await agent.fine(build);
  assert.notEqual(broken.find(/exit code: (\d+)/), '0');
  const line = Number(broken.find(/vec\.c:(\d+):\d+: error: expected ‘;’|vec\.c:(\d+):/));
  const fixed = files['vec.c'].split('\n').map((text, i) => (i + 1 === line ? `${text};` : text)).join('\n');
  const built = await agent.fine({ ...build, files: [{ path: 'vec.c', content: fixed }] });
  built.find(/all passed/);
  assert.ok(fs.existsSync(`${agent.work}/test`));
}
