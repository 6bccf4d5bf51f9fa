// A program that is not there: the nearest name, or another way.
export async function run(agent) {
  const typo = await agent.error('exec_failed', { command: ['pythn3', '-c', 'print(42)'] });
  const program = typo.advice(/did you mean `([^`]+)`/);
  (await agent.fine({ command: [program, '-c', 'print(42)'] })).find(/^42$/m);
  const none = await agent.error('exec_failed', { command: ['no-such-tool-at-all', 'x'] });
  none.advice(/call it as (\.\/name)/);
  const own = { path: 'tool', content: '#!/bin/sh\necho "own tool: $1"\n' };
  (await agent.fine({ command: ['./tool', 'x'], files: [own] })).find(/^own tool: x$/m);
}
