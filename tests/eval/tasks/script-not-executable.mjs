// A script without #! cannot be started: through its interpreter it can.
export async function run(agent) {
  const files = [{ path: 'build.sh', content: 'echo built\n' }];
  const refused = await agent.error('exec_failed', { command: ['./build.sh'], files });
  const [interpreter] = JSON.parse(refused.advice(/through its interpreter, such as (\[.*?\])/));
  (await agent.fine({ command: [interpreter, 'build.sh'], files })).find(/^built$/m);
}
