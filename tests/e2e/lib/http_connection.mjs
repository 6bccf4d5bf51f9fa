// A raw client over Streamable HTTP: every message is a POST of its own, with the headers that its
// edition demands; what comes back, as JSON or as events of any stream, is one list of messages,
// as it would be on stdio. Statuses and types of content are held against docs/http.md.
import assert from 'node:assert/strict';

import { Conversation, versionOf } from './conversation.mjs';
import { HttpServerProcess, jsonHeaders } from './http.mjs';
import { MessageList } from './message_list.mjs';

const nameOf = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri', 'tasks/get': 'taskId', 'tasks/update': 'taskId', 'tasks/cancel': 'taskId' };

export class HttpConnection extends MessageList {
  conversation = new Conversation();
  #server;
  #session = {};
  #open = [];
  #requests = new Map(); // id → the AbortController of its POST

  // With a server of its own, which end() ends; or one of several clients of a server.
  static async start(place, options) {
    return HttpConnection.to(await HttpServerProcess.start(place, options));
  }
  static to(server) {
    const connection = new HttpConnection();
    connection.#server = server;
    return connection;
  }

  // Returns once the server has taken the message, if that can be seen: a request's answer may come
  // late, and is waited for with waitFor.
  async send(message) {
    await this.#post(JSON.stringify(Array.isArray(message) ? message : { jsonrpc: '2.0', ...message }), message);
  }
  async sendRaw(text) {
    await this.#post(text, undefined);
  }

  // Closes the stream of a request, which cancels it in the edition 2026-07-28.
  abort(id) {
    this.#requests.get(id).abort();
  }

  // Every stream must end by itself: those of requests are answered or cancelled, the session's
  // ends with the server.
  async end() {
    this.#server.child.kill('SIGTERM');
    assert.deepEqual(await this.#server.exited, { code: 0, signal: null }, this.#server.stderr);
    await Promise.all(this.#open);
  }

  async #post(body, message) {
    this.conversation.sent(body);
    const headers = { ...jsonHeaders, ...this.#headersFor(message) };
    const controller = new AbortController();
    const { signal } = controller;
    const answered = fetch(this.#server.url, { method: 'POST', headers, body, signal });
    const taken = answered.then((answer) => this.#take(answer, message));
    if (isNotification(message) || message?.method === 'initialize') return taken;
    this.#requests.set(message?.id, controller);
    this.#follow(taken.catch((problem) => signal.aborted || Promise.reject(problem)));
  }
  #follow(stream) {
    stream.catch((problem) => this.fail(problem));
    this.#open.push(stream);
  }

  #headersFor(message) {
    const version = versionOf(message);
    if (typeof version !== 'string') return this.#session;
    const name = message.params[nameOf[message.method]];
    return { 'mcp-protocol-version': version, 'mcp-method': message.method, ...(name !== undefined && { 'mcp-name': String(name) }) };
  }

  async #take(answer, message) {
    if (isNotification(message)) {
      assert.deepEqual([answer.status, await answer.text()], [202, '']);
      return;
    }
    if (answer.headers.get('content-type') === 'text/event-stream') {
      assert.equal(answer.status, 200);
      return this.#readEvents(answer);
    }
    assert.equal(answer.headers.get('content-type'), 'application/json');
    const text = await answer.text();
    const received = this.#receive(text);
    if (text.startsWith('[')) assert.equal(answer.status, 200);
    else assertStatus(answer.status, received[0], versionOf(message) !== undefined);
    if (message?.method === 'initialize' && received[0].result) await this.#begin(answer, received[0]);
  }

  // From here on the session's headers go with each message, and its stream is open.
  async #begin(answer, { result }) {
    this.#session = { 'mcp-session-id': answer.headers.get('mcp-session-id'), 'mcp-protocol-version': result.protocolVersion };
    const stream = await fetch(this.#server.url, { headers: { accept: 'text/event-stream', ...this.#session } });
    assert.equal(stream.status, 200);
    this.#follow(this.#readEvents(stream));
  }

  async #readEvents(answer) {
    let text = '';
    for await (const piece of answer.body.pipeThrough(new TextDecoderStream('utf-8', { fatal: true }))) {
      const events = (text + piece).split('\n\n');
      text = events.pop();
      for (const event of events) {
        const data = event.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6)).join('\n');
        if (data) this.#receive(data);
      }
    }
    assert.equal(text, '', 'the last event lacks its end');
  }

  #receive(text) {
    const messages = this.conversation.received(Buffer.from(text));
    for (const message of messages) this.add(message);
    return messages;
  }
}

// What is not JSON gets an answer, too, and so does a batch if one of it does.
function isNotification(message) {
  return Array.isArray(message) ? message.every(isNotification) : typeof message?.method === 'string' && message.id === undefined;
}

function assertStatus(status, { error }, modern) {
  const exact = { '-32700': 400, '-32600': 400, ...(modern && { '-32601': 404, '-32020': 400, '-32021': 400, '-32022': 400 }) };
  const allowed = error ? [exact[error.code] ?? [200, 400]].flat() : [200];
  assert.ok(allowed.includes(status), `status ${status} with ${JSON.stringify(error ?? 'a result')}`);
}
