// Bearer tokens on the command line: made, listed, removed, and on record.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { bin, cli, scratch, verifyTrail } from './lib/casemate.mjs';
import { processesWith, uniqueSleep, until } from './lib/facts.mjs';
import { HttpServerProcess, jsonHeaders, modernMeta } from './lib/http.mjs';

const form = /^cmt_([0-9a-f]{8})_[A-Za-z0-9_-]{43}\n$/;
const list = async (place) => JSON.parse((await cli(place, ['token', 'list', '--json'])).stdout).tokens;
const records = async (place) => {
  const { stdout } = await cli(place, ['audit', 'tail', '--json']);
  return stdout.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
};

test('a token is shown once, listed without its secret, and ended', async (t) => {
  const place = scratch(t);
  const added = await cli(place, ['token', 'add', 'laptop', '--expires', '12h']);
  assert.equal(added.code, 0);
  const [, id] = form.exec(added.stdout);
  assert.match(added.stderr, new RegExp(`Token ${id} \\(laptop\\) speaks for local, expires .* UTC`));

  const [token] = await list(place);
  assert.deepEqual([token.id, token.name, token.state, token.last_used_ms], [id, 'laptop', 'active', null]);
  assert.deepEqual(token.principal, { id: 'local', tenant: 'local', roles: ['owner'] });
  assert.equal(token.expires_ms - token.created_ms, 12 * 3600 * 1000);
  const table = (await cli(place, ['token', 'list'])).stdout;
  assert.match(table, new RegExp(`^ID .*STATE.*\n${id}  laptop  local  .*owner  active  `));

  const secret = added.stdout.trim().slice(13);
  for (const text of [table, added.stderr, JSON.stringify(token), JSON.stringify(await records(place))]) {
    assert.equal(text.includes(secret), false);
  }
  for (const name of fs.readdirSync(place.state, { recursive: true })) {
    const file = path.join(place.state, name);
    if (fs.statSync(file).isFile()) assert.equal(fs.readFileSync(file).includes(secret), false, name);
  }

  const removed = await cli(place, ['token', 'rm', 'laptop']);
  assert.deepEqual([removed.code, removed.stdout], [0, '']);
  assert.equal((await list(place))[0].state, 'revoked');
  const again = await cli(place, ['token', 'rm', 'laptop']);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /casemate token list/);
});

test('principal, roles and expiry', async (t) => {
  const place = scratch(t);
  assert.equal((await cli(place, ['token', 'add', 'ci', '--principal', 'ci@example.org', '--role', 'build', '--role', 'read', '--expires', 'never'])).code, 0);
  assert.equal((await cli(place, ['token', 'add', 'plain', '--principal', 'ann'])).code, 0);
  assert.equal((await cli(place, ['token', 'add', 'less', '--role', 'reader'])).code, 0);
  const [ci, plain, less] = await list(place);
  assert.deepEqual([ci.principal.id, ci.principal.roles, ci.expires_ms], ['ci@example.org', ['build', 'read'], null]);
  assert.deepEqual([plain.principal.id, plain.principal.roles], ['ann', []], 'only the owner is an owner by default');
  assert.equal(plain.expires_ms - plain.created_ms, 90 * 24 * 3600 * 1000);
  assert.deepEqual(less.principal, { id: 'local', tenant: 'local', roles: ['reader'] });
});

test('wrong usage exits with 2, makes nothing and says what is wrong', async (t) => {
  const place = scratch(t);
  const wrong = [
    [['token'], /subcommand/],
    [['token', 'add'], /name/],
    [['token', 'rm'], /token/],
    [['token', 'add', 'a b'], /got `a b`/],
    [['token', 'add', 'deadbeef'], /id/],
    [['token', 'add', 'x', '--principal', ''], /principal/],
    [['token', 'add', 'x', '--role', 'a b'], /roles/],
    ...['', '30', '30m', 'd', '0d', '-1d', '3651d', '99999999999999999999d', '1.5d', '30d ', 'Never'].map((when) => [['token', 'add', 'x', `--expires=${when}`], /--expires|expires/]),
  ];
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await cli(place, args);
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, message, args.join(' '));
  }
  assert.deepEqual(await list(place), []);
  assert.match((await cli(place, ['token', 'list'])).stdout, /no tokens/);
  assert.equal((await cli(place, ['token', 'add', 'x'])).code, 0);
  assert.equal((await cli(place, ['token', 'add', 'x'])).code, 2);
});

test('who was let in and shut out is on record', async (t) => {
  const place = scratch(t);
  const id = form.exec((await cli(place, ['token', 'add', 'laptop'])).stdout)[1];
  await cli(place, ['token', 'rm', id]);
  const [added, removed] = await records(place);
  assert.deepEqual([added.kind, removed.kind], ['token_added', 'token_removed']);
  assert.equal(added.detail.expires_ms > added.time_ms, true);
  for (const { detail } of [added, removed]) {
    assert.deepEqual([detail.id, detail.name, detail.principal.id, detail.by_uid], [id, 'laptop', 'local', process.getuid()]);
  }
  const verified = await verifyTrail(place);
  assert.deepEqual([verified.code, verified.records, verified.problems], [0, 2, []]);
});

test('many at once, each with its own token', async (t) => {
  const place = scratch(t);
  const added = await Promise.all(Array.from({ length: 8 }, (_, i) => cli(place, ['token', 'add', `t${i}`])));
  assert.deepEqual(added.map(({ code }) => code), Array(8).fill(0));
  assert.equal(new Set(added.map(({ stdout }) => form.exec(stdout)[1])).size, 8);
  const same = await Promise.all(Array.from({ length: 4 }, () => cli(place, ['token', 'add', 'same'])));
  assert.deepEqual(same.map(({ code }) => code).sort(), [0, 2, 2, 2]);
  assert.equal((await list(place)).length, 9);
});

test('a token that cannot be printed is not announced as made', async (t) => {
  const place = scratch(t);
  const full = path.join(place.dir, 'add');
  fs.writeFileSync(full, `#!/bin/sh\nexec '${bin}' token add lost >/dev/full\n`, { mode: 0o755 });
  const { code, stderr } = await cli(place, [], { program: full });
  assert.equal(code, 1);
  assert.match(stderr, /casemate token rm [0-9a-f]{8}/);
});

// Takes as long as the server's look at its tokens: every ten seconds.
test('what was begun with a removed token is ended, what others began is not', async (t) => {
  const place = scratch(t);
  const config = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(config, 'version: 1\nauth: {mode: enterprise}\n');
  const env = { CASEMATE_CONFIG: config };
  const [gone, kept] = await Promise.all(['gone', 'kept'].map(async (name) => (await cli(place, ['token', 'add', name], { env })).stdout.trim()));
  const server = await HttpServerProcess.start(place, { env });
  const bearer = (token) => ({ authorization: `Bearer ${token}` });
  const stream = async (token) => {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'e2e', version: '1' } };
    const begun = await server.post({ jsonrpc: '2.0', id: 1, method: 'initialize', params }, bearer(token));
    const session = { ...bearer(token), 'mcp-session-id': begun.headers['mcp-session-id'], 'mcp-protocol-version': '2025-11-25' };
    const answer = await fetch(server.url, { headers: { ...session, accept: 'text/event-stream' } });
    assert.equal(answer.status, 200);
    return { session, answer };
  };
  const ended = await stream(gone);
  const going = await stream(kept);
  const marker = uniqueSleep();
  const sleep = { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'run', arguments: { command: ['sleep', marker] }, _meta: modernMeta } };
  const named = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'run' };
  const call = fetch(server.url, { method: 'POST', headers: { ...jsonHeaders, ...named, ...bearer(gone) }, body: JSON.stringify(sleep) }).then((answer) => answer.text());
  await until(() => processesWith(marker).length > 0, 'the call runs');

  assert.equal((await cli(place, ['token', 'rm', 'gone'], { env })).code, 0);
  await Promise.all([ended.answer.text(), call]); // their streams end
  await until(() => processesWith(marker).length === 0, 'the call is ended');
  assert.equal((await server.post({ jsonrpc: '2.0', id: 3, method: 'ping' }, going.session)).status, 200);
  await going.answer.body.cancel();
  const intent = (await records(place)).find(({ kind }) => kind === 'intent');
  assert.equal(intent.principal.token, gone.slice(4, 12));
});

// A session is no authentication: each request acts as what its own token says.
test('a session serves the token that began it, no other of the same principal', async (t) => {
  const place = scratch(t);
  const config = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(config, 'version: 1\nauth: {mode: enterprise}\n');
  const env = { CASEMATE_CONFIG: config };
  const [owner, viewer] = await Promise.all(['owner', 'viewer'].map(async (name) => (await cli(place, ['token', 'add', name, '--role', name], { env })).stdout.trim()));
  const server = await HttpServerProcess.start(place, { env });
  const bearer = (token) => ({ authorization: `Bearer ${token}` });
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'e2e', version: '1' } };
  const begun = await server.post({ jsonrpc: '2.0', id: 1, method: 'initialize', params }, bearer(owner));
  const session = { 'mcp-session-id': begun.headers['mcp-session-id'], 'mcp-protocol-version': '2025-11-25' };
  const ping = { jsonrpc: '2.0', id: 2, method: 'ping' };
  assert.equal((await server.post(ping, { ...session, ...bearer(owner) })).status, 200);
  assert.equal((await server.post(ping, { ...session, ...bearer(viewer) })).status, 404);
  assert.equal((await server.request('DELETE', { headers: { ...session, ...bearer(viewer) } })).status, 404);
  assert.equal((await server.post(ping, { ...session, ...bearer(owner) })).status, 200);
  const malformed = await server.post(ping, { ...session, authorization: 'Bearer a b' });
  assert.equal(malformed.status, 400);
  assert.match(malformed.headers['www-authenticate'], /error="invalid_request"/);
});

test('addresses beyond this machine need tokens and TLS', async (t) => {
  const place = scratch(t);
  const refused = async (...args) => {
    const { code, stderr } = await cli(place, ['serve', ...args]);
    assert.equal(code, 2, args.join(' '));
    return stderr;
  };
  assert.match(await refused('--http', '0.0.0.0:0'), /http\.listen: .*auth\.mode is simple.*auth\.mode: enterprise/);
  assert.match(await refused('--http', 'example.org:80'), /--http: expected `ADDRESS:PORT` or `unix:\/path`, got `example\.org:80`/);
  assert.match(await refused('--http', '127.0.0.1:0', '--tls-key', 'k.pem'), /only a key/);
  assert.match(await refused('--toolsets', 'core,Bad'), /--toolsets: .*got `Bad`/);
  const config = path.join(place.dir, 'c.yaml');
  fs.writeFileSync(config, 'version: 1\nauth: {mode: enterprise}\n');
  assert.match(await refused('--config', config, '--http', '0.0.0.0:0'), /http\.tls: .*trusted_proxy/);
});

test('OpenSSL is loaded for TLS alone, and its absence says what to install', async (t) => {
  const place = scratch(t);
  fs.writeFileSync(path.join(place.dir, 'libssl.so.3'), 'not a library');
  const env = { LD_LIBRARY_PATH: place.dir };
  const plain = await cli(place, ['serve', '--help'], { env });
  assert.equal(plain.code, 0, 'what needs no TLS starts without it');
  const { code, stderr } = await cli(place, ['serve', '--http', '127.0.0.1:0', '--tls-certificate', 'c.pem', '--tls-key', 'k.pem'], { env });
  assert.notEqual(code, 0);
  assert.match(stderr, /TLS needs OpenSSL: .*libssl\.so\.3.*libssl3/s);
});
