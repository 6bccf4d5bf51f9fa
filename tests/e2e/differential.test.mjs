// The same legal traffic to casemate and to a server on the official TypeScript SDK, 1.x and 2.x:
// what comes back has the same shape. Whatever differs is listed below with its reason.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import { scratch } from './lib/casemate.mjs';
import { MessageList } from './lib/message_list.mjs';
import { legacy, modernMeta, Server } from './lib/server.mjs';

// A line client of the other server, whose messages nobody validates.
class Peer extends MessageList {
  constructor(place, sdk) {
    super();
    const program = path.join(import.meta.dirname, 'lib/sdk_server.mjs');
    this.child = spawn(process.execPath, [program, sdk], { env: place.env, stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.child.stdout }).on('line', (line) => this.add(JSON.parse(line)));
    const closed = new Promise((resolve) => this.child.on('close', resolve)).then(() => this.fail(new Error('the peer ended')));
    place.closing(() => this.child.kill('SIGKILL') && closed);
  }
  send(message) {
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }
  reply(id) {
    return this.waitFor((m) => m.id === id && ('result' in m || 'error' in m), `the reply to ${id}`);
  }
}

// What is the server's own business: only its type counts.
const opaque = new Set(['structuredContent', 'inputSchema', 'outputSchema', 'data', 'icons', 'annotations']);

// The paths of a message with their types; the elements of a list count as one.
function shapeOf(value, at = '', into = new Map()) {
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  into.set(at, type);
  if (opaque.has(at.split('.').at(-1))) return into;
  if (type === 'array') for (const item of value) shapeOf(item, `${at}[]`, into);
  if (type === 'object') for (const [key, item] of Object.entries(value)) shapeOf(item, `${at}.${key.replaceAll('.', '/')}`, into);
  if (/\.(id|code|jsonrpc|method|protocolVersion|progressToken|isError|resultType|role|type)$/.test(at)) into.set(at, `${type} ${value}`);
  return into;
}

function differences(ours, theirs) {
  const [a, b] = [shapeOf(ours), shapeOf(theirs)];
  const paths = [...new Set([...a.keys(), ...b.keys()])].sort();
  return paths.filter((at) => a.get(at) !== b.get(at)).map((at) => `${at}: ${a.get(at) ?? 'absent'} / ${b.get(at) ?? 'absent'}`);
}

// Each step is a request; its name, and what stands in for its id.
const steps = (version) => {
  const modern = version === '2026-07-28';
  const meta = modern ? { _meta: modernMeta } : {};
  const run = (command, more = {}) => ({ name: 'run', arguments: { command }, ...meta, ...more });
  return [
    modern
      ? ['discover', 0, 'server/discover', meta]
      : ['initialize', 0, 'initialize', legacy(version)],
    ['list tools', 'text id', 'tools/list', meta],
    ['list resources', -1, 'resources/list', meta],
    ['list templates', 9007199254740991, 'resources/templates/list', meta],
    ['list prompts', '', 'prompts/list', meta],
    ['call', 1, 'tools/call', run(['echo', 'hi'])],
    ['call with progress', 2, 'tools/call', run(['echo', 'hi'], { _meta: { ...meta._meta, progressToken: 7 } })],
    ['call that fails', 3, 'tools/call', run(['casemate-no-such-program'])],
    ['call with bad arguments', 4, 'tools/call', { ...run([]), arguments: { command: 7 } }],
    ['call of no tool', 5, 'tools/call', { ...run([]), name: 'none' }],
    ['read', 6, 'resources/read', { uri: 'casemate://docs/tools', ...meta }],
    ['read nothing', 7, 'resources/read', { uri: 'casemate://docs/none', ...meta }],
    ['prompt', 8, 'prompts/get', { name: 'run_and_explain', arguments: { command: 'make' }, ...meta }],
    ['no prompt', 9, 'prompts/get', { name: 'none', ...meta }],
    ['prompt without its argument', 10, 'prompts/get', { name: 'run_and_explain', arguments: {}, ...meta }],
    ['complete', 11, 'completion/complete', { ref: { type: 'ref/resource', uri: 'casemate://profiles/{name}' }, argument: { name: 'name', value: 'def' }, ...meta }],
    ['no method', 12, 'no/such', meta],
    ['ping', 13, 'ping', meta],
    ['set log level', 14, 'logging/setLevel', { level: 'error', ...meta }],
  ];
};

async function talk(server, version) {
  const replies = new Map();
  for (const [name, id, method, params] of steps(version)) {
    server.send({ id, method, params });
    replies.set(name, await server.reply(id));
    if (method === 'initialize') server.send({ method: 'notifications/initialized' });
  }
  const told = server.messages.find((m) => m.method === 'notifications/progress');
  if (told) replies.set('progress', told);
  return replies;
}

const before = (edition) => (at) => at < edition;
const only = (edition) => (at) => at === edition;
const always = () => true;

// What may differ: in which step, where, up to which edition, with which SDK, and why.
const allowed = [
  { at: /serverInfo\.(description|icons)$/, why: 'both are optional (schema, Implementation)' },
  { at: /\.capabilities\.extensions/, in: only('2026-07-28'), why: 'we have the tasks extension, the peer none (schema, ServerCapabilities)' },
  { at: /\.capabilities\.completions$/, in: before('2025-03-26'), why: 'the capability exists since 2025-03-26 (its changelog)' },
  { at: /\.title$/, in: before('2025-06-18'), why: 'titles exist since 2025-06-18 (its changelog)' },
  { at: /\.prompts\[\]\.arguments\[\]\.(title|description)$/, why: 'both are optional (schema, PromptArgument)' },
  { at: /\.(tools|prompts)\[\]\.icons$/, why: 'optional since 2025-11-25 (schema, Icons)' },
  { at: /\.resources\[\]\.size$/, why: 'optional (schema, Resource)' },
  { at: /\.tools\[\]\.annotations$/, in: before('2025-03-26'), why: 'annotations exist since 2025-03-26 (its changelog)' },
  { at: /\.outputSchema$|\.structuredContent$/, in: before('2025-06-18'), why: 'structured output exists since 2025-06-18 (its changelog)' },
  { at: /\.tools\[\]\.execution/, sdk: '1', why: 'part of the experimental tasks of 2025-11-25, which we do not have (schema, Tool)' },
  { step: 'progress', at: /\.params\.message$/, in: before('2025-03-26'), why: 'the message exists since 2025-03-26 (its changelog)' },
  { at: /\.error\.data$/, why: 'optional (JSON-RPC 2.0, section 5.1)' },
  { step: 'read nothing', at: /\.error\.code$/, in: before('2026-07-28'), why: 'we say -32002, as server/resources of these editions does; the SDK says -32602' },
  { step: 'call of no tool', at: /^\.(error|result)/, sdk: '1', why: 'an unknown tool is a protocol error (server/tools, error handling); SDK 1.x makes it a result' },
  { step: 'call with bad arguments', at: /^\.(error|result)/, in: before('2025-11-25'), why: 'a protocol error until 2025-06-18 (server/tools, error handling), a result since' },
  { step: 'call with bad arguments', at: /\.structuredContent$/, why: 'the structured form of an error is optional (schema, CallToolResult)' },
];
const seen = new Set();

function allowanceFor(sdk, edition, step, difference) {
  const at = difference.split(':')[0];
  return allowed.find((entry) => entry.at.test(at) && (entry.step ?? step) === step && (entry.sdk ?? sdk) === sdk && (entry.in ?? always)(edition));
}

const editionsOf = {
  1: ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'],
  2: ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'],
};
for (const [sdk, editions] of Object.entries(editionsOf)) {
  for (const edition of editions) {
    test(`${edition}: the shapes of SDK ${sdk}.x`, async (t) => {
      const place = scratch(t);
      const [ours, theirs] = await Promise.all([talk(Server.start(place), edition), talk(new Peer(place, sdk), edition)]);
      const unexpected = [];
      for (const step of new Set([...ours.keys(), ...theirs.keys()])) {
        for (const difference of differences(ours.get(step), theirs.get(step))) {
          const entry = allowanceFor(sdk, edition, step, difference);
          if (entry) seen.add(entry);
          else unexpected.push(`${step}${difference}`);
        }
      }
      assert.deepEqual(unexpected, [], 'ours / theirs');
      assert.equal(ours.size, steps(edition).length + 1, 'an answer to each, and progress');
    });
  }
}

test('each difference that is allowed is there', () => {
  assert.deepEqual(allowed.filter((entry) => !seen.has(entry)).map(({ why }) => why), []);
});

test('a difference of kind, code, id, type or field is seen', () => {
  const good = { jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'a' }], ttlMs: 1 } };
  const bad = [
    { ...good, id: '1' },
    { jsonrpc: '2.0', id: 1, error: { code: -32601, message: '' } },
    { ...good, result: { tools: {}, ttlMs: 1 } },
    { ...good, result: { tools: [{}], ttlMs: 1 } },
    { ...good, result: { tools: [{ name: 1 }], ttlMs: 1 } },
    { ...good, result: { tools: [{ name: 'a' }], ttlMs: 1, more: 1 } },
    undefined,
  ];
  assert.deepEqual(differences(good, good), []);
  for (const message of bad) assert.notDeepEqual(differences(good, message), [], JSON.stringify(message));
  const error = (code) => ({ jsonrpc: '2.0', id: 1, error: { code, message: '' } });
  assert.deepEqual(differences(error(-32601), error(-32602)), ['.error.code: number -32601 / number -32602']);
});
