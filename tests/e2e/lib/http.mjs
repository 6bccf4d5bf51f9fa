// A server over HTTP, started by the test on a port that the kernel picks, and plain requests to it.
import { spawn } from 'node:child_process';
import http from 'node:http';

import { bin } from './casemate.mjs';

export class HttpServerProcess {
  stderr = '';

  // `announce`: the stream on which the server says its address.
  static async start(place, { args = ['serve', '--http', '127.0.0.1:0'], env = {}, program = bin, announce = 'stderr' } = {}) {
    const server = new HttpServerProcess();
    server.child = spawn(program, args, { env: { ...process.env, ...place.env, ...env }, stdio: 'pipe' });
    server.exited = new Promise((resolve, reject) => {
      server.child.on('exit', (code, signal) => resolve({ code, signal }));
      server.child.on('error', reject); // it could not be started
    });
    place.closing(async () => {
      if (server.child.pid && server.child.exitCode === null && server.child.signalCode === null) {
        server.child.stdin.end();
        server.child.kill('SIGTERM');
        await server.exited;
      }
    });
    server.child.stdout.resume();
    server.child.stderr.on('data', (d) => (server.stderr += d));
    server.url = await new Promise((resolve, reject) => {
      let text = '';
      server.child[announce].on('data', (d) => {
        text += d;
        const found = /(https?:\/\/\S+\/mcp)\b/.exec(text) ?? /(unix:\S+)/.exec(text);
        if (found) resolve(found[1]);
      });
      server.exited.then(({ code }) => reject(new Error(`the server ended with ${code}: ${server.stderr}`)), reject);
    });
    return server;
  }

  // One request; the answer with its whole body as text.
  request(method, { headers = {}, body, agent } = {}) {
    return new Promise((resolve, reject) => {
      const sent = http.request(this.url, { method, headers, agent }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (d) => (text += d));
        answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text, json: jsonIn(answer, text) }));
        answer.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  post(message, headers = {}) {
    return this.request('POST', { headers: { ...jsonHeaders, ...headers }, body: typeof message === 'string' ? message : JSON.stringify(message) });
  }

  // A request of the modern edition with the headers that it must have.
  modern(method, params = {}, { id = 1, headers = {} } = {}) {
    const name = params.name ?? params.uri ?? params.taskId;
    const named = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...(name ? { 'mcp-name': name } : {}) };
    const message = { jsonrpc: '2.0', id, method, params: { ...params, _meta: { ...modernMeta, ...params._meta } } };
    return this.post(message, { ...named, ...headers });
  }
}

export const jsonHeaders = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
export const modernMeta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};

function jsonIn(answer, text) {
  const type = answer.headers['content-type'] ?? '';
  if (type.startsWith('application/json') && text) return JSON.parse(text);
  return undefined;
}

// The answer, be it alone or the last message of a stream, which a slow one becomes.
export const answerIn = (reply) => reply.json ?? eventsIn(reply.text).at(-1);

// The messages of an event stream's text.
export function eventsIn(text) {
  return text
    .split('\n\n')
    .map((event) => event.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6)).join('\n'))
    .filter((data) => data)
    .map((data) => JSON.parse(data));
}
