// Servers that work with an engine of a test, their clients, and what the engine itself says of the
// containers: never our own words about ourselves.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { cli, scratch } from '../e2e/lib/casemate.mjs';
import { legacy, Server } from '../e2e/lib/server.mjs';
import { Engines, skipped } from './engines.mjs';

const both = ['docker', 'podman'];
// A test of each engine, side by side: most of it is waiting.
export function onBoth(what, body, wanted = {}) {
  test(what, { skip: skipped, concurrency: true }, async (t) => {
    await Promise.all(both.map((name) => t.test(name, async (each) => body(each, (await Engines.start(each, { [name]: true, ...wanted }))[name]))));
  });
}
export const labels = { incarnation: 'io.casemate.incarnation', principal: 'io.casemate.principal', tenant: 'io.casemate.tenant', purpose: 'io.casemate.purpose' };
// The tests run as root, and root's files in a workspace are not for a container's ordinary user.
export const owner = 1000;

// A place for servers on `engine` (or on any `socket`), with a writable root `work` and a read-only
// one, `library`. `toolsets`, `policy` and `images` as the configuration has them.
export function placeOn(t, engine, { socket = engine.socket, toolsets = '[core, containers]', policy = 'developer', images = '["casemate-test/*"]' } = {}) {
  const place = scratch(t);
  fs.chmodSync(place.dir, 0o755);
  place.library = path.join(place.dir, 'library');
  fs.mkdirSync(place.library);
  for (const root of [place.work, place.library]) fs.chownSync(root, owner, owner);
  const config = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(config, `version: 1
toolsets: ${toolsets}
policy_file: ${policy}
workspace_roots: [{path: ${place.work}}, {path: ${place.library}, writable: false}]
${toolsets.includes('containers') ? `containers: {socket: ${socket}, images: ${images}}\n` : ''}`);
  delete place.env.CASEMATE_WORKSPACE_ROOTS;
  place.env.CASEMATE_CONFIG = config;
  return place;
}

// A policy of one's own: what `rules` (flow mappings) say, in a file of the place.
export function policyIn(place, ...rules) {
  const file = path.join(place.dir, 'policy.yaml');
  fs.writeFileSync(file, `version: 1\nrules:\n${rules.map((rule) => `  - ${rule}\n`).join('')}`, { mode: 0o644 });
  place.env.CASEMATE_POLICY = file;
}

// A server and a client of it. `approves`: its person says yes to whatever is asked; `asked` holds
// the questions.
export async function session(place, { approves = false } = {}) {
  const server = Server.start(place);
  server.asked = [];
  if (approves) {
    const add = server.add.bind(server);
    server.add = (message) => {
      if (message.method === 'elicitation/create') {
        server.asked.push(message.params.message);
        server.send({ id: message.id, result: { action: 'accept', content: { approve: true } } });
      }
      add(message);
    };
  }
  await server.request('initialize', { ...legacy(), capabilities: approves ? { elicitation: {} } : {} });
  server.send({ method: 'notifications/initialized' });
  return server;
}

// The result of one tool, flat: structured content, `isError`, `text`, and `error` where there is one.
export async function call(server, name, args, meta) {
  const reply = await server.request('tools/call', { name, arguments: args, ...(meta && { _meta: meta }) });
  return flat(reply);
}
export function flat({ result, error }) {
  assert.equal(error, undefined, JSON.stringify(error));
  return { ...result.structuredContent, isError: result.isError === true, text: result.content[0].text };
}
// It must work, or it must be refused so.
export async function fine(server, name, args) {
  const result = await call(server, name, args);
  assert.equal(result.isError, false, `${name} ${JSON.stringify(args)}: ${result.text}`);
  return result;
}
export async function refused(server, name, args, kinds, words) {
  const result = await call(server, name, args);
  const what = `${name} ${JSON.stringify(args).slice(0, 500)}: ${JSON.stringify(result).slice(0, 1500)}`;
  assert.equal(result.isError, true, what);
  assert.ok([kinds].flat().includes(result.error?.kind), what);
  if (words) assert.match(result.text, words, what);
  assert.match(result.text, /What to do: ./, what);
  return result;
}

// What the engine has, by its own word: rows of GET /containers/json.
export const containersOf = async (engine) => (await engine.request('GET', '/v1.41/containers/json?all=1')).json;
export const inspect = async (engine, id) => (await engine.request('GET', `/v1.41/containers/${id}/json`)).json;
export const remove = (engine, id) => engine.request('DELETE', `/v1.41/containers/${id}?force=1&v=1`);

// The intents of the trail with their outcomes, oldest first; the trail must be whole.
export async function trailOf(place) {
  const verified = await cli(place, ['audit', 'verify', '--json']);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  const { stdout } = await cli(place, ['audit', 'tail', '-n', '1000', '--json']);
  const records = stdout.trim().split('\n').map((line) => JSON.parse(line)).sort((a, b) => a.seq - b.seq);
  const outcomes = new Map(records.filter(({ kind }) => kind === 'outcome').map((r) => [r.intent_seq, r.outcome]));
  return { records, intents: records.filter(({ kind }) => kind === 'intent').map((r) => ({ ...r, outcome: outcomes.get(r.seq) })) };
}
