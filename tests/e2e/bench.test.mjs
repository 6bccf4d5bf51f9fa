// The benchmark of one call, in very few rounds: not how fast, but that it compares what it says.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { bin, cli, scratch } from './lib/casemate.mjs';

const bench = path.join(path.dirname(bin), 'tests/bench/casemate_bench');
const pathOf = (program) => spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim();

// A directory with these scripts, and with bubblewrap, for a PATH of nothing else.
function folderOf(place, programs) {
  const folder = path.join(place.dir, 'bin');
  fs.mkdirSync(folder);
  for (const [name, script] of Object.entries({ bwrap: `#!/bin/sh\nexec ${pathOf('bwrap')} "$@"\n`, ...programs })) {
    fs.writeFileSync(path.join(folder, name), script, { mode: 0o755 });
  }
  return folder;
}

const callsOf = (...more) => ['calls', '--n', '2', '--casemate', bin, ...more];

async function calls(t, programs = {}, ...more) {
  const place = scratch(t);
  const ran = await cli(place, callsOf(...more), { program: bench, env: { PATH: folderOf(place, programs) } });
  assert.equal(ran.code, 0, ran.stderr);
  return { place, stdout: ran.stdout };
}

async function report(t, programs) {
  const { place, stdout } = await calls(t, programs, '--json');
  return { place, ...JSON.parse(stdout) };
}

function checkFigures(row) {
  assert.ok(row.runs >= 1 && row.p50_ms > 0 && row.p95_ms >= row.p50_ms && row.x_bwrap > 0 && row.x_fork_exec > 0, JSON.stringify(row));
}

test('a sandbox that is missing or broken is a row that says so', async (t) => {
  const rows = await report(t, {
    codex: '#!/bin/sh\n[ "$*" = "sandbox linux -- /bin/true" ] || exit 2\n',  // only its older name
    srt: '#!/bin/sh\necho "srt: no socat" >&2\nexit 3\n',
    runsc: '#!/bin/sh\nkill -9 $$\n',
    docker: '#!/bin/sh\necho "Cannot connect" >&2\nexit 1\n',
  });
  for (const key of ['fork_exec', 'bwrap', 'casemate', 'codex']) checkFigures(rows[key]);
  assert.deepEqual(rows.codex.command, ['codex', 'sandbox', 'linux', '--', '/bin/true']);
  assert.equal(rows.firejail.absent, 'not installed');
  assert.equal(rows.srt.absent, 'exit code 3: srt: no socat');
  assert.equal(rows.runsc.absent, 'signal 9');
  assert.equal(rows.docker.absent, 'no daemon that answers and has an image');
  assert.equal(rows.rounds, 2);
});

test('one that fails in the middle does not end the comparison', async (t) => {
  const { srt } = await report(t, {
    srt: '#!/bin/sh\n[ -e "$0.third" ] && exit 5\n[ -e "$0.second" ] && : >"$0.third"\n: >"$0.second"\n',
  });
  assert.equal(srt.absent, 'exit code 5');
});

test('docker runs an image that has the program', async (t) => {
  const { docker } = await report(t, {
    docker: '#!/bin/sh\ncase "$*" in "image ls"*) echo sha256:bad; echo sha256:good ;; *sha256:bad) exit 127 ;; esac\n',
  });
  checkFigures(docker);
  assert.equal(docker.command.at(-1), 'sha256:good');
  assert.ok(!('cpu_ms' in docker));  // the daemon's is not seen
});

test('the table has a line for each', async (t) => {
  const { stdout } = await calls(t);
  for (const row of [/^fork\+exec\+wait +2 +\d/m, /^bwrap --unshare-all +2 +\d/m, /^casemate.* +2 +\d/m, /^firejail.* not installed$/m]) {
    assert.match(stdout, row);
  }
});

// An empty file system over the groups: what is there can be neither seen nor written.
test('without control groups the limited bubblewrap says so, and the others are measured', async (t) => {
  const place = scratch(t);
  const script = `mount -t tmpfs none /sys/fs/cgroup && PATH=${folderOf(place, {})} exec "$0" "$@"`;
  const ran = await cli(place, [process.getuid() === 0 ? '-m' : '-rm', 'sh', '-c', script, bench, ...callsOf('--json')], { program: 'unshare' });
  assert.equal(ran.code, 0, ran.stderr);
  const rows = JSON.parse(ran.stdout);
  assert.match(rows.bwrap_limited.absent, /^no control group for memory: /);
  assert.ok(!('x_bwrap_limited' in rows.casemate));
  for (const key of ['fork_exec', 'bwrap', 'casemate']) checkFigures(rows[key]);
});

// bubblewrap is a script here that looks at the groups it was started in, has the sandbox read its
// own state, and only then does what it was asked to.
const spy = (real) => `#!/bin/bash
PATH=/usr/bin:/bin
filter=
for ((i = 1; i < $#; ++i)); do [ "\${!i}" = --seccomp ] && { next=$((i + 1)); filter=\${!next}; }; done
if [ -n "$filter" ] && [ ! -e "$0.seen" ]; then
  : >"$0.seen"
  cat /proc/self/cgroup >"$0.groups"
  group=$(grep -o 'casemate-bench-[0-9]*/run-[0-9]*' "$0.groups" | head -n 1)
  for file in $(find /sys/fs/cgroup -path "*/$group/*"); do
    case $file in
      */memory.max | */memory.limit_in_bytes | */pids.max | */cpu.max | */cpu.cfs_quota_us) echo "\${file##*/} $(cat "$file")" ;;
    esac
  done >"$0.limits"
  eval "exec $filter</proc/self/fd/$filter"
  ${real} "\${@:1:$#-1}" /bin/cat /proc/self/status >"$0.status"
  eval "exec $filter</proc/self/fd/$filter"
fi
exec ${real} "$@"
`;

test('the limited bubblewrap has the filter, the limits and no capabilities, and leaves no group', async (t) => {
  const { place, bwrap_limited: row } = await report(t, { bwrap: spy(pathOf('bwrap')) });
  if (row.absent !== undefined) {
    assert.match(row.absent, /^no control group/);
    t.diagnostic(`not compared here: ${row.absent}`);
    return;
  }
  checkFigures(row);
  const seen = (what) => fs.readFileSync(path.join(place.dir, 'bin', `bwrap.${what}`), 'utf8');
  const status = Object.fromEntries(seen('status').trim().split('\n').map((line) => line.split(/:\s*/)));
  assert.deepEqual([status.Seccomp, status.NoNewPrivs], ['2', '1']);
  for (const set of ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.match(status[set], /^0+$/, set);
  const limits = new Set(seen('limits').trim().split('\n'));
  const wanted = [...limits].some((limit) => limit.startsWith('memory.max '))
    ? [`memory.max ${512 << 20}`, 'pids.max 129', 'cpu.max 100000 100000']
    : [`memory.limit_in_bytes ${512 << 20}`, 'pids.max 129', 'cpu.cfs_quota_us 100000'];
  for (const limit of wanted) assert.ok(limits.has(limit), `${limit} in ${[...limits]}`);
  const [base] = seen('groups').match(/casemate-bench-\d+/);
  assert.equal(spawnSync('find', ['/sys/fs/cgroup', '-name', base], { encoding: 'utf8' }).stdout, '');
});
