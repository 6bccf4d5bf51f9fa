// Names as other tools have them: each error says the right one, and the call is mended by that.
import assert from 'node:assert/strict';

export async function run(agent) {
  let args = { comand: ['sleep', '0'], timeout: 5000, memory_mb: 64 };
  for (let tries = 0; tries < 4; ++tries) {
    const reply = await agent.run(args);
    if (!reply.isError) {
      reply.find(/exit code: 0/);
      assert.deepEqual(args, { command: ['sleep', '0'], timeout_ms: 5000, limits: { memory_mb: 64 } });
      return;
    }
    const renamed = [...reply.text.matchAll(/unknown member `(\w+)`; did you mean `([\w.]+)`/g)];
    assert.ok(renamed.length > 0, reply.text);
    reply.advice(/rename `\w+` to `\w+`|move `\w+` into `\w+`/);
    for (const [, from, to] of renamed) {
      const [outer, inner] = to.split('.');
      args[outer] = inner ? { ...args[outer], [inner]: args[from] } : args[from];
      delete args[from];
    }
  }
  assert.fail('not mended');
}
