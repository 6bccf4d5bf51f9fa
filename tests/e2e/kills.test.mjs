// SIGKILL at random moments, again and again on one state directory: of the server, of its launcher,
// of both; while it starts, idles, runs calls, starts jobs, ends. CASEMATE_KILLS says how often
// (`./dev soak` goes on where this ends), and CASEMATE_SEED repeats the choices of a run, whose seed
// is in its name.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cli, scratch } from './lib/casemate.mjs';
import { cgroupsOf, incarnations, mountCount, processesOfSession, processesWith, until } from './lib/facts.mjs';
import { Life, phases, victims } from './lib/life.mjs';
import { Random } from './lib/random.mjs';
import { Trail } from './lib/trail.mjs';

const kills = Number(process.env.CASEMATE_KILLS ?? 100);
const seed = Number(process.env.CASEMATE_SEED ?? randomInt(2 ** 31));

// Every phase with every victim, in an order of its own each time.
function* moments(random) {
  const all = phases.flatMap((phase) => victims.map((victim) => ({ phase, victim })));
  for (;;) yield* random.shuffled(all);
}

// The dead, until a server that came after them serves.
class Dead {
  lives = [];
  ids = new Set();
  constructor(place) {
    this.place = place;
    this.trail = new Trail(place);
    this.mounts = mountCount();
  }

  // Whatever the moment was: the trail is whole, and says of each call what its client was told.
  async bury(life) {
    this.lives.push(life);
    for (const id of incarnations(this.place)) this.ids.add(id);
    await this.trail.read();
    for (const reply of life.answered()) this.trail.checkReply(reply);
  }

  // Nothing of them is there but the records.
  async areGone(next) {
    for (const { launchers, marker } of this.lives) {
      await until(() => processesWith(marker).length === 0, 'no command of the dead runs');
      for (const pid of launchers) await until(() => processesOfSession(pid).length === 0, 'no sandbox of the dead is left');
    }
    for (const id of this.ids) {
      assert.ok(!incarnations(this.place).includes(id), `the lock file of ${id} is there`);
      await until(() => cgroupsOf(id).length === 0, `the cgroups of ${id} are gone`);
    }
    await until(() => mountCount() === this.mounts, 'the mounts are what they were');
    for (const life of this.lives) {
      for (const { id, seq } of life.jobs()) this.trail.checkJob(await next.jobStatus(id), seq);
    }
    await this.trail.read();
    for (const id of this.ids) this.trail.checkReaped(id);
    this.lives = [];
    this.ids.clear();
  }
}

// Of each output that is kept somebody knows.
async function allKnown(life) {
  for (const job_id of fs.readdirSync(path.join(life.place.state, 'runs'))) {
    const { result } = await life.call('job_output', { job_id });
    assert.notEqual(result.structuredContent.error?.kind, 'not_found', job_id);
  }
}

test(`SIGKILL ${kills} times at random moments, seed ${seed}`, { timeout: 60_000 + kills * 5_000 }, async (t) => {
  const place = scratch(t);
  const random = new Random(seed);
  const order = moments(random);
  assert.equal((await cli(place, ['run', '--', 'true'])).code, 0); // a trail is there to verify
  const dead = new Dead(place);
  for (let kill = 1; kill <= kills; ++kill) {
    const { phase, victim } = order.next().value;
    try {
      const life = new Life(place, random);
      if (phase !== 'start') {
        await life.serves();
        await dead.areGone(life);
      }
      await life.reach(phase);
      await life.kill(victim);
      await life.ends(phase, victim);
      await dead.bury(life);
    } catch (cause) {
      throw new Error(`kill ${kill} (${victim} at ${phase}), seed ${seed}: ${cause.message}`, { cause });
    }
  }
  const last = new Life(place, random);
  await last.serves();
  await dead.areGone(last);
  await allKnown(last);
  await last.server.end();
  await dead.trail.read();
  assert.deepEqual(incarnations(place), []);
  const { records } = dead.trail;
  t.diagnostic(`${records.length} records, ${dead.trail.open().length} calls cut off, seed ${seed}`);
});

test('where the kills leave nothing, there was something', async (t) => {
  const life = new Life(scratch(t), new Random(seed));
  await life.serves();
  const { result } = await life.server.run({ command: ['true'] });
  const [launcher] = life.launchers;
  await until(() => processesOfSession(launcher).length > 1, 'the launcher, and a sandbox made ahead');
  const [incarnation] = incarnations(life.place);
  if (result.structuredContent.isolation.layers.some((l) => l.name === 'cgroup' && l.in_force)) assert.ok(cgroupsOf(incarnation).length > 0);
});

test('a trail that does not tell the truth is found', () => {
  const record = (seq, kind, rest = {}) => ({ seq, kind, incarnation: 'dead', ...rest });
  const trail = new Trail(undefined);
  trail.add([
    record(1, 'intent'),
    record(2, 'intent'),
    record(3, 'outcome', { intent_seq: 1, outcome: { status: 'exited' } }),
    record(4, 'reaped', { incarnation: 'next', detail: { dead_incarnation: 'dead', unfinished_intents: [2] } }),
    record(5, 'reaped', { incarnation: 'next', detail: { dead_incarnation: 'other', unfinished_intents: [2] } }),
  ]);
  const told = (audit_seq, status) => ({ result: { structuredContent: { audit_seq, status } } });
  trail.checkReply(told(1, 'exited'));
  assert.throws(() => trail.checkReply(told(1, 'timed_out')), 'another outcome');
  assert.throws(() => trail.checkReply(told(2, 'exited')), 'no outcome');
  assert.throws(() => trail.checkReply(told(3, 'working')), 'no intent');
  assert.throws(() => trail.checkReply({ error: { code: -32603 } }));
  const why = 'the server that ran it ended';
  trail.checkJob({ status: 'failed', status_message: why }, 2);
  trail.checkJob({ status: 'completed', result: { status: 'exited' } }, 1);
  assert.throws(() => trail.checkJob({ status: 'failed', status_message: '' }, 2), 'no reason');
  assert.throws(() => trail.checkJob({ status: 'working' }, 2), 'nobody runs it');
  assert.throws(() => trail.checkJob({ status: 'completed', result: { status: 'exited' } }, 2), 'no outcome');
  trail.checkOpen([2]);
  assert.throws(() => trail.checkOpen([]));
  assert.throws(() => trail.checkOpen([1, 2]));
  trail.checkReaped('dead');
  assert.throws(() => trail.checkReaped('other'), 'it left nothing unfinished');
  assert.throws(() => trail.checkReaped('nobody'));
  assert.throws(() => trail.add([record(7, 'intent')]), 'one is missing');
});
