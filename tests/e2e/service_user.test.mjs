// A server that root started: it works as another user, without any of root's rights; its launcher
// keeps them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';

import { bin, cli, scratch, verifyTrail } from './lib/casemate.mjs';
import { incarnations, launchersOf } from './lib/facts.mjs';
import { HttpServerProcess, jsonHeaders } from './lib/http.mjs';
import { legacy, Server } from './lib/server.mjs';

const unused = 65533;
const asRoot = { skip: process.getuid() === 0 ? false : 'only root has rights to give up' };

function statusOf(pid, task = pid) {
  const text = fs.readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
  return (name) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(text)[1].trim();
}

// Every thread, for the kernel keeps rights for each.
function assertPowerless(pid, uid = unused) {
  for (const task of fs.readdirSync(`/proc/${pid}/task`)) {
    const status = statusOf(pid, task);
    assert.equal(status('Uid'), [uid, uid, uid, uid].join('\t'));
    assert.equal(status('Gid'), [uid, uid, uid, uid].join('\t'));
    assert.equal(status('Groups'), '');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) assert.equal(BigInt(`0x${status(set)}`), 0n, set);
    assert.equal(status('NoNewPrivs'), '1');
  }
}

const ownersIn = (directory) =>
  new Set(['.', ...fs.readdirSync(directory, { recursive: true })].map((name) => fs.lstatSync(path.join(directory, name)).uid));
const config = (place, text) => {
  const file = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(file, `version: 1\n${text}\n`, { mode: 0o600 });
  return { CASEMATE_CONFIG: file };
};

test('over stdio: the server has no rights, and its launcher opens what only root may', asRoot, async (t) => {
  const place = scratch(t); // its directories are root's, and closed to others
  fs.chmodSync(place.work, 0o700);
  fs.writeFileSync(path.join(place.work, 'note'), 'for root', { mode: 0o600 });
  const server = Server.start(place);
  await server.initialize();
  assertPowerless(server.child.pid);
  const [launcher] = launchersOf(incarnations(place)[0]);
  assert.match(statusOf(launcher)('Uid'), /^0\t/);

  const reply = await server.run({ command: ['sh', '-c', 'cat note; echo -n new > made'], workspace: place.work });
  assert.equal(reply.result.structuredContent.stdout, 'for root');
  assert.equal(fs.statSync(path.join(place.work, 'made')).uid, 0, 'as the owner of the workspace');
  const outside = await server.run({ command: ['true'], workspace: '/etc' });
  assert.equal(outside.result.structuredContent.error.kind, 'refused');
  assert.deepEqual([...ownersIn(place.state)], [unused]);

  server.child.stdin.end();
  assert.equal((await server.exited).code, 0);
  assert.deepEqual(incarnations(place), []);
  assert.equal((await verifyTrail(place)).intact, true);
});

test('over HTTP: the socket and the key may be root\'s alone', asRoot, async (t) => {
  const place = scratch(t);
  const key = path.join(place.dir, 'key.pem');
  const certificate = path.join(place.dir, 'certificate.pem');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost', '-days', '1', '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  fs.chmodSync(key, 0o600);
  const socket = path.join(place.dir, 'mcp.sock');
  const server = await HttpServerProcess.start(place, {
    args: ['serve', '--http', `unix:${socket}`, '--http', '127.0.0.1:0', '--tls-certificate', certificate, '--tls-key', key],
  });
  assertPowerless(server.child.pid);
  assert.deepEqual([fs.statSync(socket).uid, fs.statSync(socket).gid], [0, 0]);
  const answer = await new Promise((resolve, reject) => {
    const sent = http.request({ socketPath: socket, path: '/mcp', method: 'POST', headers: jsonHeaders }, async (reply) => resolve((await reply.toArray()).join('')));
    sent.on('error', reject);
    sent.end(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: legacy() }));
  });
  assert.match(answer, /"protocolVersion":"2025-11-25"/);
});

test('the state of an earlier root server is taken over, a second name of a file is not', asRoot, async (t) => {
  const place = scratch(t);
  assert.equal((await cli(place, ['token', 'add', 'first'])).code, 0);
  assert.deepEqual([...ownersIn(place.state)], [unused]);
  execFileSync('chown', ['-R', '0:0', place.state]);
  const elsewhere = path.join(place.dir, 'elsewhere');
  fs.writeFileSync(elsewhere, 'of the system');
  fs.linkSync(elsewhere, path.join(place.state, 'planted'));
  fs.symlinkSync(elsewhere, path.join(place.state, 'link'));
  assert.equal((await cli(place, ['run', '--', 'true'])).code, 0);
  assert.equal(fs.statSync(elsewhere).uid, 0);
  assert.equal(fs.statSync(path.join(place.state, 'casemate.db')).uid, unused);
  assert.match((await cli(place, ['token', 'list'])).stdout, /first/);
  assert.match((await cli(place, ['audit', 'verify'])).stdout, /intact/);
});

test('root decides about what waits, and the state stays the service user\'s', asRoot, async (t) => {
  const place = scratch(t);
  const policy = path.join(place.dir, 'policy.yaml');
  fs.writeFileSync(policy, 'version: 1\nrules: [{id: a, effect: allow, tools: [run]}, {id: b, effect: ask, tools: [run]}]\n', { mode: 0o600 });
  place.env.CASEMATE_POLICY = policy;
  const run = () => cli(place, ['run', '--', 'echo', 'there']);
  const [, id] = /casemate approve grant (\S+?)`/.exec((await run()).stderr);
  assert.equal((await cli(place, ['approve', 'grant', id])).code, 0);
  assert.equal((await run()).stdout, 'there\n');
  assert.deepEqual([...ownersIn(place.state)], [unused]);
});

test('`user` and the owner of the state directory decide who the server is', asRoot, async (t) => {
  const place = scratch(t);
  const run = (text) => cli(place, ['run', '--', 'true'], { env: config(place, text) });
  for (const [name, message] of [['nobody-of-this-name', /user: expected a user of this machine, got `nobody-of-this-name`/], ['root', /other than root/], ['0', /other than root/], ['-1', /expected a user/], ['4294967295', /expected a user/]]) {
    const refused = await run(`user: "${name}"`);
    assert.notEqual(refused.code, 0, name);
    assert.match(refused.stderr, message);
  }
  assert.equal((await run('user: "54321"')).code, 0);
  assert.deepEqual([...ownersIn(place.state)], [54321]);
  const other = await run('user: nobody');
  assert.notEqual(other.code, 0);
  assert.match(other.stderr, /user: the state directory belongs to user 54321.*chown/);
  const server = Server.start(place);
  await server.initialize();
  assertPowerless(server.child.pid, 54321);
});

test('root of a namespace without other users stays what it is', asRoot, async (t) => {
  const place = scratch(t);
  fs.chmodSync(place.dir, 0o755);
  fs.mkdirSync(place.state);
  fs.chownSync(place.state, 54321, 54321);
  const program = path.join(place.dir, 'casemate');
  fs.copyFileSync(bin, program);
  const made = await cli(place, ['--reuid=54321', '--regid=54321', '--clear-groups', 'unshare', '--user', '--map-root-user', program, 'run', '--', 'echo', 'there'], { program: 'setpriv' });
  assert.equal(made.stdout, 'there\n', made.stderr);
});
