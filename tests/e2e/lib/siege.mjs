// A server under attack over HTTP: raw sockets that do what no decent client does, a good client
// beside them, and the facts that must hold meanwhile and afterwards.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';

import { bin, scratch } from './casemate.mjs';
import { until } from './facts.mjs';
import { HttpServerProcess, jsonHeaders, modernMeta } from './http.mjs';

const atOnce = 500; // the kernel's queue of connections that are not yet accepted is not endless

// One connection of an attacker. It reads unless told not to.
export class Raw {
  text = '';
  constructor(url, reads = true) {
    const { hostname, port } = new URL(url);
    this.socket = net.connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    this.connected = new Promise((resolve, reject) => {
      this.socket.once('connect', resolve);
      this.socket.once('error', reject);
    });
    this.socket.on('error', () => {}); // reset while we send: what we were told before counts
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.ended = Promise.race([this.closed, new Promise((resolve) => this.socket.once('end', resolve))]);
    if (reads) this.socket.on('data', (d) => (this.text += d.toString('latin1')));
  }
  // Until the server ends the connection: all that it said.
  async said() {
    await this.ended;
    return this.text;
  }
  // Sends `piece` again and again, as fast as the server takes it, even after its answer and its
  // end: only a reset stops that.
  async flood(piece, times) {
    for (let i = 0; i < times && !this.socket.destroyed; i++) {
      if (!this.socket.write(piece)) {
        let more;
        await Promise.race([this.closed, new Promise((resolve) => this.socket.once('drain', (more = resolve)))]);
        this.socket.off('drain', more);
      }
    }
  }
  // The text that arrives up to and with `end`.
  has(end) {
    return new Promise((resolve, reject) => {
      const look = () => this.text.includes(end) && resolve(this.text);
      look();
      this.socket.on('data', look);
      this.ended.then(() => (look(), reject(new Error(`ended before ${JSON.stringify(end)}: ${this.text.slice(0, 300)}`))));
    });
  }
}

export class Siege {
  raws = [];

  // `http`: settings of the server; `descriptors`: the most that it may have.
  static async begin(t, { http: settings = {}, descriptors } = {}) {
    const siege = new Siege();
    const place = scratch(t);
    const config = path.join(place.dir, 'config.yaml');
    fs.writeFileSync(config, `version: 1\nhttp: ${JSON.stringify(settings)}\n`);
    const args = ['serve', '--http', '127.0.0.1:0'];
    const limited = { program: 'sh', args: ['-c', `ulimit -n ${descriptors}; exec "$0" "$@"`, bin, ...args] };
    siege.server = await HttpServerProcess.start(place, { args, env: { CASEMATE_CONFIG: config }, ...(descriptors && limited) });
    place.closing(() => siege.lift());
    siege.pid = siege.server.child.pid;
    siege.agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    place.closing(() => siege.agent.destroy());
    const initialize = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'good', version: '1' } };
    const answer = await siege.server.post({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initialize });
    siege.session = { 'mcp-session-id': answer.headers['mcp-session-id'], 'mcp-protocol-version': '2025-11-25' };
    await siege.serves();
    siege.memoryBefore = siege.memory('VmRSS');
    siege.descriptorsBefore = siege.descriptors();
    return siege;
  }

  raw(options = {}) {
    const raw = new Raw(this.server.url, options.reads);
    this.raws.push(raw);
    return raw;
  }
  // `count` connections; `first(i)` is what each sends at once.
  async open(count, first = () => '', options = {}) {
    const opened = [];
    while (opened.length < count) {
      const some = Array.from({ length: Math.min(atOnce, count - opened.length) }, () => this.raw(options));
      await Promise.all(some.map((raw) => raw.connected));
      opened.push(...some);
      for (const [i, raw] of some.entries()) {
        const text = first(opened.length - some.length + i);
        if (text.length > 0) raw.socket.write(text);
      }
    }
    return opened;
  }
  // Sends `bytes` on a connection of its own: all that the server says until it ends it.
  ask(bytes) {
    const raw = this.raw();
    raw.socket.write(bytes);
    return raw.said();
  }

  descriptors = () => fs.readdirSync(`/proc/${this.pid}/fd`).length;
  memory(what) {
    return Number(new RegExp(`${what}:\\s+(\\d+)`).exec(fs.readFileSync(`/proc/${this.pid}/status`, 'utf8'))[1]) * 1024;
  }
  // How often the thread that serves HTTP went to sleep of its own accord.
  sleeps() {
    const tasks = `/proc/${this.pid}/task`;
    const thread = fs.readdirSync(tasks).find((id) => fs.readFileSync(`${tasks}/${id}/comm`, 'utf8') === 'http\n');
    return Number(/\nvoluntary_ctxt_switches:\s+(\d+)/.exec(fs.readFileSync(`${tasks}/${thread}/status`, 'utf8'))[1]);
  }

  // The good client is answered, on the connection that it has and, if `anew`, on a new one.
  async serves({ anew = true } = {}) {
    const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
    const ask = (agent) => this.server.request('POST', { headers: { ...jsonHeaders, ...this.session }, body: ping, agent });
    const pong = [200, { jsonrpc: '2.0', id: 1, result: {} }];
    // A connection that idled may end as the next request begins: the one case in which clients try again.
    const kept = await ask(this.agent).catch(() => ask(this.agent));
    assert.deepEqual([kept.status, kept.json], pong);
    if (!anew) return;
    const fresh = await ask(false);
    assert.deepEqual([fresh.status, fresh.json], pong);
  }
  // Meanwhile: the good client is served, and the server never had more than `bytes` beyond what it had before.
  async holds(bytes) {
    await this.serves();
    const grown = this.memory('VmHWM') - this.memoryBefore;
    if (!process.env.CASEMATE_SANITIZED) assert.ok(grown <= bytes, `${grown} bytes more than before, of ${bytes}`);
    assert.equal(this.server.child.exitCode, null);
  }
  // Until the server has said `text` on standard error `times` times.
  logged(text, times = 1) {
    return new Promise((resolve, reject) => {
      const look = () => this.server.stderr.split(text).length > times && resolve();
      look();
      this.server.child.stderr.on('data', look);
      this.server.exited.then(() => reject(new Error(`the server ended: ${this.server.stderr}`)));
    });
  }
  // The attackers go: so do their descriptors.
  async ends() {
    this.lift();
    await until(() => this.descriptors() <= this.descriptorsBefore, 'the descriptors are free again');
    await this.serves();
    assert.deepEqual([this.server.child.exitCode, this.server.child.signalCode], [null, null]);
  }
  lift() {
    for (const raw of this.raws.splice(0)) raw.socket.destroy();
  }
}

// A whole request to /mcp; `headers` as text.
export const head = (headers = '', { method = 'POST', target = '/mcp' } = {}) => `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${headers}`;
export function modernRequest(method, params, headers = '') {
  const name = params.name ?? params.uri;
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: { ...modernMeta, ...params._meta } } });
  const own = `Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: ${method}\r\n`;
  return head(`${own}${name ? `Mcp-Name: ${name}\r\n` : ''}${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}
