// Code without its language, then with a command besides.
export async function run(agent) {
  const missing = await agent.error('invalid_arguments', { code: 'print("hello")' });
  const added = JSON.parse(`{${missing.advice(/add `language`, for instance ("language": "\w+")/)}}`);
  const both = await agent.error('invalid_arguments', { code: 'print("hello")', ...added, command: ['true'] });
  both.advice(/leave one of them out/);
  (await agent.fine({ code: 'print("hello")', ...added })).find(/^hello$/m);
}
