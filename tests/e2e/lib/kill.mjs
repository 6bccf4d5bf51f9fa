// Ends of processes that give nobody time to clean up.
import fs from 'node:fs';

import { childrenOf, until } from './facts.mjs';

// To a process that may have ended already.
export function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (problem) {
    if (problem.code !== 'ESRCH') throw problem;
  }
}

// Stopped by a signal, or for ever.
export function hasStopped(pid) {
  try {
    return /^State:\s+[TZ]/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

// As an out-of-memory killer or `kill -9 -1` would. Stopped first, so that neither sees the other
// die. Returns the launchers.
export async function killWithLauncher(server) {
  const { pid } = server.child;
  signal(pid, 'SIGSTOP');
  await until(() => hasStopped(pid), 'the server stands still');
  const launchers = childrenOf(pid);
  for (const id of [...launchers, pid]) signal(id, 'SIGKILL');
  await server.closed;
  return launchers;
}
