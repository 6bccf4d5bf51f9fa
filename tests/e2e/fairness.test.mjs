// What one client may take from the others: threads of calls and of jobs, which are shared between
// principals, and places that are kept while something is only waited for.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cli, scratch } from './lib/casemate.mjs';
import { processesWith, uniqueSleep, until } from './lib/facts.mjs';
import { answerIn, HttpServerProcess, jsonHeaders, modernMeta } from './lib/http.mjs';

const policy = `version: 1
rules:
  - id: everybody
    effect: allow
    tools: [run, job_status, job_cancel, resource_list, resource_read]
    limits: {memory_mb: 64, cpus: 1, pids: 16, wall_s: 600, output_kb: 64, disk_mb: 16}
    match: [{tool: run}]
    not_match: [{tool: other}]
`;

// A server with few places, and what a principal's calls look like.
async function serve(t, { enterprise = false } = {}) {
  const place = scratch(t);
  const config = path.join(place.dir, 'config.yaml');
  const rules = path.join(place.dir, 'policy.yaml');
  fs.writeFileSync(rules, policy);
  fs.writeFileSync(config, `version: 1\nauth: {mode: ${enterprise ? 'enterprise' : 'simple'}}\nmax_concurrent_calls: ${enterprise ? 4 : 1}\njobs: {max_running: 4}\n`);
  const env = { CASEMATE_CONFIG: config, CASEMATE_POLICY: rules };
  const tokenOf = async (name) => (await cli(place, ['token', 'add', name, '--principal', name], { env })).stdout.trim();
  const tokens = enterprise ? { ann: await tokenOf('ann'), bob: await tokenOf('bob') } : {};
  const server = await HttpServerProcess.start(place, { env });
  const as = (who) => (enterprise ? { authorization: `Bearer ${tokens[who]}` } : {});
  const call = async (who, name, args) => answerIn(await server.modern('tools/call', { name, arguments: args }, { headers: as(who) })).result;
  // A call whose client takes it back by going away.
  const begin = (who, args) => {
    const controller = new AbortController();
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'run', arguments: args, _meta: modernMeta } });
    const headers = { ...jsonHeaders, 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'run', ...as(who) };
    fetch(server.url, { method: 'POST', headers, body, signal: controller.signal }).catch(() => {});
    return controller;
  };
  return { call, begin, server, as };
}

test('calls of one principal leave threads to the others', async (t) => {
  const { call, begin, server, as } = await serve(t, { enterprise: true });
  const marker = uniqueSleep();
  const begun = Array.from({ length: 12 }, () => begin('ann', { command: ['sleep', marker] }));
  await until(() => processesWith(marker).length === 3, 'three quarters of the threads are hers');
  const mine = await call('bob', 'run', { command: ['echo', 'mine'] });
  assert.equal(mine.structuredContent.stdout, 'mine\n');
  const listed = answerIn(await server.modern('resources/list', {}, { headers: as('bob') })).result.resources;
  assert.ok(listed.some(({ uri }) => uri === 'casemate://docs/tools'));
  assert.equal(processesWith(marker).length, 3);
  begun.forEach((controller) => controller.abort());
  await until(() => processesWith(marker).length === 0, 'nothing of hers is left');
});

test('jobs of one principal leave threads to the others', async (t) => {
  const { call } = await serve(t, { enterprise: true });
  const marker = uniqueSleep();
  const jobs = [];
  for (let i = 0; i < 6; i++) jobs.push((await call('ann', 'run', { command: ['sleep', marker], background: true })).structuredContent.job_id);
  await until(() => processesWith(marker).length === 3, 'three quarters of the threads are hers');
  const { job_id } = (await call('bob', 'run', { command: ['echo', 'mine'], background: true })).structuredContent;
  const ended = await call('bob', 'job_status', { job_id, wait_ms: 50_000 });
  assert.equal(ended.structuredContent.result.stdout, 'mine\n');
  assert.equal(processesWith(marker).length, 3);
  for (const id of jobs) assert.equal((await call('ann', 'job_cancel', { job_id: id })).structuredContent.status, 'cancelled');
});

test('whoever waits takes no place from those who work', async (t) => {
  const { call } = await serve(t);
  const marker = uniqueSleep();
  const { job_id } = (await call('me', 'run', { command: ['sleep', marker], background: true })).structuredContent;
  const waiting = Array.from({ length: 20 }, () => call('me', 'job_status', { job_id, wait_ms: 50_000 }));
  assert.equal((await call('me', 'run', { command: ['echo', 'through'] })).structuredContent.stdout, 'through\n');
  assert.equal((await call('me', 'job_status', { job_id })).structuredContent.status, 'working');
  assert.equal((await call('me', 'job_cancel', { job_id })).structuredContent.status, 'cancelled');
  for (const answer of await Promise.all(waiting)) assert.equal(answer.structuredContent.status, 'cancelled');
});
