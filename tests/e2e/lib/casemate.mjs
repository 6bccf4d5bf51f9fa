// The real binary on private directories: a scratch place for a test, and one subcommand in it.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const bin = path.resolve(process.env.CASEMATE_BIN ?? path.join(import.meta.dirname, '../../../build/release/casemate'));

// A fresh directory for one test, with the environment that keeps everything of ours inside it.
// `closing` registers what must end before the directory goes; the last registered ends first.
export function scratch(t) {
  const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'casemate-e2e-')));
  const work = path.join(dir, 'work');
  fs.mkdirSync(work);
  fs.mkdirSync(path.join(dir, 'home'));
  const closers = [];
  t.after(async () => {
    const problems = [];
    for (const close of closers.reverse()) await Promise.resolve().then(close).catch((problem) => problems.push(problem));
    fs.rmSync(dir, { recursive: true, force: true });
    if (problems.length > 0) throw problems[0];
  });
  const state = path.join(dir, 'state');
  return {
    dir,
    work,
    state,
    closing: (close) => closers.push(close),
    env: {
      PATH: process.env.PATH,
      HOME: path.join(dir, 'home'),
      CASEMATE_STATE_DIR: state,
      CASEMATE_WORKSPACE_ROOTS: work,
      ...sanitizerOptions(),
    },
  };
}

// Sanitizer builds read their options from the environment.
function sanitizerOptions() {
  const names = ['ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS', 'LSAN_OPTIONS'];
  return Object.fromEntries(names.filter((n) => process.env[n]).map((n) => [n, process.env[n]]));
}

// Runs one subcommand to its end.
export function cli(place, args, { input = '', env = {}, program = bin } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...place.env, ...env }, stdio: 'pipe' });
    place.closing(() => child.exitCode === null && child.signalCode === null && child.kill('SIGKILL'));
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (d) => (stdout += d));
    child.stderr.on('data', (d) => (stderr += d));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

export const verifyTrail = async (place) => {
  const { code, stdout } = await cli(place, ['audit', 'verify', '--json']);
  return { code, ...JSON.parse(stdout) };
};
