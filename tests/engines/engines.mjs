// Real container engines for tests in Node, each set on private sockets and directories, and what may
// befall them: killed, hung, restarted, no room left. The set ends with the test, and with this process
// however that ends. Needs root: `skipped` is what a test passes as `skip`; with CASEMATE_ENGINES_REQUIRED nothing skips.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import readline from 'node:readline';

export const skipped = process.getuid() === 0 || process.env.CASEMATE_ENGINES_REQUIRED ? false : 'SKIPPED: NEEDS ROOT to start container engines';
export const busybox = 'casemate-test/busybox:1';
export const base = 'casemate-test/base:1';
const script = path.join(import.meta.dirname, 'with-engines');

// One exchange with the engine behind `socket`: { status, text, bytes, json }. An object is sent as
// JSON, a Buffer or a stream as a tar.
export function request(socket, method, target, body, more = {}) {
  const isTar = Buffer.isBuffer(body) || typeof body?.pipe === 'function';
  const bytes = body === undefined || isTar ? body : JSON.stringify(body);
  const headers = { ...(body !== undefined && { 'Content-Type': isTar ? 'application/x-tar' : 'application/json' }), ...more };
  return new Promise((resolve, reject) => {
    const sent = http.request({ socketPath: socket, method, path: target, headers, agent: false }, async (reply) => {
      try {
        const bytes = Buffer.concat(await reply.toArray());
        resolve({ status: reply.statusCode, bytes, get text() { return bytes.toString(); }, get json() { return JSON.parse(bytes); } });
      } catch (error) {
        reject(error);
      }
    });
    sent.on('error', reject);
    if (typeof bytes?.pipe === 'function') bytes.pipe(sent);
    else sent.end(bytes);
  });
}

// A container that runs `command`: its id. `more` is added to the request. It ends at once when it
// is stopped: the first process of a container ignores what it does not expect.
export async function containerOn(engine, command, more = {}) {
  const HostConfig = { ...(!more.HostConfig?.PortBindings && { NetworkMode: 'none' }), ...more.HostConfig };
  const made = await engine.request('POST', '/v1.41/containers/create', { Image: busybox, Cmd: command, StopSignal: 'SIGKILL', ...more, HostConfig });
  if (made.status !== 201) throw new Error(`${engine.name}: create: ${made.status} ${made.text}`);
  const id = made.json.Id;
  const started = await engine.request('POST', `/v1.41/containers/${id}/start`);
  if (started.status !== 204) throw new Error(`${engine.name}: start: ${started.status} ${started.text}`);
  return id;
}

// What a command in a container of its own, which is then removed, says and ends with.
export async function runOn(engine, command, more = {}) {
  const id = await containerOn(engine, command, more);
  const { StatusCode: code } = (await engine.request('POST', `/v1.41/containers/${id}/wait`)).json;
  const { bytes } = await engine.request('GET', `/v1.41/containers/${id}/logs?stdout=1&stderr=1`);
  await engine.request('DELETE', `/v1.41/containers/${id}?force=1&v=1`);
  const said = { 1: '', 2: '' };
  for (let at = 0; at < bytes.length; at += 8 + bytes.readUInt32BE(at + 4)) {
    said[bytes[at]] += bytes.toString('utf8', at + 8, at + 8 + bytes.readUInt32BE(at + 4));
  }
  return { code, stdout: said[1], stderr: said[2] };
}

// The supervisor's answer to one request; an error is thrown.
async function ask(control, message) {
  const connection = net.connect(control);
  connection.end(`${JSON.stringify(message)}\n`);
  const answer = JSON.parse(Buffer.concat(await connection.toArray()).toString());
  if (answer.error) throw new Error(`engines: ${message.do} ${message.of}: ${answer.error}`);
  return answer;
}

// `docker` or `podman` of a set; `registry` too, as far as it has a socket or a file system.
class Daemon {
  #control;
  constructor(name, control, state) {
    this.name = name;
    this.#control = control;
    Object.assign(this, state); // pid, log, start_s; socket, data, driver, load_s; address
  }
  // `pid` is null while it does not run.
  async #do(what) {
    const state = await ask(this.#control, { do: what, of: this.name });
    Object.assign(this, state);
    return state;
  }
  request = (method, target, body, headers) => request(this.socket, method, target, body, headers);
  kill = () => this.#do('kill'); // SIGKILL; returns when it is dead. Its containers live on, as they do
  pause = () => this.#do('pause'); // SIGSTOP: connections are taken by the kernel, nothing answers
  resume = () => this.#do('resume');
  terminate = () => this.#do('terminate'); // SIGTERM, and waits for the end
  start = () => this.#do('start'); // after kill or terminate; waits until it answers
  async restart() {
    await this.terminate();
    return this.start();
  }
  // Nothing more fits into its data, until `free`; needs `dataMib`. How many bytes that took.
  fill = async () => (await this.#do('fill')).taken;
  free = () => this.#do('free');
}

export class Engines {
  // `t`: a test's context, after which the engines end. Of docker, podman, registry, base (the
  // Debian image), standins (for official images) and network those that are true; `dataMib`: the size
  // of each engine's data.
  static async start(t, { dataMib = 0, ...wanted }) {
    const flags = Object.keys(wanted).filter((name) => wanted[name]).map((name) => `--${name}`);
    if (dataMib) flags.push('--data-mib', String(dataMib));
    const child = spawn(script, ['serve', ...flags], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    const engines = new Engines();
    engines.child = child;
    engines.errors = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (engines.errors += text));
    engines.ended = once(child, 'close').then(([code]) => code);
    t.after(() => engines.stop());
    const lines = readline.createInterface({ input: child.stdout });
    const line = await Promise.race([once(lines, 'line').then(([text]) => text), engines.ended.then(() => undefined)]);
    const state = line === undefined ? { error: engines.errors } : JSON.parse(line);
    if (state.error) throw new Error(`no engines: ${state.error}`);
    engines.directory = state.directory;
    engines.pid = state.pid;
    for (const name of ['docker', 'podman', 'registry']) {
      if (state[name]) engines[name] = new Daemon(name, state.control, state[name]);
    }
    return engines;
  }

  // Ends them all and waits; an error if something stayed behind.
  async stop() {
    this.child.stdin.destroy();
    const code = await this.ended;
    if (code !== 0 && this.child.signalCode === null) throw new Error(`engines did not end cleanly (${code}): ${this.errors}`);
  }
}
