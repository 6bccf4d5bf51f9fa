// Starts the real binary on private directories and speaks to it, line by line.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';

export const bin = process.env.CASEMATE_BIN ?? path.resolve(import.meta.dirname, '../../../build/release/casemate');

// A fresh directory for one test, with the environment that keeps everything of ours inside it.
export function scratch(t) {
  const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'casemate-e2e-')));
  const work = path.join(dir, 'work');
  fs.mkdirSync(work);
  fs.mkdirSync(path.join(dir, 'home'));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  const state = path.join(dir, 'state');
  return {
    dir,
    work,
    state,
    env: {
      PATH: process.env.PATH,
      HOME: path.join(dir, 'home'),
      CASEMATE_STATE_DIR: state,
      CASEMATE_WORKSPACE_ROOTS: work,
      ...sanitizerOptions(),
    },
  };
}

// Sanitizer builds read their options from the environment.
function sanitizerOptions() {
  const names = ['ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS', 'LSAN_OPTIONS'];
  return Object.fromEntries(names.filter((n) => process.env[n]).map((n) => [n, process.env[n]]));
}

// Runs one subcommand to its end.
export function cli(place, args, { input = '', env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(bin, args, { env: { ...place.env, ...env }, stdio: 'pipe' });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (d) => (stdout += d));
    child.stderr.on('data', (d) => (stderr += d));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

export const legacy = (version = '2025-11-25') => ({
  protocolVersion: version,
  capabilities: {},
  clientInfo: { name: 'e2e', version: '1' },
});
export const modernMeta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'e2e', version: '1' },
};

// A raw client: knows JSON lines, nothing of MCP.
export class Server {
  messages = [];
  stderr = '';
  #waiters = new Set();
  #nextId = 1000;

  constructor(place, { args = ['serve'], env = {} } = {}) {
    this.child = spawn(bin, args, { env: { ...place.env, ...env }, stdio: 'pipe' });
    this.child.stdin.on('error', () => {});
    this.child.stderr.on('data', (d) => (this.stderr += d));
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => this.#take(line));
    this.exited = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        resolve({ code, signal });
        this.#wake();
      });
    });
    this.exited.then(() => (this.gone = true));
  }

  static start(t, place, options) {
    const server = new Server(place, options);
    t.after(async () => {
      if (!server.gone) server.child.kill('SIGKILL');
      await server.exited;
    });
    return server;
  }

  #take(line) {
    const message = JSON.parse(line); // a line that is not JSON fails the test
    this.messages.push(message);
    this.#wake();
  }
  #wake() {
    for (const waiter of [...this.#waiters]) waiter();
  }

  sendRaw(bytes) {
    this.child.stdin.write(bytes);
  }
  send(message) {
    this.sendRaw(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  // The first message, sent already or still to come, that satisfies `accept`.
  waitFor(accept, what = 'a message') {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.messages.find(accept);
        if (found) {
          this.#waiters.delete(look);
          resolve(found);
        } else if (this.gone) {
          this.#waiters.delete(look);
          reject(new Error(`the server ended before ${what}; stderr: ${this.stderr}`));
        }
      };
      this.#waiters.add(look);
      this.exited.then(look);
      look();
    });
  }
  reply(id) {
    return this.waitFor((m) => m.id === id && ('result' in m || 'error' in m), `the reply to ${id}`);
  }
  request(method, params = {}) {
    const id = this.#nextId++;
    this.send({ id, method, params });
    return this.reply(id);
  }
  async initialize(version) {
    const reply = await this.request('initialize', legacy(version));
    this.send({ method: 'notifications/initialized' });
    return reply;
  }
  run(args, meta) {
    return this.request('tools/call', { name: 'run', arguments: args, ...(meta && { _meta: meta }) });
  }
  // Starts a call that prints "started" and then sleeps; returns once it runs.
  async startSleeper(place, id) {
    const marker = uniqueSleep();
    this.send({
      id,
      method: 'tools/call',
      params: {
        name: 'run',
        arguments: { command: ['sh', '-c', `echo started; exec sleep ${marker}`] },
        _meta: { progressToken: `token-${id}` },
      },
    });
    await this.waitFor(
      (m) => m.method === 'notifications/progress' && m.params.progressToken === `token-${id}`,
      'progress of the sleeper',
    );
    return marker;
  }
}

// A duration that no other process on the machine sleeps for.
export const uniqueSleep = () => `${randomInt(100000, 999999)}.${randomInt(100000, 999999)}`;

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

export const incarnations = (place) => fs.readdirSync(path.join(place.state, 'incarnations'));
export const mountCount = () => fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length;

// Waits for a fact of the kernel's that no event announces (a process that has been killed).
export async function until(fact, what) {
  const end = Date.now() + 10000;
  while (!fact()) {
    if (Date.now() > end) throw new Error(`did not come true: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
