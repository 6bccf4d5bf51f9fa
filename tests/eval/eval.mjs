// Runs the scripted tasks of tasks/ and holds calls, bytes and failures against baseline.json.
// usage: eval.mjs [--update] [--baseline FILE] [--tasks DIRECTORY] [TASK…]
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { scratch } from '../e2e/lib/casemate.mjs';
import { Agent, Skipped } from './agent.mjs';
import { heading, lost, row, total, worse } from './report.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    update: { type: 'boolean', default: false },
    baseline: { type: 'string', default: path.join(import.meta.dirname, 'baseline.json') },
    tasks: { type: 'string', default: path.join(import.meta.dirname, 'tasks') },
  },
});

const names = fs.readdirSync(values.tasks).filter((f) => f.endsWith('.mjs')).map((f) => path.basename(f, '.mjs')).sort();
const unknown = positionals.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`eval: no task ${unknown.join(', ')}; there are ${names.join(', ')}`);
  process.exit(2);
}

// One task on a server and directories of its own. `session` gets the bytes that every conversation
// begins with.
async function figuresOf(name, session) {
  const task = await import(path.join(values.tasks, `${name}.mjs`));
  const closers = [];
  const place = scratch({ after: (close) => closers.push(close) });
  for (const [file, content] of Object.entries(task.files ?? {})) {
    fs.mkdirSync(path.dirname(path.join(place.work, file)), { recursive: true });
    fs.writeFileSync(path.join(place.work, file), content);
  }
  const agent = new Agent(place, task.env?.(place));
  const figures = () => ({ calls: agent.calls, text: agent.textBytes, structure: agent.structureBytes, errors: agent.errors });
  try {
    Object.assign(session, await agent.start());
    if (task.needs && !(await agent.holds(task.needs))) throw new Skipped(`no control group holds ${task.needs} here`);
    await task.run(agent);
    return figures();
  } catch (problem) {
    if (problem instanceof Skipped) return { skipped: problem.message };
    return { ...figures(), failed: problem.message };
  } finally {
    await agent.close();
    for (const close of closers) await close();
  }
}

const start = performance.now();
const session = {};
const all = {};
console.log(heading);
for (const name of positionals.length > 0 ? positionals : names) {
  all[name] = await figuresOf(name, session);
  console.log(row(name, all[name]));
  if (all[name].failed) console.log(all[name].failed.replace(/^/gm, '    '));
}
console.log(row('total', total(Object.values(all))));
console.log(`every conversation: ${session.tools} bytes of tools, ${session.instructions} of instructions`);
console.log(`text: bytes of the answers' text; structure: of structuredContent instead. ${Math.round((performance.now() - start) / 1000)} s`);

const ran = Object.fromEntries(Object.entries(all).filter(([, figures]) => !figures.skipped));
const failed = Object.values(ran).some((figures) => figures.failed);
const before = fs.existsSync(values.baseline) ? JSON.parse(fs.readFileSync(values.baseline, 'utf8')) : {};
if (values.update) {
  if (failed) {
    console.error('eval: a task failed, so the baseline stays as it is');
    process.exit(1);
  }
  const kept = Object.fromEntries(names.filter((name) => name in before && !(name in ran)).map((name) => [name, before[name]]));
  const after = { ...kept, ...ran };
  const sorted = { session, ...Object.fromEntries(Object.keys(after).sort().map((name) => [name, after[name]])) };
  fs.writeFileSync(values.baseline, `${JSON.stringify(sorted, null, 1).replace(/\n {2,}/g, ' ').replace(/\n }/g, ' }')}\n`);
  process.exit(0);
}
const complaints = worse({ session, ...ran }, before);
for (const task of lost(['session', ...names], before)) complaints.push(`${task}: in the baseline, but there is no such task`);
for (const complaint of complaints) console.error(`worse: ${complaint.split('\n')[0]}`);
if (complaints.length > 0) {
  console.error('what is meant to be so: ./dev eval-agent --update, and say why in the commit');
  process.exit(1);
}
