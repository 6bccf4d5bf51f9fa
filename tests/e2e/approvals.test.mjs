// Calls for which policy says `ask`: approved or not by the person at an official client, in both
// generations of the protocol, and by an operator on the command line; each step on record.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { bin, cli, scratch, verifyTrail } from './lib/casemate.mjs';
import { casemate, connect, connections, named } from './lib/clients.mjs';
import { modernMeta, Server } from './lib/server.mjs';

const asksForRun = `version: 1
rules:
  - {id: may-run, effect: allow, tools: ["*"]}
  - {id: look-first, effect: ask, tools: [run], reason: somebody must look at it}
`;
// A place whose policy asks before each run.
function asking(t) {
  const place = scratch(t);
  const policy = path.join(place.dir, 'policy.yaml');
  fs.writeFileSync(policy, asksForRun, { mode: 0o600 });
  place.env.CASEMATE_POLICY = policy;
  return place;
}
const capabilities = { elicitation: { form: {} } };
// A client whose person answers forms with `answer`; the forms they saw are in `seen`.
async function asked(t, connection, answer) {
  const seen = [];
  const place = asking(t);
  const prepare = (client) =>
    client.handle('elicitation/create', (params) => {
      seen.push(params);
      return answer(params);
    });
  return { place, seen, client: await connect(place, connection, casemate, { capabilities, prepare }) };
}
const yes = () => ({ action: 'accept', content: { approve: true } });
const echo = (text) => ({ command: ['echo', text] });
const kindOf = (result) => result.structuredContent.error?.kind;
const approve = (place, ...args) => cli(place, ['approve', ...args]);
const waiting = async (place, ...args) => JSON.parse((await approve(place, 'list', '--json', ...args)).stdout).approvals;
const records = async (place) => {
  const { stdout } = await cli(place, ['audit', 'tail', '-n', '100', '--json']);
  return stdout.trim().split('\n').map((line) => JSON.parse(line)).filter(({ kind }) => !kind.startsWith('server_'));
};
const kinds = async (place) => (await records(place)).map(({ kind }) => kind);
async function assertIntact(place) {
  const { code, intact, problems } = await verifyTrail(place);
  assert.deepEqual({ code, intact, problems }, { code: 0, intact: true, problems: [] });
}

const stdio = connections.filter(({ transport }) => transport === 'stdio');

for (const connection of connections) {
  const name = named(connection);

  test(`the person at the client lets a call run: ${name}`, async (t) => {
    const { place, seen, client } = await asked(t, connection, yes);
    const result = await client.call('run', echo('a\u202eb'));
    assert.equal(result.structuredContent.stdout, 'a\u202eb\n', JSON.stringify(result));
    assert.equal(seen.length, 1);
    assert.match(seen[0].message, /^May this call run\?\nWARNING: 1 invisible[^]*\nCommand: echo "a‹U\+202E›b"\n/);
    assert.match(seen[0].message, /somebody must look at it[^]*Digest of the call: [0-9a-f]{64}\n/);
    assert.deepEqual(Object.keys(seen[0].requestedSchema.properties), ['approve']);
    await client.call('run', echo('a\u202eb'));
    assert.equal(seen.length, 2, 'one approval, one call');
    const steps = ['approval_requested', 'approval_granted', 'approval_used', 'intent', 'outcome'];
    assert.deepEqual(await kinds(place), [...steps, ...steps]);
    const [requested, granted, used, intent] = await records(place);
    assert.equal(granted.detail.approver.channel, 'client');
    assert.deepEqual([granted.detail.id, used.detail.id, intent.decision.approval.id], Array(3).fill(requested.detail.id));
    assert.deepEqual([granted.detail.call, used.detail.call], Array(2).fill(requested.detail.call));
    assert.equal(intent.decision.effect, 'allow');
    await assertIntact(place);
  });

  test(`the person declines, looks away or answers no: ${name}`, async (t) => {
    for (const answer of [{ action: 'decline' }, { action: 'cancel' }, { action: 'accept', content: { approve: false } }]) {
      const { place, seen, client } = await asked(t, connection, () => answer);
      for (let i = 0; i < 2; i++) {
        const result = await client.call('run', echo('x'));
        assert.equal(result.isError, true);
        assert.equal(kindOf(result), 'approval_denied');
      }
      assert.equal(seen.length, 1, 'nobody is asked twice for the same');
      assert.deepEqual(await kinds(place), ['approval_requested', 'approval_denied', 'refused', 'refused']);
      await assertIntact(place);
    }
  });

  test(`a client that cannot ask: the operator grants, and it runs once: ${name}`, async (t) => {
    const place = asking(t);
    const client = await connect(place, connection, casemate);
    const refused = await client.call('run', echo('x'));
    assert.equal(refused.isError, true);
    const { kind, approval_id: id, expires_at: expires } = refused.structuredContent.error;
    assert.equal(kind, 'approval_required');
    assert.ok(Date.parse(expires) > Date.now());
    assert.ok(refused.content[0].text.includes(`casemate approve grant ${id}`));
    assert.deepEqual((await waiting(place)).map((each) => [each.id, each.state, each.summary]), [[id, 'pending', 'run echo x']]);

    const granted = await approve(place, 'grant', id.toUpperCase());
    assert.deepEqual([granted.code, granted.stderr], [0, '']);
    const changed = await client.call('run', echo('y'));
    assert.equal(kindOf(changed), 'approval_required', 'the argument was changed after approval');
    assert.notEqual(changed.structuredContent.error.approval_id, id);
    assert.equal((await client.call('run', echo('x'))).structuredContent.stdout, 'x\n');
    const again = await client.call('run', echo('x'));
    assert.equal(kindOf(again), 'approval_required', 'used up');
    const late = await approve(place, 'grant', id);
    assert.equal(late.code, 1);
    assert.match(late.stderr, /which is used/);
    const used = (await records(place)).filter((record) => record.kind === 'approval_used');
    assert.deepEqual(used.map(({ detail }) => [detail.id, detail.approver.id, detail.approver.channel]), [[id, 'local', 'cli']]);
    await assertIntact(place);
  });

  test(`a job in the background is approved before it starts: ${name}`, async (t) => {
    const { seen, client } = await asked(t, connection, yes);
    const started = await client.call('run', { ...echo('later'), background: true });
    assert.equal(started.structuredContent.status, 'working', JSON.stringify(started));
    assert.match(seen[0].message, /Background: yes/);
    const { job_id: id } = started.structuredContent;
    const ended = await client.call('job_status', { job_id: id, wait_ms: 20000 });
    assert.equal(ended.structuredContent.status, 'completed');
  });
}

test('values of variables, which nobody is shown, are approved too', async (t) => {
  const place = asking(t);
  const run = (value) => cli(place, ['run', '--env', `A=${value}`, '--', 'printenv', 'A']);
  const [, id] = /casemate approve grant (\S+?)`/.exec((await run('sesame')).stderr);
  assert.equal((await approve(place, 'grant', id)).code, 0);
  assert.equal((await run('other')).code, 125);
  assert.equal((await run('sesame')).stdout, 'sesame\n');
  assert.equal((await cli(place, ['audit', 'tail', '--json'])).stdout.includes('sesame'), false);
  assert.equal(fs.readFileSync(path.join(place.state, 'casemate.db')).includes('sesame'), false);
});

test('bytes that are no UTF-8: an approval is for those, and no others', async (t) => {
  const place = asking(t);
  const call = (byte, args) => cli(place, ['-c', `x="$(printf '\\${byte}')"; printf '\\${byte}' >"$HOME/input"; exec "$0" run ${args} <"$HOME/input"`, bin], { program: 'sh' });
  const idIn = ({ stderr }) => /casemate approve grant (\S+?)`/.exec(stderr)?.[1];
  const ways = {
    argument: '-- printf "$x"',
    code: '--language bash --code "printf $x"',
    'name of a variable': '--env "A$x=1" -- env',
    value: '--env "A=$x" -- printenv A',
    input: '--stdin -- cat',
    file: '--file "$HOME/input=f" -- cat f',
    'path of a file': '--file "$HOME/input=f$x" -- ls',
  };
  const approvable = [];
  for (const [name, args] of Object.entries(ways)) {
    const first = await call('377', args);
    assert.equal(first.code, 125, `${name}: ${first.stderr}`);
    const id = idIn(first);
    if (id) {
      approvable.push(name);
      assert.equal((await approve(place, 'grant', id)).code, 0, name);
    } else {
      assert.match(first.stderr, /invalid_arguments.*(expected UTF-8.*digest|names of letters)/s, name);
    }
    const other = await call('376', args);
    assert.equal(other.code, 125, `${name}: ${other.stdout}`);
    assert.notEqual(idIn(other), id ?? 'none', name);
    if (id) assert.equal((await call('377', args)).code, 0, name);
  }
  assert.deepEqual(approvable, ['value', 'input', 'file']);
  await assertIntact(place);
});

test('the rule says who approves, and what is remembered', async (t) => {
  const place = asking(t);
  const terms = (approval) => fs.writeFileSync(place.env.CASEMATE_POLICY, asksForRun.replace('effect: ask,', `effect: ask, approval: ${approval},`));
  const ask = async (text) => {
    const server = Server.start(place);
    await server.initialize();
    return [server, (await server.run(echo(text))).result.structuredContent.error.approval_id];
  };
  const [, once] = await ask('once');
  const never = await approve(place, 'grant', once, '--remember');
  assert.equal(never.code, 1);
  assert.match(never.stderr, /does not let it be remembered/);

  terms('{by: second_person, expires_s: 60, remember: never}');
  const [, second] = await ask('second');
  const same = await approve(place, 'grant', second);
  assert.equal(same.code, 1);
  assert.match(same.stderr, /policy demands a second person, and `local` of tenant `local` both asks and would approve/);

  terms('{by: operator, expires_s: 60, remember: same_call}');
  const [server, kept] = await ask('kept');
  assert.equal((await approve(place, 'grant', kept, '--remember')).code, 0);
  for (let i = 0; i < 3; i++) assert.equal((await server.run(echo('kept'))).result.structuredContent.stdout, 'kept\n');
  assert.equal(kindOf((await server.run(echo('other'))).result), 'approval_required');
  const [, anew] = await ask('kept');
  assert.notEqual(anew, undefined, 'another server remembers nothing');
  await assertIntact(place);
});

test('the rounds of 2026-07-28: an answer fits the call that was asked about, and once', async (t) => {
  const place = asking(t);
  const server = Server.start(place);
  const _meta = { ...modernMeta, 'io.modelcontextprotocol/clientCapabilities': capabilities };
  const call = (text, more = {}) => server.request('tools/call', { name: 'run', arguments: echo(text), ...more, _meta });
  const { result: round } = await call('x');
  assert.equal(round.resultType, 'input_required');
  const [key] = Object.keys(round.inputRequests);
  const inputResponses = { [key]: { action: 'accept', content: { approve: true } } };
  const { requestState } = round;
  const other = await call('y', { inputResponses, requestState });
  assert.match(other.error.message, /belongs to another call/);
  const stateless = await call('y', { inputResponses });
  assert.equal(stateless.result.resultType, 'input_required', 'it is asked about anew');
  assert.equal(Object.keys(stateless.result.inputRequests).includes(key), false);
  const ran = await call('x', { inputResponses, requestState });
  assert.equal(ran.result.structuredContent.stdout, 'x\n', JSON.stringify(ran));
  const replayed = await call('x', { inputResponses, requestState });
  assert.match(replayed.error.message, /used before/);
  const again = await call('x', { inputResponses });
  assert.equal(again.result.resultType, 'input_required');
  assert.deepEqual((await kinds(place)).filter((kind) => kind === 'intent'), ['intent']);
  await assertIntact(place);
});

test('the command line: what waits, what it is, and no', async (t) => {
  const place = asking(t);
  assert.match((await approve(place, 'list')).stdout, /Nothing waits/);
  const call = ['run', '--', 'printf', '%s', '\u001b[2Jp\u0430ypal'];
  const first = await cli(place, call);
  assert.equal(first.code, 125);
  assert.equal(first.stdout, '');
  const [, id] = /casemate approve grant (\S+?)`/.exec(first.stderr);
  const table = (await approve(place, 'list')).stdout;
  assert.match(table, new RegExp(`^ID .*STATE .*AGE .*EXPIRES IN .*WHO .*CALL\n${id}  pending .* local .*‹U\\+001B›`));
  const { stdout } = await approve(place, 'show', id);
  assert.match(stdout, /^Approval .*: pending, for another \d+ (s|min)\n/);
  assert.match(stdout, /WARNING: 1 look-alikes[^]*WARNING: 1 invisible[^]*p\u0430‹U\+0430›ypal/);
  for (const text of [table, stdout]) assert.equal(text.includes('\u001b'), false);
  assert.match(JSON.parse((await approve(place, 'show', id, '--json')).stdout).text, /Tool: run/);

  assert.equal((await approve(place, 'deny', id, '--reason', 'not today')).code, 0);
  const denied = await cli(place, call);
  assert.equal(denied.code, 125);
  assert.match(denied.stderr, /approval_denied.*not today/);
  assert.deepEqual(await waiting(place), []);
  const [{ state, decided }] = await waiting(place, '--all');
  assert.deepEqual([state, decided.reason, decided.channel], ['denied', 'not today', 'cli']);
  assert.equal((await approve(place, 'grant', id)).code, 1);
  assert.equal((await approve(place, 'grant', '00000-00000')).code, 1);
  for (const wrong of [[], ['grant'], ['show'], ['deny'], ['grant', 'a', 'b']]) {
    assert.equal((await approve(place, ...wrong)).code, 2, wrong.join(' '));
  }
  assert.equal((await approve(place, 'grant', id, '--remember')).code, 1);
  assert.deepEqual(await kinds(place), ['approval_requested', 'refused', 'approval_denied', 'refused']);
  const [, , { detail }] = await records(place);
  assert.equal(detail.approver.uid, process.getuid());
  await assertIntact(place);
});

test('of two servers that have the call at once, one runs it', async (t) => {
  const place = asking(t);
  const servers = [Server.start(place), Server.start(place)];
  const ids = [];
  for (const server of servers) {
    await server.initialize();
    ids.push((await server.run(echo('x'))).result.structuredContent.error.approval_id);
  }
  assert.equal(ids[0], ids[1]);
  assert.equal((await approve(place, 'grant', ids[0])).code, 0);
  const replies = await Promise.all(servers.map((server) => server.run(echo('x'))));
  assert.deepEqual(replies.map(({ result }) => kindOf(result) ?? 'ran').sort(), ['approval_required', 'ran']);
  await assertIntact(place);
});

test('a server that asks nobody makes no table of approvals', async (t) => {
  const place = scratch(t);
  assert.equal((await cli(place, ['run', '--', 'true'])).code, 0);
  assert.equal(fs.readFileSync(path.join(place.state, 'casemate.db')).includes('approval_key'), false);
});

test('what is no call of a tool cannot be approved', async (t) => {
  const place = asking(t);
  fs.writeFileSync(place.env.CASEMATE_POLICY, asksForRun.replace('[run]', '[resource_read]'));
  const client = await connect(place, stdio[0], casemate);
  await assert.rejects(client.readResource({ uri: 'casemate://docs/tools' }), /approval exists for calls of tools only/);
});
