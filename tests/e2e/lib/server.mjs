// `casemate serve` and a raw client: knows JSON lines, nothing of MCP. Every byte that the server
// writes is held against the rules of the stream and the official schemas when the test ends.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';

import { bin } from './casemate.mjs';
import { Conversation } from './conversation.mjs';
import { uniqueSleep } from './facts.mjs';
import { MessageList } from './message_list.mjs';

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

export class Server extends MessageList {
  stderr = '';
  mayBeCut = false; // set by a test that does not read: the server then gives up within a line
  conversation = new Conversation();
  #nextId = 1000;
  #partial = Buffer.alloc(0);

  constructor(place, { args = ['serve'], env = {}, program = bin } = {}) {
    super();
    this.child = spawn(program, args, { env: { ...place.env, ...env }, stdio: 'pipe' });
    this.child.stdin.on('error', () => {});
    this.child.stderr.on('data', (d) => (this.stderr += d));
    this.child.stdout.on('data', (bytes) => this.#take(bytes));
    // Not 'close': a client that does not read its end of the pipe would never see that.
    this.exited = new Promise((resolve) => {
      this.child.on('exit', (code, signal) => resolve({ code, signal }));
    });
    this.closed = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        this.gone = { code, signal };
        this.fail(new Error(`the server ended; stderr: ${this.stderr}`));
        resolve(this.gone);
      });
    });
  }

  static start(place, options) {
    const server = new Server(place, options);
    place.closing(async () => {
      if (!server.gone) server.child.kill('SIGKILL');
      server.child.stdout.resume();
      const { signal } = await server.closed;
      if (signal !== 'SIGKILL' && !server.mayBeCut) assert.equal(server.#partial.length, 0, 'the last line lacks its end');
      server.conversation.check();
    });
    return server;
  }

  // Split by hand: readline also splits at U+2028, which a message may contain.
  #take(bytes) {
    const lines = Buffer.concat([this.#partial, bytes]);
    let start = 0;
    for (let end = lines.indexOf(10); end >= 0; end = lines.indexOf(10, start)) {
      for (const message of this.conversation.received(lines.subarray(start, end))) this.add(message);
      start = end + 1;
    }
    this.#partial = Buffer.from(lines.subarray(start));
  }

  // As it is; lines of it are noted if they come whole.
  sendRaw(bytes) {
    if (bytes.length < 1 << 22) for (const line of bytes.toString().split('\n')) this.conversation.sent(line);
    this.child.stdin.write(bytes);
  }
  send(message) {
    const line = JSON.stringify(Array.isArray(message) ? message : { jsonrpc: '2.0', ...message });
    this.conversation.sent(line);
    this.child.stdin.write(`${line}\n`);
  }

  // The client ends the conversation, and the server itself with it.
  async end() {
    this.child.stdin.end();
    assert.deepEqual(await this.closed, { code: 0, signal: null });
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
  async startSleeper(id) {
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
