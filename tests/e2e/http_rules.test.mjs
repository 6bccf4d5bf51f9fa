// What the specification demands of HTTP beside the way that clients take: versions, encodings,
// extensions, pages of a browser; and that slow calls, or a second signal, find the server answering.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cli, scratch, verifyTrail } from './lib/casemate.mjs';
import { processesWith, uniqueSleep, until } from './lib/facts.mjs';
import { eventsIn, HttpServerProcess, jsonHeaders, modernMeta } from './lib/http.mjs';

const tasks = { 'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } } };
const run = (command, extra = {}) => ({ name: 'run', arguments: { command, ...extra } });

async function session(server, headers = {}) {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'e2e', version: '1' } };
  const begun = await server.post({ jsonrpc: '2.0', id: 'i', method: 'initialize', params }, headers);
  return { 'mcp-session-id': begun.headers['mcp-session-id'], 'mcp-protocol-version': '2025-11-25' };
}

test('an unknown protocol version is refused of whatever kind the message is', async (t) => {
  const server = await HttpServerProcess.start(scratch(t));
  const known = await session(server);
  const wrong = { ...known, 'mcp-protocol-version': '1999-01-01' };
  for (const message of [{ method: 'ping', id: 1 }, { method: 'notifications/initialized' }, { id: 'x', result: {} }]) {
    assert.equal((await server.post({ jsonrpc: '2.0', ...message }, wrong)).status, 400, JSON.stringify(message));
  }
  assert.equal((await server.request('GET', { headers: { ...wrong, accept: 'text/event-stream' } })).status, 400);
  assert.equal((await server.request('DELETE', { headers: wrong })).status, 400);
  assert.equal((await server.request('DELETE', { headers: known })).status, 204, 'the session was still there');
});

test('only names and arguments may be encoded in headers', async (t) => {
  const server = await HttpServerProcess.start(scratch(t));
  const encoded = (text) => `=?base64?${Buffer.from(text).toString('base64')}?=`;
  const named = { headers: { 'mcp-name': encoded('profile_list') } };
  assert.equal((await server.modern('tools/call', { name: 'profile_list', arguments: {} }, named)).status, 200);
  for (const headers of [{ 'mcp-method': encoded('tools/list') }, { 'mcp-protocol-version': encoded('2026-07-28') }]) {
    const answer = await server.modern('tools/list', {}, { headers });
    assert.equal(answer.status, 400, JSON.stringify(headers));
  }
  const response = await server.post({ jsonrpc: '2.0', id: 1, result: {} }, { 'mcp-protocol-version': '2026-07-28' });
  assert.equal(response.status, 400);
});

test('what is gone is not found, and is no empty stream', async (t) => {
  const server = await HttpServerProcess.start(scratch(t));
  const known = await session(server);
  const resume = (id) => server.request('GET', { headers: { ...known, accept: 'text/event-stream', 'last-event-id': id } });
  for (const id of ['99-7', '0-700']) assert.equal((await resume(id)).status, 404, id);
  assert.equal((await resume('x')).status, 400);
  const wrongPath = await fetch(new URL('/other', server.url), { method: 'POST', headers: jsonHeaders, body: '{}' });
  assert.deepEqual([wrongPath.status, (await wrongPath.json()).error.code], [404, -32600], 'not "begin anew"');
});

test('pages of an allowed origin can read every answer', async (t) => {
  const server = await HttpServerProcess.start(scratch(t));
  const origin = 'http://localhost:6274';
  const allowed = (answer) => assert.equal(answer.headers['access-control-allow-origin'], origin, String(answer.status));
  const preflight = await server.request('OPTIONS', { headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'mcp-param-city, x-other' } });
  allowed(preflight);
  assert.match(preflight.headers['access-control-allow-headers'], /mcp-param-city/);
  assert.doesNotMatch(preflight.headers['access-control-allow-headers'], /x-other/);
  const known = await session(server, { origin });
  const stream = await fetch(server.url, { headers: { ...known, origin, accept: 'text/event-stream' } });
  assert.equal(stream.headers.get('access-control-allow-origin'), origin);
  await stream.body.cancel();
  allowed(await server.request('GET', { headers: { origin, accept: 'text/event-stream' } }));
  allowed(await server.post('[]', { ...known, origin }));
  allowed(await server.request('DELETE', { headers: { ...known, origin } }));
  allowed(await server.request('DELETE', { headers: { ...known, origin } }));
});

test('following tasks needs the extension, and passes policy', async (t) => {
  const place = scratch(t);
  const policy = path.join(place.dir, 'policy.yaml');
  const config = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(policy, 'version: 1\nrules:\n  - {id: run-only, effect: allow, tools: [run]}\n');
  fs.writeFileSync(config, `version: 1\npolicy_file: ${policy}\n`);
  const server = await HttpServerProcess.start(place, { env: { CASEMATE_CONFIG: config } });
  const listen = (meta) => {
    const params = { notifications: { taskIds: [job] }, _meta: { ...modernMeta, ...meta } };
    const headers = { ...jsonHeaders, 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' };
    return fetch(server.url, { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'subscriptions/listen', params }) });
  };
  const marker = uniqueSleep();
  const begun = await server.modern('tools/call', run(['sleep', marker], { background: true }));
  const job = begun.json.result.structuredContent.job_id;
  assert.ok(job, begun.text);
  const undeclared = await listen({});
  assert.deepEqual([undeclared.status, (await undeclared.json()).error.code], [400, -32021]);
  const refused = await listen(tasks);
  const reader = refused.body.getReader();
  let text = '';
  while (!text.includes('\n\n')) text += new TextDecoder().decode((await reader.read()).value);
  const [acknowledged] = eventsIn(text);
  assert.equal(JSON.stringify(acknowledged).includes(job), false, 'policy lets nobody follow jobs');
  await reader.cancel();
  const { stdout } = await cli(place, ['audit', 'tail', '--json'], { env: { CASEMATE_CONFIG: config } });
  assert.match(stdout, /"kind":"refused".*job_status/);
});

test('what is short is answered while calls take all threads', async (t) => {
  const place = scratch(t);
  const server = await HttpServerProcess.start(place);
  const marker = uniqueSleep();
  const controller = new AbortController();
  const sleeper = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { ...run(['sleep', marker]), _meta: modernMeta } };
  const headers = { ...jsonHeaders, 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'run' };
  const calls = Array.from({ length: 24 }, () => fetch(server.url, { method: 'POST', headers, body: JSON.stringify(sleeper), signal: controller.signal }).catch(() => {}));
  await until(() => processesWith(marker).length >= 16, 'as many run as can');
  assert.equal((await server.modern('resources/list')).status, 200);
  assert.equal((await server.modern('resources/read', { uri: 'casemate://docs/tools' })).status, 200);
  assert.equal((await server.modern('tools/call', { name: 'profile_list', arguments: {} })).status, 200);
  assert.equal(processesWith(marker).length >= 16, true, 'they still run');
  controller.abort();
  await Promise.all(calls);
  await until(() => processesWith(marker).length === 0, 'they are cancelled');
});

test('a second signal ends the server without waiting for calls', async (t) => {
  const place = scratch(t);
  const server = await HttpServerProcess.start(place);
  const marker = uniqueSleep();
  server.modern('tools/call', run(['sleep', marker])).catch(() => {});
  await until(() => processesWith(marker).length > 0, 'the call runs');
  server.child.kill('SIGTERM');
  server.child.kill('SIGINT');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  await until(() => processesWith(marker).length === 0, 'the launcher ends what ran');
  assert.equal((await verifyTrail(place)).unfinished.length, 1, 'nobody waited for its outcome');
});
