// Sixteen official and raw clients of all editions at once on one HTTP server, with the same ids and
// the same progress tokens: each sees its own progress, cancellations and results, and nothing else.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { scratch, verifyTrail } from './lib/casemate.mjs';
import { casemate, connectTo, connections } from './lib/clients.mjs';
import { processesWith, uniqueSleep, until } from './lib/facts.mjs';
import { HttpServerProcess } from './lib/http.mjs';
import { HttpConnection } from './lib/http_connection.mjs';
import { modernMeta } from './lib/server.mjs';

const older = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];
const official = connections.filter((c) => c.transport === 'http');
const shell = (script, workspace) => ({ command: ['sh', '-c', script], workspace });
// Speaks, then waits until all of the others have spoken, so that all calls run at the same time.
const duet = (word) => `echo ${word} begins; until [ -e go ]; do sleep 0.02; done; echo ${word} ends`;
// Begins and never ends by itself; the word is an argument that finds its process.
const endless = (word, marker) => `echo ${word} sleeps; exec sleep ${marker}`;

// A raw client of one edition. All of them use the same ids and tokens.
class RawClient {
  constructor(connection, edition) {
    Object.assign(this, { connection, meta: edition === '2026-07-28' ? modernMeta : {} });
  }
  static async start(server, edition) {
    const connection = HttpConnection.to(server);
    if (edition !== '2026-07-28') {
      await connection.send({ id: 0, method: 'initialize', params: { protocolVersion: edition, capabilities: {}, clientInfo: { name: 'e2e', version: '1' } } });
      await connection.waitFor((m) => m.id === 0 && m.result.protocolVersion === edition);
    }
    return new RawClient(connection, edition);
  }
  async #call(id, args) {
    const params = { name: 'run', arguments: args, _meta: { ...this.meta, progressToken: `token-${id}` } };
    return this.connection.send({ id, method: 'tools/call', params });
  }
  #progress(id) {
    return this.connection.waitFor((m) => m.method === 'notifications/progress' && m.params.progressToken === `token-${id}`);
  }
  async run(args, onBegun) {
    await this.#call(1, args);
    await this.#progress(1);
    onBegun();
    const { result } = await this.connection.waitFor((m) => m.id === 1 && m.method === undefined);
    return result.content[0].text;
  }
  async cancelled(args) {
    await this.#call(2, args);
    await this.#progress(2);
    if (this.meta === modernMeta) this.connection.abort(2);
    else await this.connection.send({ method: 'notifications/cancelled', params: { requestId: 2 } });
  }
  everything() {
    return JSON.stringify(this.connection.messages);
  }
  close() {
    assert.equal(this.connection.messages.filter((m) => m.id === 1).length, 1);
    assert.equal(this.connection.messages.filter((m) => m.id === 2).length, 0, 'a cancelled call has no answer');
    this.connection.conversation.check();
  }
}

class OfficialClient {
  #seen = [];
  constructor(client) {
    this.client = client;
    client.onerror = (problem) => this.#seen.push(String(problem)); // such as progress of a token not its own
  }
  static async start(place, server, connection) {
    return new OfficialClient(await connectTo(place, connection, server.url));
  }
  async run(args, onBegun) {
    const onprogress = (progress) => {
      this.#seen.push(progress.message);
      onBegun();
    };
    const result = await this.client.call('run', args, { onprogress });
    this.#seen.push(result);
    return result.content[0].text;
  }
  async cancelled(args) {
    const abort = new AbortController();
    const onprogress = (progress) => {
      this.#seen.push(progress.message);
      abort.abort();
    };
    await assert.rejects(this.client.call('run', args, { onprogress, signal: abort.signal }));
  }
  everything() {
    return JSON.stringify(this.#seen);
  }
  close() {}
}

test('sixteen clients of all editions at once see only their own', async (t) => {
  const place = scratch(t);
  const server = await HttpServerProcess.start(place, casemate.http);
  const clients = await Promise.all(Array.from({ length: 16 }, (_, i) => {
    if (i < 6) return OfficialClient.start(place, server, official[i % official.length]);
    return RawClient.start(server, [...older, '2026-07-28'][i % 5]);
  }));
  const markers = clients.map(() => uniqueSleep());
  let begun = 0;
  const texts = await Promise.all(clients.map(async (client, i) => {
    const word = `client-${i}-`;
    await client.cancelled(shell(endless(word, markers[i])));
    let first = true;
    return client.run(shell(duet(word), place.work), () => {
      if (first && ++begun === clients.length) fs.writeFileSync(path.join(place.work, 'go'), '');
      first = false;
    });
  }));
  for (const [i, client] of clients.entries()) {
    const word = `client-${i}-`;
    assert.ok(texts[i].includes(`${word} begins\n${word} ends\n`), texts[i]);
    const mentioned = client.everything().match(/client-\d+-/g);
    assert.deepEqual([...new Set(mentioned)], [word]);
  }
  for (const marker of markers) await until(() => processesWith(marker).length === 0, 'cancelled calls are gone');
  for (const client of clients) client.close();
  assert.deepEqual((await verifyTrail(place)).unfinished, []);
});
