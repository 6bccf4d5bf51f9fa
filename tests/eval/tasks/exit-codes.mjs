// An exit code is an answer: nothing found, something wrong, a signal.
import assert from 'node:assert/strict';

export async function run(agent) {
  const files = [{ path: 'log.txt', content: 'ok\nok\n' }];
  const nothing = await agent.fine({ command: ['grep', 'error', 'log.txt'], files });
  assert.equal(nothing.find(/exit code: (\d+)/), '1');
  nothing.find(/\(no output\)/);
  const wrong = await agent.fine({ command: ['grep', 'error', 'absent.txt'], files });
  assert.equal(wrong.find(/exit code: (\d+)/), '2');
  const crash = await agent.fine({ code: 'int main(void) { *(volatile int*)0 = 1; }', language: 'c' });
  assert.equal(crash.find(/ended by signal (\w+)|exit code: 139/), 'SIGSEGV');
}
