// Facts of the kernel about what runs and what is left.
import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

// A duration that no other process on the machine sleeps for.
export const uniqueSleep = () => `${randomInt(100000, 999999)}.${randomInt(100000, 999999)}`;

// Ids of the processes that have `argument` as one whole argument.
export function processesWith(argument) {
  return fs.readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(argument);
    } catch {
      return false;
    }
  });
}

// Ids of the processes that `pid` has started, whichever of its threads did.
export function childrenOf(pid) {
  const read = (what, path) => {
    try {
      return what(path, 'utf8');
    } catch {
      return []; // the process or the thread is gone
    }
  };
  const tasks = read(fs.readdirSync, `/proc/${pid}/task`);
  return tasks.flatMap((task) => read(fs.readFileSync, `/proc/${pid}/task/${task}/children`).toString().match(/\d+/g) ?? []).map(Number);
}
// Ids of the processes in the session of `leader`. A launcher leads one, and the inits of its
// sandboxes stay in it, whatever they are called; commands lead their own. What has ended and waits
// for the machine's init to notice does not count.
export function processesOfSession(leader) {
  return fs.readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [state, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(session) === leader && state !== 'Z';
    } catch {
      return false;
    }
  });
}

// Whether the main thread of `pid` is in recvfrom(2) (x86-64).
export const receives = (pid) => fs.readFileSync(`/proc/${pid}/syscall`, 'utf8').startsWith('45 ');

// Cgroup directories of one incarnation, wherever the hierarchies are mounted.
export function cgroupsOf(incarnation) {
  const found = [];
  const visit = (dir, depth) => {
    for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
      if (!entry.isDirectory() || depth === 0) continue;
      const child = path.join(dir, entry.name);
      if (entry.name === `casemate-${incarnation}`) found.push(child);
      try {
        visit(child, depth - 1);
      } catch {
        // removed meanwhile
      }
    }
  };
  visit('/sys/fs/cgroup', 6);
  return found;
}

// A new control group of this test, with processes in it for as long as the test runs; undefined
// where none can be made.
export function madeGroup(t) {
  const parents = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'].filter((dir) => fs.existsSync(path.join(dir, 'cgroup.procs')));
  for (const parent of parents) {
    const group = path.join(parent, `casemate_test_${process.pid}`);
    try {
      fs.mkdirSync(group);
    } catch {
      continue;
    }
    t.after(() => until(() => removed(group), 'the group of the test is empty'));
    return group;
  }
  return undefined;
}

function removed(group) {
  try {
    fs.rmdirSync(group);
    return true;
  } catch {
    return false;
  }
}

export const incarnations = (place) => fs.readdirSync(path.join(place.state, 'incarnations'));
// The launcher carries its incarnation as an argument.
export const launchersOf = (incarnation) => processesWith(incarnation).map(Number);
// Mounts of the kinds that a sandbox is made of, and none that others on the machine make meanwhile.
export const mountCount = () => fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => / - (tmpfs|proc|devpts|overlay) |casemate/.test(line)).length;
export const peakMemoryKb = (pid) => Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

// Waits for a fact that no event announces (a process that has been killed). The pause between two
// looks only spares the processor; nothing depends on its length.
export async function until(fact, what) {
  const end = Date.now() + 10000;
  while (!fact()) {
    if (Date.now() > end) throw new Error(`did not come true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
