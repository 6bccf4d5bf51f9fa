// Streamable HTTP with the real server: official clients of both families, sessions, headers,
// cancellation by closing, an orderly end. Hostile clients: http_attacks.test.mjs.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { cli, scratch, verifyTrail } from './lib/casemate.mjs';
import { processesWith, uniqueSleep, until } from './lib/facts.mjs';
import { eventsIn, HttpServerProcess, jsonHeaders, modernMeta } from './lib/http.mjs';

const info = { name: 'e2e', version: '1' };
const initialize = (version) => ({ jsonrpc: '2.0', id: 'i', method: 'initialize', params: { protocolVersion: version, capabilities: {}, clientInfo: info } });
const run = (command, extra = {}) => ({ name: 'run', arguments: { command, ...extra } });

async function legacySession(server, version = '2025-11-25') {
  const answer = await server.post(initialize(version));
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.headers['mcp-session-id'], /^[0-9a-f]{64}$/);
  return { 'mcp-session-id': answer.headers['mcp-session-id'], 'mcp-protocol-version': version };
}

test('the official client 1.x over HTTP', async (t) => {
  const server = await HttpServerProcess.start(scratch(t));
  const client = new Client1(info);
  await client.connect(new Transport1(new URL(server.url)));
  t.after(() => client.close());
  const seen = [];
  const result = await client.callTool(run(['sh', '-c', 'echo one; echo two']), undefined, { onprogress: (p) => seen.push(p.message) });
  assert.equal(result.structuredContent.stdout, 'one\ntwo\n');
  assert.equal(seen.join(''), 'one\ntwo\n');
  const { resources } = await client.listResources();
  const docs = resources.find((r) => r.uri === 'casemate://docs/tools');
  assert.match((await client.readResource({ uri: docs.uri })).contents[0].text, /^# /);
  const prompt = await client.getPrompt({ name: 'run_and_explain', arguments: { command: 'ls' } });
  assert.equal(prompt.messages[0].role, 'user');
  await assert.rejects(client.readResource({ uri: 'casemate://docs/none' }), { code: -32002 });
});

test('the official client 2.x over HTTP, in the modern edition', async (t) => {
  const server = await HttpServerProcess.start(scratch(t));
  const client = new Client2(info, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(new Transport2(new URL(server.url)));
  t.after(() => client.close());
  const { tools } = await client.listTools();
  assert.ok(tools.some((tool) => tool.name === 'run'));
  const result = await client.callTool(run(['echo', 'hello']));
  assert.equal(result.structuredContent.stdout, 'hello\n');
});

test('closing the stream of a modern request cancels it; of an older one it does not', async (t) => {
  const place = scratch(t);
  const server = await HttpServerProcess.start(place);
  const send = (message, headers) => {
    const controller = new AbortController();
    const sent = fetch(server.url, { method: 'POST', headers: { ...jsonHeaders, ...headers }, body: JSON.stringify(message), signal: controller.signal });
    sent.catch(() => {});
    return controller;
  };
  const marker = uniqueSleep();
  const modern = send(
    { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { ...run(['sleep', marker]), _meta: modernMeta } },
    { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'run' },
  );
  await until(() => processesWith(marker).length > 0, 'the command runs');
  modern.abort();
  await until(() => processesWith(marker).length === 0, 'it was cancelled');

  const session = await legacySession(server);
  const other = uniqueSleep();
  const legacy = send({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: run(['sleep', other]) }, session);
  await until(() => processesWith(other).length > 0, 'the command runs');
  legacy.abort();
  assert.equal((await server.post({ jsonrpc: '2.0', id: 3, method: 'ping' }, session)).status, 200);
  assert.ok(processesWith(other).length > 0, 'it goes on');
  await server.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } }, session);
  await until(() => processesWith(other).length === 0, 'it was cancelled');
});

test('an answer that was missed is there for Last-Event-ID', async (t) => {
  const server = await HttpServerProcess.start(scratch(t));
  const session = await legacySession(server);
  const call = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { ...run(['sh', '-c', 'echo begun; sleep 0.3; echo done']), _meta: { progressToken: 'p' } } };
  const controller = new AbortController();
  const answer = await fetch(server.url, { method: 'POST', headers: { ...jsonHeaders, ...session }, body: JSON.stringify(call), signal: controller.signal });
  assert.equal(answer.headers.get('content-type'), 'text/event-stream');
  assert.equal(answer.headers.get('x-accel-buffering'), 'no');
  const reader = answer.body.getReader();
  const text = Buffer.from((await reader.read()).value).toString();
  const last = /id: (\S+)\n/.exec(text)[1];
  controller.abort();
  let rest = [];
  while (rest.length === 0) { // until the server has seen that the connection is gone: before, it says 409
    const resumed = await server.request('GET', { headers: { accept: 'text/event-stream', ...session, 'last-event-id': last } });
    rest = resumed.status === 200 ? eventsIn(resumed.text) : [];
  }
  assert.equal(rest.at(-1).id, 7);
  assert.equal(rest.at(-1).result.structuredContent.stdout, 'begun\ndone\n');
});

test('statuses and headers', async (t) => {
  const server = await HttpServerProcess.start(scratch(t));
  const session = await legacySession(server);
  const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
  const status = async (answer) => (await answer).status;
  assert.equal(await status(server.post(ping)), 400);
  assert.equal(await status(server.post(ping, { ...session, 'mcp-session-id': '0'.repeat(64) })), 404);
  assert.equal(await status(server.post(ping, session)), 200);
  assert.equal(await status(server.post('{"jsonrpc":', session)), 400);
  assert.equal(await status(server.post({ jsonrpc: '2.0', method: 'notifications/initialized' }, session)), 202);
  assert.equal(await status(server.post(ping, { ...session, 'content-type': 'text/plain' })), 415);
  assert.equal(await status(server.post(ping, { ...session, accept: 'text/html' })), 406);
  assert.equal(await status(server.post(ping, { ...session, origin: 'http://evil.example' })), 403);
  assert.equal(await status(server.post(ping, { ...session, host: 'evil.example' })), 403);
  assert.equal(await status(server.post(ping, { ...session, origin: 'http://localhost:6274' })), 200);
  assert.equal(await status(server.request('PUT', { headers: session })), 405);
  assert.equal(await status(server.request('GET', { headers: { 'mcp-protocol-version': '2026-07-28', accept: 'text/event-stream' } })), 405);
  assert.equal((await server.modern('no/such')).status, 404);
  const mismatch = await server.modern('tools/call', run(['true']), { headers: { 'mcp-name': 'other' } });
  assert.deepEqual([mismatch.status, mismatch.json.error.code, mismatch.json.id], [400, -32020, 1]);
  assert.equal((await server.modern('tools/list')).json.result.resultType, 'complete');
  assert.equal(await status(server.request('DELETE', { headers: session })), 204);
  assert.equal(await status(server.post(ping, session)), 404);
});

test('a server with tokens lets nobody in without one, and forgets a removed one', async (t) => {
  const place = scratch(t);
  const { writeFileSync } = await import('node:fs');
  const config = `${place.dir}/config.yaml`;
  writeFileSync(config, 'version: 1\nauth: {mode: enterprise}\n');
  const env = { CASEMATE_CONFIG: config };
  const made = await cli(place, ['token', 'add', 'test'], { env });
  assert.equal(made.code, 0, made.stderr);
  const token = made.stdout.trim();
  const server = await HttpServerProcess.start(place, { env });
  const list = (headers) => server.modern('tools/list', {}, { headers });
  const refused = await list({});
  assert.equal(refused.status, 401);
  assert.match(refused.headers['www-authenticate'], /^Bearer/);
  assert.equal((await list({ authorization: 'Bearer cmt_00000000_wrong' })).status, 401);
  assert.equal((await list({ authorization: `Bearer ${token}` })).status, 200);
  assert.equal((await cli(place, ['token', 'rm', 'test'], { env })).code, 0);
  assert.equal((await list({ authorization: `Bearer ${token}` })).status, 401);
});

test('the tools cost little context', async (t) => {
  const server = await HttpServerProcess.start(scratch(t));
  const { result } = (await server.modern('tools/list')).json;
  const bytes = (what) => Buffer.byteLength(JSON.stringify(what));
  assert.ok(bytes(result.tools) < 12_000, `${bytes(result.tools)} bytes of tools`);
  const { instructions } = (await server.modern('server/discover')).json.result;
  assert.ok(bytes(instructions) < 1_100, `${bytes(instructions)} bytes of instructions`);
  for (const tool of result.tools) {
    assert.match(tool.name, /^[a-z0-9_]{1,30}$/);
    for (const schema of [tool.inputSchema, tool.outputSchema]) {
      assert.equal(schema.type, 'object');
      for (const word of ['oneOf', 'anyOf', 'allOf', 'if']) assert.ok(!(word in schema), `${tool.name}: ${word}`);
    }
  }
  const long = await server.modern('tools/call', run(['seq', '1', '100000']));
  const text = long.json.result.content.filter((c) => c.type === 'text').map((c) => c.text).join('');
  assert.ok(Buffer.byteLength(text) <= 8192, `${Buffer.byteLength(text)} bytes`);
  const link = long.json.result.content.find((c) => c.type === 'resource_link');
  const whole = await server.modern('resources/read', { uri: link.uri });
  assert.match(whole.json.result.contents[0].text, /\n99999\n100000\n/);
});

test('SIGTERM lets a call end, then ends the server', async (t) => {
  const place = scratch(t);
  const server = await HttpServerProcess.start(place);
  const marker = uniqueSleep();
  const call = server.modern('tools/call', run(['sh', '-c', 'sleep 0.5; echo finished', marker]));
  await until(() => processesWith(marker).length > 0, 'the command runs');
  server.child.kill('SIGTERM');
  assert.match((await call).text, /finished/);
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  assert.deepEqual((await verifyTrail(place)).unfinished, []);
});
