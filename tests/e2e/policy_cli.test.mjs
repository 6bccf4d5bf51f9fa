// `casemate policy`: each command with the real binary, right and wrong; and the tool
// policy_explain over MCP, with the official client.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import Ajv from 'ajv/dist/2020.js';

import { Client, StdioClientTransport } from './lib/official_client.mjs';
import { bin, cli, scratch } from './lib/casemate.mjs';
import { Random } from './lib/random.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const policyHead = 'version: 1\nrules:\n';
const rule = (id, effect, more = '') => `  - {id: ${id}, effect: ${effect}, tools: [run]${more && `, ${more}`}}\n`;

// A place with p.yaml and what else is given.
function files(t, contents) {
  const place = scratch(t);
  const at = (name) => path.join(place.work, name);
  for (const [name, text] of Object.entries(contents)) fs.writeFileSync(at(name), text);
  const policy = (...args) => cli(place, ['policy', ...args]);
  return { place, at, policy };
}

test('lint prints all problems, with their places', async (t) => {
  const { at, policy } = files(t, {
    'good.yaml': policyHead + rule('a', 'allow'),
    'bad.yaml': `${policyHead}${rule('a', 'alow')}${rule('b', 'allow', 'tolls: [x]')}${rule('c', 'allow')}${rule('c', 'deny')}`,
    'syntax.yaml': 'version: [1\n',
    'hostile.yaml': `${policyHead}  - {id: "\\e[2J", effect: allow, tools: [run]}\n`,
  });
  const good = await policy('lint', at('good.yaml'));
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stdout, /good\.yaml: fine; 1 layer, 1 rule, 0 examples, revision [0-9a-f]{64}\n$/);

  const bad = await policy('lint', at('bad.yaml'));
  assert.equal(bad.code, 1);
  const lines = bad.stdout.trim().split('\n');
  assert.equal(lines.length, 3, bad.stdout);
  for (const line of lines) assert.match(line, /bad\.yaml:\d+:\d+: /);
  assert.match(lines[0], /:3:\d+: .*did you mean `allow`/);
  const { ok, problems } = JSON.parse((await policy('lint', at('bad.yaml'), '--json')).stdout);
  assert.deepEqual([ok, problems.length], [false, 3]);
  assert.match(problems[2].where, /bad\.yaml:6:/);
  assert.equal(JSON.parse((await policy('lint', at('good.yaml'), '--json')).stdout).layers[0].rules, 1);

  assert.equal((await policy('lint', at('syntax.yaml'))).code, 1);
  const hostile = await policy('lint', at('hostile.yaml'));
  assert.deepEqual([hostile.code, (hostile.stdout + hostile.stderr).includes('\x1b')], [1, false]);
  const missing = await policy('lint', at('none.yaml'));
  assert.deepEqual([missing.code, missing.stdout], [2, '']);
  assert.match((await policy('lint', 'develper')).stderr, /did you mean `developer`/);
  assert.equal((await policy('lint')).code, 0, 'the policy of the configuration');
  for (const wrong of [[], ['lnt'], ['lint', 'a', 'b'], ['lint', '--nope']]) assert.equal((await policy(...wrong)).code, 2);
});

test('the configured policy is the one that is looked at', async (t) => {
  const { place } = files(t, {});
  const file = path.join(place.dir, 'p.yaml'); // agents must not reach it: not below a workspace root
  fs.writeFileSync(file, policyHead + rule('a', 'alow'));
  for (const command of ['lint', 'test']) {
    assert.equal((await cli(place, ['--policy', file, 'policy', command])).code, 1);
    assert.equal((await cli(place, ['policy', command], { env: { CASEMATE_POLICY: file } })).code, 1);
  }
  assert.equal((await cli(place, ['policy', 'simulate'], { env: { CASEMATE_POLICY: file } })).code, 2);
});

const suite = (expect, more = '') => `version: 1\n${more}tests:\n  - name: a call\n    call: {tool: run, args: {network: none}}\n    expect: ${expect}\n`;

test('test runs the suite beside the policy, and others', async (t) => {
  const { at, policy } = files(t, {
    'p.yaml': `${policyHead}${rule('a', 'allow', 'when: {path: args.network, eq: none}')}${rule('b', 'deny', 'when: {path: args.x, eq: 1}, match: [{tool: run, args: {x: 1}}]')}`,
    'p.test.yaml': suite('{effect: deny, rule: b}'),
    'other.yaml': suite('{effect: allow}', 'policy: p.yaml\n'),
    'wrong.yaml': suite('{effect: allow}', 'policy: developer\n'),
    'bad.yaml': suite('{efect: allow}'),
    'bad_example.yaml': `${policyHead}${rule('a', 'allow', 'match: [{tool: profile_list}]')}`,
    'alone.yaml': policyHead + rule('a', 'allow'),
  });
  const passed = await policy('test', at('p.yaml'));
  assert.equal(passed.code, 0, passed.stdout);
  assert.match(passed.stdout, /1 test in 1 suite and 1 example: all as expected/);

  const failed = await policy('test', at('p.yaml'), '--suite', at('other.yaml'));
  assert.equal(failed.code, 1);
  assert.match(failed.stdout, /FAILED .*other\.yaml:4:5: a call\n {2}effect: expected allow, got deny \(rule `b`/);
  assert.equal((await policy('test', '--suite', at('other.yaml'))).code, 1, 'the suite names the policy');
  const report = JSON.parse((await policy('test', at('p.yaml'), '--suite', at('other.yaml'), '--json')).stdout);
  assert.deepEqual([report.ok, report.tests, report.failures.length], [false, 2, 1]);

  const covered = await policy('test', at('p.yaml'), '--coverage');
  assert.match(covered.stdout, /coverage: 2 of 2 rules \(100 %\), 2 of 2 comparisons both true and not/);
  assert.equal((await policy('test', at('p.yaml'), '--threshold', '100')).code, 0);
  const bare = await policy('test', at('alone.yaml'), '--threshold', '1');
  assert.equal(bare.code, 1);
  assert.match(bare.stdout, /alone\.yaml:3:5: rule `a` is matched by no example and no test/);
  assert.equal((await policy('test', at('alone.yaml'))).code, 0);

  const example = await policy('test', at('bad_example.yaml'));
  assert.equal(example.code, 1);
  assert.match(example.stdout, /does not match this example/);
  const other = await policy('test', at('p.yaml'), '--suite', at('wrong.yaml'));
  assert.equal(other.code, 2);
  assert.match(other.stderr, /is about shipped policy developer, not about/);
  assert.match((await policy('test', at('p.yaml'), '--suite', at('bad.yaml'))).stderr, /bad\.yaml:5:\d+: .*did you mean `effect`/);
  for (const wrong of [['--suite', at('none.yaml')], ['--threshold', '101'], ['--threshold', 'all']]) {
    assert.equal((await policy('test', at('p.yaml'), ...wrong)).code, 2, wrong.join(' '));
  }
});

test('explain shows why, and takes its input from wherever', async (t) => {
  const { place, at, policy } = files(t, { 'args.json': '{"network": "none"}' });
  const denied = await policy('explain', 'default', '--tool', 'run', '--args', '{"network":"host"}');
  assert.equal(denied.code, 0, denied.stderr);
  assert.match(denied.stdout, /^deny by `default-deny`/);
  assert.match(denied.stdout, /FALSE args\.network eq none; it is "host"/);
  assert.match(denied.stdout, /What would have to change .*:\n {2}- rule `run-private` \(.*\) would allow it if args\.network eq none \(it is \"host\"\)\n/);

  const from = async (...args) => JSON.parse((await policy('explain', 'default', '--tool', 'run', '--json', ...args)).stdout).decision.effect;
  assert.equal(await from('--args', `@${at('args.json')}`), 'allow');
  assert.equal(await from('--args', '{"network":"none"}', '--principal', 'stranger'), 'deny');
  assert.equal(await from('--args', '{"network":"none"}', '--context', '{"workspace":"/etc"}'), 'deny');
  const piped = await cli(place, ['policy', 'explain', 'default', '--tool', 'run', '--args', '-', '--json'], { input: '{"network":"none"}' });
  assert.equal(JSON.parse(piped.stdout).decision.effect, 'allow');
  const history = await policy('explain', 'production', '--tool', 'run', '--args', '{"network":"none"}', '--history', '{"calls":{"1m":500}}');
  assert.match(history.stdout, /^deny by `prod-too-many-calls`/);

  for (const wrong of ['[1]', '{', '{"a":1,"a":2}', '@/nonexistent', 'null', '"x"', `${'['.repeat(500)}`]) {
    const answer = await policy('explain', 'default', '--tool', 'run', '--args', wrong);
    assert.deepEqual([answer.code, answer.stdout], [2, ''], wrong.slice(0, 20));
    assert.match(answer.stderr, /--args/);
  }
  assert.match((await policy('explain', '--tool', 'profile_lst')).stderr, /did you mean `profile_list`/);
  assert.equal((await policy('explain')).code, 2);
  const hostile = await policy('explain', 'default', '--tool', 'run', '--args', '{"network":"\\u001b[2J\\ud83d\\ude00"}', '--principal', '\x1b[31m');
  assert.equal(hostile.stdout.includes('\x1b'), false);
});

test('diff tells what changes', async (t) => {
  const { at, policy } = files(t, {
    'a.yaml': `${policyHead}${rule('go', 'allow', 'limits: {pids: 10}, match: [{tool: run}]')}${rule('old', 'deny', 'when: {path: args.x, exists: true}, match: [{tool: run, args: {x: 1}}]')}`,
    'b.yaml': `version: 1\nsandbox: strict\nrules:\n${rule('go', 'allow', 'limits: {pids: 20}')}${rule('new', 'ask', 'when: {path: args.y, exists: true}')}`,
    'b.test.yaml': 'version: 1\ntests: [{name: y, call: {tool: run, args: {y: 1}}, expect: {effect: ask}}]\n',
    'bad.yaml': 'version: 1\n',
  });
  const diff = JSON.parse((await policy('diff', at('a.yaml'), at('b.yaml'), '--json')).stdout);
  assert.deepEqual(diff.rules.added.map((r) => r.id), ['new']);
  assert.deepEqual(diff.rules.removed.map((r) => r.id), ['old']);
  assert.deepEqual(diff.rules.changed[0].changes.map((c) => c.what), ['limits']);
  assert.deepEqual(diff.layers.changed[0].changes.map((c) => c.what), ['sandbox']);
  assert.deepEqual(diff.flips.map((f) => [f.before.effect, f.after.effect]), [['deny', 'allow'], ['allow', 'ask']]);
  const { wider, narrower } = diff.rights[0];
  assert.deepEqual([wider.map((c) => c.what), narrower.map((c) => c.what)], [['pids'], ['sandbox']]);
  const text = await policy('diff', at('a.yaml'), at('b.yaml'));
  assert.equal(text.code, 0);
  assert.match(text.stdout, /- rule `old` \(deny, .*a\.yaml:4:5\)\n\+ rule `new`/);
  assert.match(text.stdout, /3 calls judged by both: 2 decided otherwise, 1 with other rights/);
  assert.match((await policy('diff', 'ci', 'ci')).stdout, /: 0 decided otherwise, 0 with other rights\n$/);
  for (const wrong of [[at('a.yaml')], [at('a.yaml'), at('none.yaml')], [at('a.yaml'), at('bad.yaml')]]) {
    assert.equal((await policy('diff', ...wrong)).code, 2);
  }
});

test('simulate replays what is on record', async (t) => {
  const { place, at, policy } = files(t, {
    'same.yaml': `${policyHead}${rule('go', 'allow', 'when: {not: {path: args.command.0, eq: "false"}}')}`,
    'strict.yaml': `${policyHead}${rule('go', 'allow')}${rule('no-true', 'deny', 'when: {path: args.command.0, eq: "true"}')}`,
    'bad.jsonl': '{"hash": 1}\n',
  });
  const none = await policy('simulate', at('same.yaml'));
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no audit trail/);

  for (const command of [['true'], ['true'], ['echo', 'x']]) assert.equal((await cli(place, ['run', '--', ...command])).code, 0);
  assert.equal((await cli(place, ['run', '--', 'echo', 'x'.repeat(100_000)])).code, 0, 'too long for the trail');
  const simulate = async (...args) => JSON.parse((await policy('simulate', at('strict.yaml'), '--json', ...args)).stdout);
  const report = await simulate();
  assert.deepEqual([report.calls, report.same, report.flipped, report.indeterminate], [4, 1, 2, 1]);
  const [flip] = report.flips;
  assert.deepEqual([flip.from, flip.to, flip.rule, flip.count, flip.examples.length], ['allow', 'deny', 'no-true', 2, 2]);
  assert.deepEqual(report.hidden[0].paths, ['args.command.0']);

  const text = await policy('simulate', at('strict.yaml'), '--from', 'audit');
  assert.equal(text.code, 0);
  assert.match(text.stdout, /allow → deny by `no-true`: 2 calls of run, #\d+, #\d+\n/);
  assert.match(text.stdout, /indeterminate, for the trail does not hold args\.command\.0: 1 call/);
  assert.match(text.stdout, /4 calls: 1 decided the same, 2 otherwise, 1 indeterminate\n$/);
  assert.equal((await policy('simulate', at('strict.yaml'), '--fail-on-flips')).code, 1);
  assert.equal((await policy('simulate', 'ci', '--fail-on-flips')).code, 0);

  assert.equal((await simulate('--limit', '2')).calls, 2);
  assert.equal((await simulate('--limit', '2')).flipped, 0, 'the newest two');
  assert.equal((await simulate('--since', '1h')).calls, 4);
  assert.equal((await simulate('--since', '2020-01-01')).calls, 4);
  assert.equal((await simulate('--since', '2999-01-01')).calls, 0);
  assert.equal((await simulate('--since', String(flip.examples[1]))).flipped, 1);
  const exported = await cli(place, ['audit', 'export']);
  fs.writeFileSync(at('trail.jsonl'), exported.stdout);
  assert.deepEqual(await simulate('--from', at('trail.jsonl')), report);

  for (const since of ['yesterday', '2026-13-01', '-5', '2y', '99999999999999999999', '']) {
    const answer = await policy('simulate', at('strict.yaml'), `--since=${since}`);
    assert.equal(answer.code, 2, since);
  }
  assert.equal((await policy('simulate', at('strict.yaml'), '--limit', '0')).code, 2);
  assert.equal((await policy('simulate', at('strict.yaml'), '--from', at('bad.jsonl'))).code, 1);
  assert.equal((await policy('simulate', at('strict.yaml'), '--from', at('none.jsonl'))).code, 1);
  fs.writeFileSync(at('damaged.jsonl'), `${JSON.stringify({ hash: '', body: '{"kind":' })}\n`);
  assert.equal((await simulate('--from', at('damaged.jsonl'))).unreadable, 1);
});

async function connect(t, env = () => ({})) {
  const place = scratch(t);
  const client = new Client({ name: 'e2e', version: '1' });
  place.closing(() => client.close());
  await client.connect(new StdioClientTransport({ command: bin, args: ['serve'], env: { ...place.env, ...env(place) } }));
  const explain = (args) => client.callTool({ name: 'policy_explain', arguments: args });
  return { place, client, explain };
}

test('policy_explain tells an agent what policy says of a call, and runs nothing', async (t) => {
  const { place, client, explain } = await connect(t, (at) => {
    const file = `${at.dir}/p.yaml`;
    fs.writeFileSync(file, `${policyHead}${rule('go', 'allow', 'workspace: host_write, principals: {ids: [local, alice]}')}`
      + `${rule('no-touch', 'deny', 'when: {path: args.command.0, eq: touch}, reason: leave it')}`
      + `${rule('for-bob', 'allow', 'principals: {ids: [bob]}')}`
      + `${rule('by-name', 'deny', 'when: {path: principal.id, in: [carol]}')}`
      + '  - {id: explain, effect: allow, tools: [policy_explain]}\n');
    return { CASEMATE_POLICY: file };
  });
  const marker = path.join(place.work, 'made');
  const call = { command: ['touch', 'made'], workspace: place.work };
  const { isError, structuredContent, content } = await explain({ tool: 'run', arguments: call });
  assert.equal(isError, false, content[0].text);
  assert.equal(structuredContent.decision.effect, 'deny');
  assert.equal(structuredContent.decision.rule, 'no-touch');
  assert.deepEqual(structuredContent.obstacles.map((o) => o.rule), ['no-touch']);
  assert.match(content[0].text, /^deny by `no-touch`: leave it/);
  assert.equal(fs.existsSync(marker), false);
  const text = JSON.stringify([structuredContent, content]);
  for (const name of ['alice', 'bob', 'carol']) assert.equal(text.includes(name), false, name);

  // It says what happens, of the same call.
  const real = await client.callTool({ name: 'run', arguments: call });
  assert.equal(real.structuredContent.error.rule_id, 'no-touch');
  const other = await explain({ tool: 'run', arguments: { command: ['ls'], workspace: place.work } });
  assert.equal(other.structuredContent.decision.grant.workspace, 'host_write');

  const wrong = async (args, pattern) => {
    const answer = await explain(args);
    assert.equal(answer.isError, true);
    assert.match(answer.content[0].text, pattern);
  };
  await wrong({ tool: 'profile_lst' }, /args\.tool: .*did you mean `profile_list`/);
  await wrong({ tool: 'run', arguments: { comand: ['ls'] } }, /args\.arguments/);
  await wrong({ tool: 'run' }, /command/);
  await wrong({ tool: 'run', arguments: [] }, /arguments/);
  await wrong({ tool: 3 }, /tool/);
  await wrong({}, /tool/);
  let nested = { tool: 'run', arguments: { command: ['ls'] } };
  for (let depth = 0; depth < 12; depth += 1) nested = { tool: 'policy_explain', arguments: nested };
  assert.equal((await explain(nested)).structuredContent.decision.rule, 'explain');
  await client.close();

  const { stdout } = await cli(place, ['audit', 'tail', '--json', '-n', '100']);
  const records = stdout.trim().split('\n').map((line) => JSON.parse(line));
  const asked = records.filter((r) => r.tool === 'policy_explain');
  assert.deepEqual(asked[0].args.arguments.command, ['touch', 'made']);
  const outcome = records.find((r) => r.kind === 'outcome' && r.intent_seq === asked[0].seq).outcome;
  assert.deepEqual([outcome.status, outcome.effect, outcome.rule], ['completed', 'deny', 'no-touch']);
});

test('who may not ask is refused', async (t) => {
  const { client, explain } = await connect(t, (at) => {
    fs.writeFileSync(`${at.dir}/p.yaml`, policyHead + rule('go', 'allow'));
    return { CASEMATE_POLICY: `${at.dir}/p.yaml` };
  });
  const { tools } = await client.listTools();
  assert.deepEqual(tools.map((tool) => tool.name), ['run']);
  assert.equal((await explain({ tool: 'run', arguments: { command: ['ls'] } })).structuredContent.error.kind, 'refused');
});

const schemaOf = (name) => {
  const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false, strictTypes: false });
  return ajv.compile(JSON.parse(fs.readFileSync(path.join(root, `docs/policy/${name}.schema.json`), 'utf8')));
};
const fits = (validate, value) => assert.ok(validate(value), JSON.stringify([validate.errors, value]));

test('inputs and decisions, random ones too, are as their schemas say', async (t) => {
  const random = new Random(20261122);
  const pick = (list) => random.pick(list);
  const input = schemaOf('input');
  const decision = schemaOf('decision');
  for (const wrong of [{}, { version: 2 }]) assert.deepEqual([input(wrong), decision(wrong)], [false, false]);

  const limits = () => pick(['', ', limits: {pids: 7, io_mb_s: 3}', ', limits: {memory_mb: 64, cpus: 0.5}', ', sandbox: strict', ', workspace: host_read']);
  const make = (index) => {
    const effect = pick(['allow', 'allow', 'ask', 'deny']);
    const when = pick(['', `, when: {path: args.n, lt: ${random.between(0, 8)}}`, `, when: {path: context.a, eq: "${random.between(0, 1)}"}`, ', when: {path: history.read_secret, gt: 0}']);
    const approval = effect === 'ask' ? pick(['', ', approval: {by: operator, expires_s: 9}', ', approval: {remember: same_rule}']) : '';
    return `  - {id: r${index}, effect: ${effect}, tools: [run]${when}${effect === 'deny' ? '' : limits()}${approval}${pick(['', ', marks: [read_secret]', ', reason: "why é"'])}}\n`;
  };
  const effects = new Set();
  for (let round = 0; round < 40; round += 1) {
    const rules = Array.from({ length: 1 + random.between(0, 3) }, (_, index) => make(index)).join('');
    const { at, policy } = files(t, { 'p.yaml': policyHead + rules });
    const args = { n: random.between(0, 8), text: pick(['', 'é', '\u0000', 'a'.repeat(300)]) };
    const context = JSON.stringify({ a: String(random.between(0, 1)) });
    const answer = await policy('explain', at('p.yaml'), '--tool', 'run', '--json', '--args', JSON.stringify(args), '--context', context);
    if (answer.code === 2) {
      assert.match(answer.stderr, /unreachable/, answer.stderr); // two rules that say the same
      continue;
    }
    const found = JSON.parse(answer.stdout).decision;
    effects.add(found.effect);
    assert.equal('decision_id' in found, false);
    fits(decision, { ...found, decision_id: '0'.repeat(32) });
    assert.equal(decision({ ...found, decision_id: '0'.repeat(32), grant: undefined, asked: undefined, surprise: 1 }), false);
  }
  assert.deepEqual([...effects].sort(), ['allow', 'ask', 'deny']);

  const { at, policy } = files(t, {
    'a.yaml': `${policyHead}${rule('a', 'deny', 'match: [{tool: run, args: {x: [1, {}]}, history: {calls: {1m: 4}}, principal: {id: é, roles: [a, b]}}, {tool: run}]')}`,
    'b.yaml': policyHead + rule('a', 'allow'),
  });
  const { flips } = JSON.parse((await policy('diff', at('a.yaml'), at('b.yaml'), '--json')).stdout);
  assert.equal(flips.length, 2);
  for (const { call } of flips) fits(input, call);
});
