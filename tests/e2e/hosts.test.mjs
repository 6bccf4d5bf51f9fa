// Every host's configuration file: the entry goes in, the server starts from it as the host would
// start it, the doctor says what is broken, and the entry comes out without a trace.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

import { bin, cli, scratch } from './lib/casemate.mjs';

// What is in each file before: as its owner might have left it.
const jsonc = '{\r\n\t// mine, do not touch\r\n\t"theme": "é", /* x */\r\n\t"KEY": {\r\n\t\t"other": {"command": "npx", "args": ["-y", "x"],},\r\n\t},\r\n}\r\n';
const json = '{\n    "theme": "dark",\n    "KEY": {}\n}';
const toml = 'model = "gpt" # mine\n\n[mcp_servers.other]\ncommand = "npx"\n\n[tui]\nx = 1';
const hosts = {
  'claude-desktop': { file: '.config/Claude/claude_desktop_config.json', key: 'mcpServers', before: json },
  'claude-code': { file: '.claude.json', key: 'mcpServers', before: json, project: '.mcp.json' },
  vscode: { file: '.config/Code/User/mcp.json', key: 'servers', before: jsonc, project: '.vscode/mcp.json' },
  cursor: { file: '.cursor/mcp.json', key: 'mcpServers', before: '{"KEY": {}}', project: '.cursor/mcp.json' },
  windsurf: { file: '.codeium/windsurf/mcp_config.json', key: 'mcpServers', before: '' },
  zed: { file: '.config/zed/settings.json', key: 'context_servers', before: jsonc, project: '.zed/settings.json' },
  codex: { file: '.codex/config.toml', key: 'mcp_servers', before: toml, project: '.codex/config.toml' },
  'gemini-cli': { file: '.gemini/settings.json', key: 'mcpServers', before: jsonc, project: '.gemini/settings.json' },
  jetbrains: { file: '.junie/mcp/mcp.json', key: 'mcpServers', before: '{}\n', project: '.junie/mcp/mcp.json' },
};
const textOf = (host) => host.before.replace('KEY', host.key);

// A person's machine: a home, a project, and nothing of the environment that tests have.
function machine(t) {
  const place = scratch(t);
  const home = path.join(place.dir, 'home');
  const project = path.join(place.dir, 'project');
  fs.mkdirSync(project);
  place.env = { ...place.env, PATH: '/usr/bin:/bin' };
  delete place.env.CASEMATE_STATE_DIR;
  delete place.env.CASEMATE_WORKSPACE_ROOTS;
  const put = (name, text, base = home) => {
    const file = path.join(base, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    return file;
  };
  return { place, home, project, put, client: (...args) => cli(place, ['client', ...args]) };
}

const read = (file) => fs.readFileSync(file, 'utf8');
const wordsOf = (file) => {
  // The entry is written by casemate itself, so this is enough of a parser.
  const text = read(file);
  const command = JSON.parse(/(?:"command": |command = )("(?:[^"\\]|\\.)*casemate")/.exec(text)[1]);
  const args = JSON.parse(/(?:"args": |args = )(\["serve".*?\])/.exec(text)[1]);
  return { command, args };
};
async function doctor(m, ...args) {
  const { code, stdout, stderr } = await m.client('doctor', '--json', '--project', m.project, ...args);
  assert.equal(stderr, '');
  return { code, ...JSON.parse(stdout) };
}

for (const [id, host] of Object.entries(hosts)) {
  test(`${id}: in, tried, examined, and out without a trace`, async (t) => {
    const m = machine(t);
    const before = textOf(host);
    const file = m.put(host.file, before);
    fs.chmodSync(file, 0o640);

    const first = await m.client('install', id, '--workspace-root', m.project);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /: installed in /);
    assert.equal(fs.statSync(file).mode & 0o777, 0o640);
    const backup = /backup: (.*)/.exec(first.stdout)[1];
    assert.equal(read(backup), before);
    const installed = read(file);
    assert.notEqual(installed, before);

    const second = await m.client('install', id, '--workspace-root', m.project);
    assert.match(second.stdout, /already there, unchanged/);
    assert.equal(read(file), installed);

    const { command, args } = wordsOf(file);
    assert.equal(command, bin);
    assert.deepEqual(args, ['serve', '--workspace-root', m.project]);
    const speaker = new Client({ name: 'host', version: '1' });
    const transport = new StdioClientTransport({ command, args, cwd: '/', env: { HOME: m.home, PATH: '/usr/bin:/bin' }, stderr: 'ignore' });
    await speaker.connect(transport);
    assert.ok((await speaker.listTools()).tools.some((tool) => tool.name === 'run'));
    await speaker.close();

    const well = await doctor(m, id);
    assert.equal(well.code, 0, JSON.stringify(well));
    assert.equal(well.entries.length, 1);
    assert.equal(well.entries[0].state, 'well');
    assert.ok(well.entries[0].where.startsWith(`${file}:`));
    assert.deepEqual(well.entries[0].editions, ['2026-07-28', '2025-11-25']);
    assert.ok(well.entries[0].tools > 3 && well.entries[0].first_reply_ms > 0);

    const removed = await m.client('remove', id);
    assert.equal(removed.code, 0, removed.stderr);
    assert.equal(read(file), before);
    const again = await m.client('remove', id);
    assert.match(again.stdout, /not there, unchanged/);
    const gone = await doctor(m, id);
    assert.equal(gone.code, 1);
    assert.equal(gone.entries[0].state, 'no_entry');
  });

  test(`${id}: a file that is not there is made, for its owner alone, and removed`, async (t) => {
    const m = machine(t);
    const file = path.join(m.home, host.file);
    assert.equal((await m.client('install', id)).code, 0);
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.equal((await doctor(m, id)).code, 0);
    assert.equal((await m.client('remove', id)).code, 0);
    assert.equal(fs.existsSync(file) ? read(file) : '', '');
  });

  if (host.project) {
    test(`${id}: a project has its own file`, async (t) => {
      const m = machine(t);
      const { code, stderr } = await m.client('install', id, '--scope', 'project', '--project', m.project);
      assert.equal(code, 0, stderr);
      assert.deepEqual(fs.readdirSync(m.project), [host.project.split('/')[0]]);
      assert.equal(fs.statSync(path.join(m.project, host.project)).mode & 0o777, 0o644);
      assert.ok(!fs.existsSync(path.join(m.home, host.file)));
      const found = await doctor(m, id);
      assert.equal(found.code, 0);
      assert.equal(found.entries[0].scope, 'project');
    });
  }

  test(`${id}: print says what install writes, and for other systems too`, async (t) => {
    const m = machine(t);
    const printed = await m.client('print', id);
    assert.equal(printed.code, 0, printed.stderr);
    await m.client('install', id);
    assert.equal(read(path.join(m.home, host.file)), printed.stdout);
    assert.ok(printed.stderr.includes(path.join(m.home, host.file)));
    for (const [flags, command, system] of [
      [['--via', 'wsl', '--distribution', 'Debian'], 'wsl.exe', 'windows'],
      [['--via', 'ssh', '--via-host', 'me@box', '--for', 'macos'], 'ssh', 'macos'],
      [['--via', 'ssh', '--via-host', 'me@box', '--for', 'windows'], 'ssh', 'windows'],
    ]) {
      const other = await m.client('print', id, ...flags);
      assert.equal(other.code, 0, other.stderr);
      assert.ok(other.stdout.includes(`"${command}"`) && other.stdout.includes(bin), other.stdout);
      assert.match(other.stderr, new RegExp(`do not run hosts on ${system}`));
      assert.ok(!other.stderr.includes(m.home), other.stderr);
      const refused = await m.client('install', id, ...flags);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, /--file: expected the host's configuration file/);
    }
    const url = await m.client('print', id, '--via', 'http', '--url', 'https://box/mcp');
    if (id === 'claude-desktop') {
      assert.equal(url.code, 2);
      assert.match(url.stderr, /reads only commands/);
    } else {
      assert.match(url.stdout, /"https:\/\/box\/mcp"/);
      assert.match(url.stdout, ['zed', 'jetbrains'].includes(id) ? /WRITE-THE-TOKEN-HERE/ : /CASEMATE_TOKEN/);
      const local = await m.client('print', id, '--via', 'http', '--url', 'http://127.0.0.1:8765/mcp');
      assert.doesNotMatch(local.stdout, /TOKEN|Authorization/);
    }
  });
}

test('claude-code: local scope is this project, in the own file', async (t) => {
  const m = machine(t);
  const before = JSON.stringify({ numStartups: 3, projects: { [m.project]: { history: [], mcpServers: {} } } }, null, 2);
  const file = m.put('.claude.json', before);
  assert.equal((await m.client('install', 'claude-code', '--scope', 'local', '--project', m.project)).code, 0);
  assert.equal(JSON.parse(read(file)).projects[m.project].mcpServers.casemate.command, bin);
  assert.equal((await doctor(m, 'claude-code')).entries[0].scope, 'local');
  assert.equal((await m.client('remove', 'claude-code', '--scope', 'local', '--project', m.project)).code, 0);
  assert.equal(read(file), before);
});

// Each is one way to break a connection, and what the doctor must say of it.
const breakages = {
  'the program is gone': { change: (e) => ({ ...e, command: '/nowhere/casemate' }), says: /`\/nowhere\/casemate` does not exist/ },
  'the program is a directory': { change: (e) => ({ ...e, command: '/usr' }), says: /`\/usr` is not a file/ },
  'the program is not executable': {
    change: (e, m) => ({ ...e, command: m.put('casemate', 'x') }),
    says: /casemate` is not executable/,
  },
  'the path is relative': { change: (e) => ({ ...e, command: 'bin/casemate' }), says: /not an absolute path/ },
  'a command that is not in the PATH': { change: (e) => ({ ...e, command: 'casemate' }), says: /not in the host's PATH/ },
  'no command': { change: () => ({ args: ['serve'] }), says: /no `command`/ },
  'args is a string': { change: (e) => ({ ...e, args: 'serve' }), says: /`args` must be a list/ },
  'a number in args': { change: (e) => ({ ...e, args: ['serve', 1] }), says: /`args` must hold strings/ },
  'env is a list': { change: (e) => ({ ...e, env: [] }), says: /`env` must map/ },
  'switched off': { change: (e) => ({ ...e, disabled: true }), says: /switched off/ },
  'without serve': { change: (e) => ({ ...e, args: ['--version'] }), says: /besides messages: `casemate \d/ },
  'a wrong flag': { change: (e) => ({ ...e, args: ['serve', '--no-such-flag'] }), says: /ended before it answered .*exit code 2/, stderr: /no-such-flag/ },
  'a root that is gone': { change: (e) => ({ ...e, args: ['serve', '--workspace-root', '/nowhere'] }), says: /ended before/, stderr: /nowhere/ },
  'it prints a banner': { change: (e) => ({ ...e, command: '/bin/sh', args: ['-c', `echo hello; exec ${bin} serve`] }), says: /besides messages: `hello`/ },
  'it ends at once': { change: (e) => ({ ...e, command: '/bin/true' }), says: /ended before .*exit code 0/ },
  'it does not end': {
    change: (e) => ({ ...e, command: '/bin/sh', args: ['-c', `${bin} serve; exec 1>&-; sleep 60`] }),
    says: /did not end within 3 s/,
  },
  'it lists no tools': {
    change: (e) => ({ ...e, command: '/bin/sh', args: ['-c', 'while read -r x; do i=$((i+1)); echo "{\\"jsonrpc\\":\\"2.0\\",\\"id\\":$i,\\"result\\":{}}"; [ $i != 2 ] || read -r x; done'] }),
    says: /without a list of tools/,
  },
};
for (const [name, { change, says, stderr }] of Object.entries(breakages)) {
  test(`doctor: ${name}`, async (t) => {
    const m = machine(t);
    assert.equal((await m.client('install', 'cursor')).code, 0);
    const file = path.join(m.home, '.cursor/mcp.json');
    const config = JSON.parse(read(file));
    config.mcpServers.casemate = change(config.mcpServers.casemate, m);
    fs.writeFileSync(file, JSON.stringify(config, null, 2));
    const { code, ok, entries } = await doctor(m);
    assert.equal(code, 1);
    assert.equal(ok, false);
    assert.equal(entries[0].state, 'wrong');
    assert.match(entries[0].problem, says);
    assert.equal(entries[0].where, `${file}:3:5`);
    assert.match(entries[0].remedy, /client install cursor/);
    if (stderr) assert.match(entries[0].stderr, stderr);
    const shown = await m.client('doctor');
    assert.equal(shown.code, 1);
    assert.ok(shown.stdout.includes('WRONG') && shown.stdout.includes(`${file}:3:5`));
    // The remedy works.
    assert.equal((await m.client('install', 'cursor')).code, 0);
    if (name !== 'switched off' && name !== 'env is a list') assert.equal((await doctor(m)).code, 0);
  });
}

test('doctor: a file that cannot be read, with line and column; install and remove leave it alone', async (t) => {
  const m = machine(t);
  for (const [id, text, where, says] of [
    ['cursor', '{\n  "mcpServers": {\n    "a": 1\n    "b": 2\n  }\n}\n', '4:5', /expected `,` or `}`, got `"`/],
    ['cursor', '{"mcpServers": []}', '1:16', /"mcpServers" to be an object/],
    ['cursor', '{"mcpServers": {}, "mcpServers": {}}', '1:20', /expected one "mcpServers", got a second/],
    ['cursor', '{"mcpServers": {} /* é', '1:19', /end of this comment/],
    ['cursor', '\ufeff{"é": x}', '1:7', /expected a value, got `x`/],
    ['codex', 'a = 1\nb = \n', '2:5', /expected TOML/],
    ['codex', 'mcp_servers = 3\n', '1:15', /`mcp_servers` to be a table/],
    ['codex', 'mcp_servers = {}\n', '2:1', /written inline/, 'install'],
  ]) {
    const file = m.put(hosts[id].file, text);
    const before = fs.statSync(file, { bigint: true });
    for (const action of ['install', 'remove']) {
      const { code, stderr } = await m.client(action, id);
      if (text.startsWith('mcp_servers = {}') && action === 'remove') continue;
      assert.equal(code, 1, text);
      assert.ok(stderr.includes(`${file}:${where}: `), stderr);
      assert.match(stderr, says);
    }
    const after = fs.statSync(file, { bigint: true });
    assert.deepEqual([after.ino, after.mtimeNs], [before.ino, before.mtimeNs]);
    assert.equal(read(file), text);
    assert.deepEqual(fs.readdirSync(path.dirname(file)), [path.basename(file)]);
    if (!text.startsWith('mcp_servers = {}')) {
      const found = await doctor(m, id);
      assert.equal(found.code, 1);
      assert.equal(found.entries[0].where, `${file}:${where}`);
    }
    fs.rmSync(file);
  }
});

test('an entry of something else with the same name is left alone', async (t) => {
  const m = machine(t);
  const text = '{"mcpServers": {"mine": {"command": "npx", "args": ["x"]}}}';
  const file = m.put('.cursor/mcp.json', text);
  for (const action of ['install', 'remove']) {
    const { code, stderr } = await m.client(action, 'cursor', '--name', 'mine');
    assert.equal(code, 1);
    assert.match(stderr, /1:17: expected no `mine` or one that starts Casemate/);
  }
  assert.equal(read(file), text);
});

test('an older entry is renewed; what was added to it stays', async (t) => {
  const m = machine(t);
  const file = m.put('.cursor/mcp.json', '{"mcpServers": {"casemate": {"url": "http://127.0.0.1:1/mcp", "headers": {"A": "b"}, "timeout": 7, "env": {"X": "y"}}}}');
  assert.equal((await m.client('install', 'cursor')).code, 0);
  assert.deepEqual(JSON.parse(read(file)).mcpServers.casemate, { command: bin, args: ['serve'], timeout: 7, env: { X: 'y' } });
});

test('dry-run shows the change and makes none', async (t) => {
  const m = machine(t);
  const file = m.put('.cursor/mcp.json', '{\n  "a": 1\n}\n');
  const { code, stdout } = await m.client('install', 'cursor', '--dry-run');
  assert.equal(code, 0);
  assert.match(stdout, /would be installed/);
  assert.ok(stdout.includes('-  "a": 1\n+  "a": 1,\n+  "mcpServers": {\n'), stdout);
  assert.equal(read(file), '{\n  "a": 1\n}\n');
  assert.deepEqual(fs.readdirSync(path.dirname(file)), ['mcp.json']);
});

test('a server that would not start is not installed', async (t) => {
  const m = machine(t);
  const { code, stderr } = await m.client('install', 'cursor', '--workspace-root', m.home);
  assert.equal(code, 1);
  assert.match(stderr, /nothing was written.*exit code 2\)\n.*state directory/s);
  assert.ok(!fs.existsSync(path.join(m.home, '.cursor')));
});

test('flags of the server become arguments, with absolute paths', async (t) => {
  const m = machine(t);
  const { stdout } = await m.client('print', 'cursor', '--workspace-root', m.project, '--toolsets', 'core,files', '--sandbox-mode', 'best_effort', '--policy', 'p.cedar', '--profile', 'small');
  const { args } = JSON.parse(stdout).mcpServers.casemate;
  assert.deepEqual(args, ['serve', '--policy', path.resolve('p.cedar'), '--workspace-root', m.project, '--sandbox-mode', 'best_effort', '--toolsets', 'core,files', '--profile', 'small']);
});

test('ssh: the words arrive as they were on the other side of its shell', async (t) => {
  const m = machine(t);
  const { stdout } = await m.client('print', 'cursor', '--via', 'ssh', '--via-host', 'me@box', '--program', "/opt/case mate's/casemate", '--workspace-root', '/srv/$HOME `x`');
  const { command, args } = JSON.parse(stdout).mcpServers.casemate;
  assert.equal(command, 'ssh');
  assert.deepEqual(args.slice(-3, -1), ['--', 'me@box']);
  const words = spawnSync('sh', ['-c', `printf '%s\\n' ${args.at(-1)}`], { encoding: 'utf8' }).stdout;
  assert.equal(words, "/opt/case mate's/casemate\nserve\n--workspace-root\n/srv/$HOME `x`\n");
});

test('a symbolic link stays one, and what it leads to is changed', async (t) => {
  const m = machine(t);
  const target = m.put('dotfiles/mcp.json', '{}\n');
  fs.mkdirSync(path.join(m.home, '.cursor'));
  const link = path.join(m.home, '.cursor/mcp.json');
  fs.symlinkSync(target, link);
  assert.equal((await m.client('install', 'cursor')).code, 0);
  assert.ok(fs.lstatSync(link).isSymbolicLink());
  assert.match(read(target), /casemate/);
  assert.equal((await m.client('remove', 'cursor')).code, 0);
  assert.equal(read(target), '{}\n');
});

test('sudo: what root writes belongs to whose home it is', { skip: process.getuid() !== 0 && 'needs root' }, async (t) => {
  const m = machine(t);
  const uid = 12345;
  fs.chmodSync(m.place.dir, 0o755);
  fs.mkdirSync(path.join(m.home, '.cursor'));
  const file = m.put('.cursor/mcp.json', '{}');
  for (const name of ['', '.cursor', '.cursor/mcp.json']) fs.chownSync(path.join(m.home, name), uid, uid);
  assert.equal((await m.client('install', 'cursor')).code, 0);
  assert.equal((await m.client('install', 'codex')).code, 0);
  const everything = fs.readdirSync(m.home, { recursive: true });
  assert.ok(everything.length >= 5, everything.join());
  for (const name of everything) {
    const { uid: owner, gid } = fs.lstatSync(path.join(m.home, name));
    assert.deepEqual([owner, gid], [uid, uid], name);
  }
  // A link of the user's must not lead root to a file of somebody else's.
  const other = m.put('other.json', '{}', m.place.dir);
  fs.rmSync(file);
  fs.symlinkSync(other, file);
  fs.lchownSync(file, uid, uid);
  const { code, stderr } = await m.client('install', 'cursor');
  assert.equal(code, 1);
  assert.match(stderr, /somebody else's/);
  assert.equal(read(other), '{}');
});

test('usage errors name the flag', async (t) => {
  const m = machine(t);
  for (const [args, says] of [
    [['install', 'curso'], /did you mean cursor\?/],
    [['install', 'cursor', '--scope', 'local'], /--scope: Cursor has no scope local/],
    [['install', 'cursor', '--name', 'a b'], /--name: expected 1 to 32/],
    [['install', 'cursor', '--workspace-root', '/nowhere/at/all'], /--workspace-root: expected a directory/],
    [['print', 'cursor', '--for', 'windows'], /--via: expected wsl, ssh or http/],
    [['print', 'cursor', '--via', 'ssh'], /--via-host: expected \[USER@\]HOST/],
    [['print', 'cursor', '--via', 'ssh', '--via-host=-oProxyCommand=x'], /--via-host/],
    [['print', 'cursor', '--via', 'http', '--url', 'file:///x'], /--url: expected http/],
    [['print', 'cursor', '--via', 'http', '--url', 'http://x/mcp', '--token-env', '$(x)'], /--token-env/],
    [['print', 'cursor', '--program', 'casemate'], /--program: expected an absolute path/],
    [['doctor', 'curso'], /did you mean cursor\?/],
  ]) {
    const { code, stderr } = await m.client(...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, says);
  }
});

test('doctor: nothing is connected', async (t) => {
  const m = machine(t);
  const { code, entries } = await doctor(m);
  assert.equal(code, 1);
  assert.deepEqual(entries, []);
  // A host that was not asked for and is not connected is no fault beside one that is.
  m.put('.gemini/settings.json', '{}');
  await m.client('install', 'cursor');
  const found = await doctor(m);
  assert.equal(found.code, 0);
  assert.deepEqual(found.entries.map((e) => [e.host, e.state]), [['cursor', 'well'], ['gemini-cli', 'no_entry']]);
});

test("doctor: what a stranger's project names is not started", async (t) => {
  const m = machine(t);
  const proof = path.join(m.place.dir, 'proof');
  const ours = { command: bin, args: ['serve'] };
  for (const [entry, started] of [
    [ours, true],
    [{ command: bin, args: ['serve', '--workspace-root', m.project] }, true],
    [{ command: '/bin/sh', args: ['-c', `touch ${proof}; exec ${bin} serve`] }, false],
    [{ ...ours, env: { LD_PRELOAD: './x.so' } }, false],
    [{ command: bin, args: ['serve', '--config', 'x.yaml'] }, false],
    [{ command: bin, args: ['serve', '--workspace-root', m.project, '--policy'] }, false],
    [{ command: bin, args: ['run', '--workspace-root', m.project] }, false],
  ]) {
    m.put('.mcp.json', JSON.stringify({ mcpServers: { casemate: entry } }), m.project);
    const { entries: [found] } = await doctor(m, 'claude-code');
    assert.equal(found.scope, 'project');
    assert.equal(found.state, started ? 'well' : 'not_examined', JSON.stringify(entry));
    if (!started) assert.match(found.problem, /not started/);
  }
  assert.ok(!fs.existsSync(proof));
});
