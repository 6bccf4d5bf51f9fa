// `casemate containers` with real engines, as a person meets it: on a terminal, in a pipe, with wrong
// input, and with engines that are not there.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { bin, cli, scratch, verifyTrail } from '../e2e/lib/casemate.mjs';
import { Engines, busybox, containerOn, skipped } from './engines.mjs';

const both = ['docker', 'podman'];
const socketGroup = 64_999; // of nobody: root's server gives up root, and stays in the group of the socket
const policy = `version: 1
rules:
  - {id: all, effect: allow, tools: ["*"], containers: [use, unlimited, reclaim]}
`;

// A place whose commands reach `engine`, under a policy that allows all.
function placeOf(t, engine) {
  const place = scratch(t);
  const file = path.join(place.dir, 'policy.yaml');
  fs.writeFileSync(file, policy);
  fs.chownSync(engine.socket, 0, socketGroup);
  Object.assign(place.env, { DOCKER_HOST: `unix://${engine.socket}`, CASEMATE_POLICY: file });
  place.containers = (args, more) => cli(place, ['containers', ...args], more);
  return place;
}

// A command that goes on: what it has written so far, and waiting for more of it.
function start(place, args, { program = bin, env = {} } = {}) {
  const child = spawn(program, args, { env: { ...place.env, ...env }, stdio: 'pipe' });
  const running = { child, stdout: '', stderr: '', closed: once(child, 'close').then(([code, signal]) => ({ code, signal })) };
  child.stdout.on('data', (data) => (running.stdout += data));
  child.stderr.on('data', (data) => (running.stderr += data));
  place.closing(() => child.exitCode === null && child.signalCode === null && child.kill('SIGKILL'));
  running.has = async (pattern) => {
    while (!pattern.test(running.stdout)) {
      const ended = await Promise.race([once(child.stdout, 'data'), running.closed]);
      assert.ok(Array.isArray(ended) || pattern.test(running.stdout), `it ended without ${pattern}: ${running.stdout}${running.stderr}`);
    }
    return running.stdout;
  };
  return running;
}

// On a terminal of so many columns and rows.
function onTerminal(place, args, { columns = 200, rows = 50, env = {} } = {}) {
  const command = `stty cols ${columns} rows ${rows} -echo; exec ${[bin, ...args].map((word) => `'${word}'`).join(' ')}`;
  return start(place, ['-qefc', command, '/dev/null'], { program: 'script', env: { TERM: 'xterm', SHELL: '/bin/sh', ...env } });
}

const named = async (engine, name, command, more) => {
  const id = await containerOn(engine, command, more);
  const renamed = await engine.request('POST', `/v1.41/containers/${id}/rename?name=${name}`);
  assert.equal(renamed.status, 204, renamed.text);
  return id;
};
const wait = (engine, id) => engine.request('POST', `/v1.41/containers/${id}/wait`);
// Says what is written into its pipe.
const echoing = ['sh', '-c', 'mkfifo /tmp/in; echo ready; while :; do read -r line </tmp/in && echo "said $line"; done'];
const tmpfs = { HostConfig: { Tmpfs: { '/tmp': 'mode=1777' } } };
const say = (place, name, line) => place.containers(['exec', name, '--', 'sh', '-c', `echo ${line} >/tmp/in`]);

for (const name of both) {
  test(`${name}: ls, in a pipe and as JSON`, { skip: skipped }, async (t) => {
    const engine = (await Engines.start(t, { [name]: true }))[name];
    const place = placeOf(t, engine);
    assert.equal((await place.containers(['ls'])).stdout, 'No containers.\n');

    await named(engine, 'web', ['httpd', '-f', '-p', '80'], { HostConfig: { Memory: 64 << 20 } });
    const failed = await named(engine, 'broken', ['sh', '-c', 'exit 3']);
    await wait(engine, failed);
    const { code, stdout, stderr } = await place.containers(['ls']);
    assert.deepEqual([code, stderr], [0, '']);
    const [head, row, ...rest] = stdout.trimEnd().split('\n');
    assert.match(head, /^NAME +IMAGE +STATE +HEALTH +CPU +MEM +PORTS +SERVICES$/);
    assert.match(row, new RegExp(`^web +\\S*${busybox} +running +- +[\\d.]+% +[\\d.]+ [KM]?i?B / 64.0 MiB +- +\\S`));
    assert.equal(row.indexOf('running'), head.indexOf('STATE'));
    assert.deepEqual(rest, [], 'what has ended is shown only when asked for');
    assert.ok(!stdout.includes('\x1b'), 'no colours in a pipe');

    const all = await place.containers(['ls', '--all']);
    assert.match(all.stdout, /^broken +\S+ +exited \(3\) +- +- +- +- +-$/m);
    const json = JSON.parse((await place.containers(['ls', '--all', '--json'])).stdout);
    assert.equal(json.total, 2);
    const [web, broken] = ['web', 'broken'].map((wanted) => json.containers.find((shown) => shown.name === wanted));
    assert.equal(web.memory_limit_bytes, 64 << 20);
    assert.deepEqual([broken.state, broken.services, broken.ports], ['exited', [], []]);

    await engine.request('DELETE', '/v1.41/containers/web?force=1');
    assert.equal((await place.containers(['ls'])).stdout, 'No container runs; 1 stopped: casemate containers ls --all\n');
  });

  test(`${name}: status begins with what is wrong`, { skip: skipped }, async (t) => {
    const engine = (await Engines.start(t, { [name]: true }))[name];
    const place = placeOf(t, engine);
    await named(engine, 'fine', ['sleep', '1000'], { HostConfig: { Memory: 64 << 20 }, Labels: { team: 'shop' } });
    const fine = await place.containers(['status', 'fine']);
    assert.equal(fine.code, 0, fine.stderr);
    assert.match(fine.stdout, /^fine \([0-9a-f]{12}\): running, up /);
    for (const line of [/^ {2}image +\S*casemate-test\/busybox:1$/m, /^ {2}memory +.* of 64(\.0)? MiB/m, /^ {2}command +sleep 1000$/m, /^ {2}labels +.*team=shop$/m, /^ {2}processes +1/m]) {
      assert.match(fine.stdout, line);
    }
    const id = await named(engine, 'broken', ['sh', '-c', 'echo "cannot open /srv/db" >&2; exit 3']);
    await wait(engine, id);
    const broken = await place.containers(['status', id.slice(0, 10)]);
    const [first, empty, second] = broken.stdout.split('\n');
    assert.match(first, /3/);
    assert.match(first, /cannot open \/srv\/db/);
    assert.equal(empty, '');
    assert.match(second, /^broken \([0-9a-f]{12}\): exited with 3/);
    const json = JSON.parse((await place.containers(['status', 'broken', '--json'])).stdout);
    assert.deepEqual([json.name, json.exit_code, json.diagnosis], ['broken', 3, first]);
    assert.equal((await verifyTrail(place)).code, 0);
  });

  test(`${name}: logs, their bytes, and what they are narrowed by`, { skip: skipped }, async (t) => {
    const engine = (await Engines.start(t, { [name]: true }))[name];
    const place = placeOf(t, engine);
    const id = await named(engine, 'app', ['sh', '-c', 'for i in 1 2 3 4 5; do echo "line $i"; done; printf "\\033[31mred\\033[0m\\n" >&2']);
    await wait(engine, id);
    const raw = spawnSync(bin, ['containers', 'logs', 'app', '--grep', 'red'], { env: place.env });
    assert.deepEqual(raw.stdout, Buffer.from('\x1b[31mred\x1b[0m\n'));
    const lines = async (...args) => (await place.containers(['logs', 'app', ...args])).stdout;
    assert.match(await lines('--tail', '2'), /^(?!line [123]\n)[^\n]+\n[^\n]+\n$/); // whichever stream came last
    assert.equal(await lines('--grep', 'line [24]'), 'line 2\nline 4\n');
    assert.equal(await lines('--grep', 'line', '--tail', '1'), 'line 5\n');
    assert.match(await lines('--since', '1h'), /line 1/);
    assert.equal(await lines('--since', '2999-01-01T00:00:00Z'), '');
    const json = JSON.parse(await lines('--json', '--grep', 'red'));
    assert.deepEqual([json.name, json.matched, json.log], ['app', 1, '\\x1b[31mred\\x1b[0m\n']);
    const shown = onTerminal(place, ['containers', 'logs', 'app']);
    assert.equal((await shown.closed).code, 0);
    assert.match(shown.stdout, /\\x1b\[31mred/);
    assert.ok(!shown.stdout.includes('\x1b[31mred'), 'what a container wrote commands no terminal');
  });

  test(`${name}: more than an agent may read at once`, { skip: skipped }, async (t) => {
    const engine = (await Engines.start(t, { [name]: true }))[name];
    const place = placeOf(t, engine);
    const id = await named(engine, 'long', ['sh', '-c', 'i=0; x=$(printf "%0100d" 0); while [ $i -lt 9000 ]; do i=$((i+1)); echo "$i $x"; done']);
    await wait(engine, id);
    const { stdout } = await place.containers(['logs', 'long', '--tail', '8000']);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, 8000);
    assert.match(lines.at(-1), /^9000 0{100}$/);
  });

  test(`${name}: logs are followed until Ctrl-C, or the end`, { skip: skipped }, async (t) => {
    const engine = (await Engines.start(t, { [name]: true }))[name];
    const place = placeOf(t, engine);
    await named(engine, 'app', echoing, tmpfs);
    const text = start(place, ['containers', 'logs', 'app', '--follow']);
    const json = start(place, ['containers', 'logs', 'app', '-f', '--json', '--grep', 'two', '--tail', '0']);
    await text.has(/ready\n/);
    assert.equal((await say(place, 'app', 'one')).code, 0);
    await text.has(/said one\n/);
    await say(place, 'app', 'two');
    assert.equal(await text.has(/said two\n/), 'ready\nsaid one\nsaid two\n');
    assert.deepEqual(JSON.parse(await json.has(/\n/)), { stream: 'stdout', line: 'said two' });
    text.child.kill('SIGINT');
    assert.deepEqual([await text.closed, text.stderr], [{ code: 130, signal: null }, '']);
    await engine.request('POST', '/v1.41/containers/app/kill');
    assert.deepEqual(await json.closed, { code: 0, signal: null });
    assert.match(json.stderr, /^casemate: note: .*ended/m);
    assert.equal((await verifyTrail(place)).code, 0);
  });

  test(`${name}: exec hands on bytes, input, variables and the exit code`, { skip: skipped }, async (t) => {
    const engine = (await Engines.start(t, { [name]: true }))[name];
    const place = placeOf(t, engine);
    await named(engine, 'app', echoing, tmpfs);
    const exec = (args, more) => place.containers(['exec', 'app', ...args], more);
    const ran = await exec(['--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
    assert.deepEqual([ran.code, ran.stdout, ran.stderr], [7, 'out\n', 'err\n']);
    assert.equal((await exec(['--stdin', '--env', 'A=b c', '--', 'sh', '-c', 'cat; echo "$A"'], { input: 'in\n' })).stdout, 'in\nb c\n');
    const bytes = spawnSync(bin, ['containers', 'exec', 'app', '--', 'printf', '\\377\\033[31m'], { env: place.env });
    assert.deepEqual(bytes.stdout, Buffer.from('\xff\x1b[31m', 'latin1'));
    assert.equal((await exec(['--timeout', '1', '--', 'sleep', '1000'])).code, 124);
    assert.equal((await exec(['--', 'no-such-program'])).code, 127);
    assert.equal((await exec(['--', 'sh', '-c', 'kill -9 $$'])).code, 137);
    const much = spawnSync(bin, ['containers', 'exec', 'app', '--', 'head', '-c', '5000000', '/dev/zero'], { env: place.env, maxBuffer: 1 << 24 });
    assert.deepEqual([much.status, much.stdout.length, String(much.stderr)], [0, 5_000_000, ''], 'all of it, and no word of limits');

    // As it comes: the command goes on only once somebody has read what it wrote.
    const slow = start(place, ['containers', 'exec', 'app', '--', 'sh', '-c', 'mkfifo /tmp/go; echo first; read x </tmp/go; echo "then $x"']);
    await slow.has(/^first\n/);
    assert.equal((await exec(['--', 'sh', '-c', 'echo more >/tmp/go'])).code, 0);
    await slow.has(/then more\n/);
    assert.equal((await slow.closed).code, 0);

    const record = JSON.parse((await cli(place, ['audit', 'tail', '--json', '-n', '1000'])).stdout.trimEnd().split('\n').find((line) => line.includes('no-such-program')));
    assert.match(JSON.stringify(record), /"target":\{"container":"[0-9a-f]{64}"\}/);
    assert.match(JSON.stringify(record), /"cli"/);
    assert.equal((await verifyTrail(place)).code, 0);
  });

  test(`${name}: exec ends with Ctrl-C, and with its reader`, { skip: skipped }, async (t) => {
    const engine = (await Engines.start(t, { [name]: true }))[name];
    const place = placeOf(t, engine);
    const id = await named(engine, 'app', echoing, tmpfs);
    // Of the container: the first process of it, and what exec has started.
    const processes = async () => JSON.stringify((await engine.request('GET', `/v1.41/containers/${id}/top`)).json.Processes);
    const running = start(place, ['containers', 'exec', 'app', '--', 'sh', '-c', 'echo begun; exec sleep 4321']);
    await running.has(/begun/);
    assert.match(await processes(), /sleep.4321/);
    running.child.kill('SIGINT');
    assert.equal((await running.closed).code, 130);
    assert.doesNotMatch(await processes(), /sleep.4321/);

    const flood = start(place, ['containers', 'exec', 'app', '--', 'yes', 'flood']);
    await flood.has(/flood/);
    flood.child.stdout.destroy();
    assert.equal((await flood.closed).code, 141, 'as SIGPIPE ends others');
    assert.doesNotMatch(await processes(), /yes.flood/);
    assert.equal((await verifyTrail(place)).code, 0);
  });

  test(`${name}: a live table on a terminal, and a plain one in a pipe`, { skip: skipped }, async (t) => {
    const engine = (await Engines.start(t, { [name]: true }))[name];
    const place = placeOf(t, engine);
    await named(engine, 'web', ['sleep', '1000']);
    const live = onTerminal(place, ['containers', 'ls', '--watch']);
    await live.has(/UTC; Ctrl-C ends it[^]*web[^]*\x1b\[32mrunning\x1b\[0m/);
    const second = await named(engine, 'second', ['sleep', '1000']);
    await live.has(/\x1b\[3A\r[^]*second/); // drawn over the first: a line above, the header and a row
    live.child.stdin.write('\x03');
    assert.equal((await live.closed).code, 130);

    const plain = onTerminal(place, ['containers', 'ls'], { env: { NO_COLOR: '1' } });
    assert.equal((await plain.closed).code, 0);
    assert.match(plain.stdout, /running/);
    assert.ok(!plain.stdout.includes('\x1b'), 'NO_COLOR');

    // A small window: nothing wraps, and nothing scrolls out of reach of the cursor.
    await named(engine, 'third', ['sleep', '1000']);
    const small = onTerminal(place, ['containers', 'ls', '--watch'], { columns: 30, rows: 5, env: { NO_COLOR: '1' } });
    await small.has(/… 2 more/);
    small.child.stdin.write('\x03');
    assert.equal((await small.closed).code, 130);
    for (const line of small.stdout.replaceAll(/\x1b\[\w*|\r/g, '').split('\n')) assert.ok(line.length <= 30, line);

    const piped = start(place, ['containers', 'ls', '--watch']);
    const json = start(place, ['containers', 'ls', '--watch', '--json']);
    await json.has(/\n/);
    assert.match(await piped.has(/NAME[^]*\n\nNAME/), /^NAME[^\n]*\n(\S+ [^\n]*\n){3}\nNAME/);
    await engine.request('DELETE', `/v1.41/containers/${second}?force=1`);
    await json.has(/"total":2/);
    for (const { child } of [piped, json]) child.kill('SIGINT');
    assert.equal((await piped.closed).code, 130);
    assert.equal((await json.closed).code, 130);
    for (const line of json.stdout.trimEnd().split('\n')) assert.ok(Array.isArray(JSON.parse(line).containers));
    assert.ok(!piped.stdout.includes('\x1b'));
    assert.equal((await verifyTrail(place)).code, 0);
  });

  test(`${name}: an engine that goes away under a live table, and comes back`, { skip: skipped }, async (t) => {
    const engine = (await Engines.start(t, { [name]: true }))[name];
    const place = placeOf(t, engine);
    await named(engine, 'web', ['sleep', '1000']);
    const live = start(place, ['containers', 'ls', '--watch']);
    await live.has(/^web /m);
    await engine.kill();
    await live.has(/\n\n[^\n]*(listens|broke)/);
    await engine.start();
    fs.chownSync(engine.socket, 0, socketGroup);
    await live.has(/(listens|broke)[^]*\n(web |No container)/); // engines may end their containers with them
    live.child.kill('SIGTERM');
    assert.equal((await live.closed).code, 143);
  });
}

const commands = [['ls'], ['ls', '--watch'], ['status', 'web'], ['logs', 'web'], ['logs', 'web', '--follow'], ['exec', 'web', '--', 'true'], ['optimize']];

test('one clear line when the engine is not there, or not for us, and when there is no such container', { skip: skipped }, async (t) => {
  const { docker } = await Engines.start(t, { docker: true });
  const place = placeOf(t, docker);
  const fails = async (pattern, list, env, expected = 1) => {
    for (const args of list) {
      const { code, stdout, stderr } = await place.containers(args, { env });
      const what = `${args.join(' ')}: ${stderr}`;
      assert.equal(code, args[0] === 'exec' ? 125 : expected, what);
      assert.match(stderr, /^casemate: [^\n]+\([^\n]+\)\n$/, what);
      assert.match(stderr, pattern, what);
      assert.equal(stdout, '', what);
    }
  };
  const aboutOne = commands.filter(([, name]) => name === 'web');
  await fails(/there is no container `web` \(list them: casemate containers ls --all\)/, aboutOne);
  const real = commands.filter(([command]) => command !== 'optimize');
  await fails(/no such socket \(start the engine/, real, { DOCKER_HOST: 'unix:///nowhere/none.sock' });
  await fails(/expected unix:\/\//, real, { DOCKER_HOST: 'tcp://127.0.0.1:1' }, 2);
  fs.chownSync(docker.socket, 0, 0); // nobody but root, and root's command gives that up
  await fails(/may not connect to the engine \(.*group/, real);
  fs.chownSync(docker.socket, 0, socketGroup);
  await docker.kill();
  await fails(/no engine listens on it \(start the engine/, real);
});

test('policy refuses, and its reason is told', { skip: skipped }, async (t) => {
  const { docker } = await Engines.start(t, { docker: true });
  const place = placeOf(t, docker);
  await named(docker, 'web', ['sleep', '1000']);
  const env = { CASEMATE_POLICY: 'default' };
  assert.equal((await place.containers(['ls'], { env })).code, 0);
  const refused = await place.containers(['exec', 'web', '--', 'true'], { env });
  assert.deepEqual([refused.code, refused.stdout], [125, '']);
  assert.match(refused.stderr, /^casemate: [^\n]*polic[^\n]*\n$/);
});

test('wrong input exits with 2 and says what was expected', async (t) => {
  const place = scratch(t);
  const wrong = {
    'ls extra': [], 'status': /name/, 'logs': /name/, 'logs web --tail -1': /tail/i, 'logs web --tail 10001': /tail/i, 'exec web': /after --/,
    'exec web ls': /after --/, 'exec web ls -- ls': /after --/, 'exec -- ls': /name/, 'exec web --timeout 0 -- ls': /timeout/i,
    'ls -- x': /exec/, 'optimize --yes': /yes/i, 'sl': [], '': [],
  };
  for (const [args, pattern] of Object.entries(wrong)) {
    const { code, stderr } = await cli(place, ['containers', ...args.split(' ').filter(Boolean)]);
    assert.equal(code, 2, `${args}: ${stderr}`);
    if (pattern instanceof RegExp) assert.match(stderr, pattern, args);
    assert.ok(stderr.length > 0, args);
  }
  assert.ok(!fs.existsSync(place.state), 'nothing was begun');
});

test('wrong values exit with 2, too', { skip: skipped }, async (t) => {
  const { docker } = await Engines.start(t, { docker: true });
  const place = placeOf(t, docker);
  await named(docker, 'web', ['sleep', '1000']);
  for (const [args, pattern] of [[['logs', 'web', '--since', 'yesterday'], /^casemate: --since: /], [['logs', 'web', '--grep', '('], /^casemate: --grep: /]]) {
    const { code, stderr } = await place.containers(args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, pattern);
    assert.match(stderr, /^[^\n]+\n$/);
  }
  const env = await place.containers(['exec', 'web', '--env', 'novalue', '--', 'true']);
  assert.equal(env.code, 125);
  assert.match(env.stderr, /--env: expected NAME=value/);
});

test('each command has help with an example', async (t) => {
  const place = scratch(t);
  for (const command of ['ls', 'status', 'logs', 'exec', 'optimize']) {
    const { code, stdout } = await cli(place, ['containers', command, '--help']);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`Example: casemate containers ${command} `));
  }
});

test('optimize does what is consented to, and nothing else', { skip: skipped }, async (t) => {
  const engines = await Engines.start(t, { docker: true, podman: true });
  for (const name of both) {
    const engine = engines[name];
    const place = placeOf(t, engine);
    const optimize = (...args) => place.containers(['optimize', ...args]);
    const stopped = async () => (await engine.request('GET', '/v1.41/containers/json?all=1')).json.length;
    for (const gone of ['one', 'two']) await wait(engine, await named(engine, gone, ['true']));
    const plan = await optimize('one');
    assert.equal(plan.code, 0, plan.stderr);
    const [id] = /^remove_stopped-[0-9a-f]{12}(?= one: [^]*Nothing was done: --yes all)/m.exec(plan.stdout) ?? assert.fail(plan.stdout);
    const json = JSON.parse((await optimize('one', '--json')).stdout);
    assert.deepEqual([json.plan.actions.find((action) => action.id === id).kind, json.done], ['remove_stopped', undefined]);
    const other = await optimize('two', '--yes', id);
    assert.deepEqual([other.code, other.stdout.includes('remove_stopped-')], [2, true], 'the id is of another container');
    for (const wrong of ['remove_stoped', 'a99']) {
      const { code, stderr } = await optimize('one', '--yes', `${id},${wrong}`);
      assert.equal(code, 2, stderr);
      assert.match(stderr, new RegExp(`^casemate: --yes: expected any of [^\n]*remove_stopped[^\n]*${wrong}[^\n]*nothing was done\n$`));
    }
    assert.equal((await optimize('one', '--yes', 'set_limits')).code, 0, 'a kind of which there is nothing to do');
    assert.equal(await stopped(), 2);

    const asked = onTerminal(place, ['containers', 'optimize', 'one']);
    await asked.has(/Do remove_stopped-[0-9a-f]{12}\? \[y\/N\] $/);
    asked.child.stdin.write('n\n');
    assert.equal((await asked.closed).code, 0);
    const ended = onTerminal(place, ['containers', 'optimize', 'one']);
    await ended.has(/Do remove_stopped-[0-9a-f]{12}\? \[y\/N\] $/);
    ended.child.stdin.write('\x03');
    assert.equal((await ended.closed).code, 130);
    assert.equal(await stopped(), 2);
    const agreed = onTerminal(place, ['containers', 'optimize', 'one']);
    await agreed.has(/Do remove_stopped-[0-9a-f]{12}\? \[y\/N\] $/);
    agreed.child.stdin.write('y\n');
    assert.equal((await agreed.closed).code, 0);
    assert.ok(agreed.stdout.includes(`[y/N] ${id} one: done`), agreed.stdout);
    assert.equal(await stopped(), 1);

    assert.equal((await optimize('two', '--yes', id)).code, 2, 'what it was about is gone');
    assert.equal(await stopped(), 1);
    const done = JSON.parse((await optimize('two', '--yes', 'remove_stopped', '--json')).stdout);
    assert.equal(done.done.actions[0].status, 'done');
    assert.equal(await stopped(), 0);
    assert.equal((await verifyTrail(place)).code, 0);
  }
});

test('what docs/containers.md shows works as it stands', { skip: skipped }, async (t) => {
  const page = fs.readFileSync(path.join(import.meta.dirname, '../../docs/containers.md'), 'utf8');
  const blocks = [...page.matchAll(/^<!-- tested with an engine -->\n```sh\n([^]*?)^```/gm)].map(([, script]) => script);
  assert.ok(blocks.length > 0);
  for (const name of both) {
    const engine = (await Engines.start(t, { [name]: true }))[name];
    const place = placeOf(t, engine);
    await named(engine, 'web', ['sh', '-c', 'echo GET /; sleep 1000']);
    const programs = path.join(place.dir, 'bin');
    fs.mkdirSync(programs);
    fs.symlinkSync(bin, path.join(programs, 'casemate'));
    for (const script of blocks) {
      const ran = spawnSync('bash', ['-euo', 'pipefail', '-c', script], { env: { ...place.env, PATH: `${programs}:${place.env.PATH}` }, encoding: 'utf8', cwd: place.work, stdio: ['ignore', 'pipe', 'pipe'] });
      assert.equal(ran.status, 0, `${name}: ${ran.stdout}\n${ran.stderr}`);
      for (const said of ['running', 'GET /', 'C\n', 'hello\n']) assert.ok(ran.stdout.includes(said), `${said}: ${ran.stdout}`);
    }
  }
});
