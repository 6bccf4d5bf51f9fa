// One server from its start to its end by SIGKILL: what it is given to do, and what its client is
// told. All that is random comes from one generator; how far things have come at the moment of the
// kill is up to the kernel.
import assert from 'node:assert/strict';

import { childrenOf, uniqueSleep, until } from './facts.mjs';
import { hasStopped, killWithLauncher, signal } from './kill.mjs';
import { Server } from './server.mjs';

export const phases = ['start', 'idle', 'calls', 'jobs', 'end'];
export const victims = ['server', 'launcher', 'both'];

const startUs = 12_000; // about what a start takes
const workUs = 40_000;
const patienceMs = 30_000;

// Lets events happen. Nothing depends on how long: it spreads the moments.
async function pass(us) {
  const end = performance.now() + us / 1000;
  while (performance.now() < end) await new Promise(setImmediate);
}

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`no ${what}`)), patienceMs)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export class Life {
  marker = uniqueSleep(); // an argument of all commands that do not end
  launchers = [];
  #calls = []; // their ids
  #random;

  constructor(place, random) {
    this.#random = random;
    this.place = place;
    this.server = Server.start(place);
    this.greeted = this.server.initialize().then(() => true, () => false);
  }

  async serves() {
    assert.ok(await within(this.greeted, 'answer to initialize'), this.server.stderr);
    this.launchers = childrenOf(this.server.child.pid);
    assert.equal(this.launchers.length, 1);
  }

  // Until the moment of the kill.
  async reach(phase) {
    const random = this.#random;
    if (phase === 'start') return pass(random.between(0, startUs));
    // From the first call on there are sandboxes made ahead.
    for (let calls = random.between(0, 2); calls > 0; --calls) {
      const { result } = await this.server.run({ command: ['true'] });
      assert.equal(result.structuredContent.exit_code, 0, JSON.stringify(result));
    }
    if (phase === 'calls' || phase === 'end') this.#send(random.between(1, 8), false);
    if (phase === 'jobs' || phase === 'end') this.#send(random.between(1, 4), true);
    await pass(random.between(0, workUs));
    if (phase !== 'end') return;
    this.server.child.stdin.end();
    await pass(random.between(0, workUs));
  }

  #send(count, background) {
    const commands = [
      { command: ['true'] },
      { command: ['sleep', this.marker] },
      { command: ['sh', '-c', `setsid sleep ${this.marker} & echo started; sleep ${this.marker}; true`] },
      { command: ['sh', '-c', 'yes | head -c 300000'] },
      { command: ['sh', '-c', 'echo made >made; cat made'], workspace: this.place.work },
      { language: 'bash', code: 'cat data', files: [{ path: 'data', content: 'of the call' }] },
    ];
    for (; count > 0; --count) {
      const id = `call-${this.#calls.length}`;
      this.#calls.push(id);
      const args = { ...this.#random.pick(commands), ...(background && { background }) };
      this.server.send({ id, method: 'tools/call', params: { name: 'run', arguments: args } });
    }
  }

  async kill(victim) {
    const { pid } = this.server.child;
    if (victim === 'both') {
      this.launchers = await killWithLauncher(this.server);
      return;
    }
    if (victim === 'launcher') await until(() => childrenOf(pid).length > 0 || hasStopped(pid), 'there is a launcher');
    this.launchers = childrenOf(pid);
    for (const id of victim === 'launcher' ? this.launchers : [pid]) signal(id, 'SIGKILL');
  }

  // A server whose launcher has died answers all that it was asked, refuses what is new, and ends in
  // order; or it does not even begin to serve.
  async ends(phase, victim) {
    if (victim === 'launcher') {
      const serves = await within(this.greeted, 'answer to initialize, and no end');
      if (serves && phase !== 'end') await this.#saysSo();
      this.server.child.stdin.end();
    }
    const { code, signal: by } = await within(this.server.closed, 'end of the server');
    if (victim !== 'launcher') return;
    assert.equal(by, null);
    if (phase !== 'start') assert.equal(code, 0, this.server.stderr);
    if (code !== 0) assert.match(this.server.stderr, /launcher/);
  }
  async #saysSo() {
    const replies = await Promise.all(this.#calls.map((id) => within(this.server.reply(id), `answer to ${id}`)));
    for (const { result } of replies) {
      if (result.isError) assert.match(result.content[0].text, /launcher/, JSON.stringify(result));
      else assert.ok(['exited', 'working'].includes(result.structuredContent.status), JSON.stringify(result));
    }
    for (const { id } of this.jobs()) {
      const { status, result } = await this.jobStatus(id, 50_000);
      assert.equal(status, 'completed', JSON.stringify({ status, result }));
      assert.ok(['exited', 'lost', 'not_run'].includes(result.status), JSON.stringify(result));
    }
    const { result } = await within(this.server.run({ command: ['true'] }), 'answer');
    assert.equal(result.isError, true);
    assert.match(result.content[0].text, /launcher/);
  }

  // The answers that came.
  answered = () => this.server.messages.filter(({ id }) => this.#calls.includes(id));
  // The jobs that the client knows of, and their intents.
  jobs() {
    const contents = this.answered().map(({ result }) => result.structuredContent);
    return contents.filter(({ status }) => status === 'working').map((job) => ({ id: job.job_id, seq: job.audit_seq }));
  }

  call = (name, args) => within(this.server.request('tools/call', { name, arguments: args }), `answer of ${name}`);
  async jobStatus(job_id, wait_ms = 0) {
    const { result } = await this.call('job_status', { job_id, wait_ms });
    assert.equal(result.structuredContent.error, undefined, JSON.stringify(result));
    return result.structuredContent;
  }
}
