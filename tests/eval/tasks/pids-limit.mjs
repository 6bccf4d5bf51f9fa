// Too many processes at once: the note says which limit, and how far it can be raised.
import assert from 'node:assert/strict';

export const needs = 'pids';

const code = 'import os, sys, time\nsys.tracebacklimit = 0\nkids = []\nfor _ in range(40):\n    pid = os.fork()\n    if pid == 0:\n        time.sleep(0.2)\n        os._exit(0)\n    kids.append(pid)\nprint(len([os.waitpid(k, 0) for k in kids]))\n';

export async function run(agent) {
  const call = { code, language: 'python', limits: { pids: 8 } };
  const refused = await agent.fine(call);
  assert.equal(refused.find(/exit code: (\d+)/), '1');
  refused.advice(/limits\.pids = 8/);
  const pids = Number(refused.advice(/policy grants up to (\d+)\): raise it/));
  const reply = await agent.fine({ ...call, limits: { pids: Math.min(pids, 64) } });
  assert.equal(reply.find(/^(\d+)$/m), '40');
}
