// A command line as one string: the error shows the form that runs it.
export async function run(agent) {
  const line = 'echo a b | wc -w';
  const wrong = await agent.error('invalid_arguments', { command: line });
  const form = JSON.parse(wrong.advice(/for a command line use (\[.*?\])/));
  const reply = await agent.fine({ command: form.map((part) => (part === '…' ? line : part)) });
  reply.find(/^2$/m);
}
