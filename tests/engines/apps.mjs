// The applications of apps/, each with what is true of it, and the proof that what is generated for it
// works: built by a real engine from real registries, asked, looked at, stopped and built again.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const here = import.meta.dirname;
export const user = 10001; // of everything that is generated

// `port`: where it listens, if that is its own choice. `source`: where the words are that the test changes.
// `packages`: the requests to a registry that bring what the application depends on; `manifest` names them,
// where an application is to show what cache mounts are for. `says`: no port, but words on its output.
// `app`: within a monorepo.
export const apps = [
  { name: 'static', source: 'index.html' },
  { name: 'shell', source: 'start.sh', says: true },
  { name: 'node', port: 4010, source: 'server.js', manifest: 'package.json', packages: /\/npm\/.*\.tgz/ },
  { name: 'node-ts', port: 4020, source: 'src/server.ts', packages: /\/npm\/.*\.tgz/ },
  { name: 'static-node', source: 'index.html', packages: /\/npm\/.*\.tgz/ },
  { name: 'node-monorepo', app: 'apps/api', port: 4031, source: 'libs/words/index.js', packages: /\/npm\/.*\.tgz/ },
  { name: 'node-monorepo', app: 'apps/admin', port: 4032, source: 'libs/words/index.js', packages: /\/npm\/.*\.tgz/ },
  { name: 'python-plain', port: 4041, source: 'main.py', manifest: 'requirements.txt', packages: /\/simple\/.*\.whl/ },
  { name: 'python-gunicorn', port: 4040, source: 'app.py', packages: /\/simple\/.*\.whl/ },
  { name: 'go', port: 4050, source: 'main.go', manifest: 'go.mod', packages: /\/go\/.*\.zip/ },
  { name: 'rust', port: 4060, source: 'src/main.rs' },
  { name: 'java-maven', port: 4070, source: 'src/main/java/test/example/Invoices.java', manifest: 'pom.xml', packages: /\/maven\/.*\.jar$/ },
  { name: 'ruby', port: 4080, source: 'config.ru', manifest: 'Gemfile', packages: /\/gems\/.*\.gem/ },
  { name: 'php', source: 'index.php' },
  { name: 'c-cmake', port: 4090, source: 'beacon.c' },
  { name: 'cpp-meson', port: 4091, source: 'relay.cc' },
];
export const titleOf = ({ name, app }) => (app ? `${name}, ${app}` : name);

// The registries in the network of the engines, whose requests are read again.
export class Registries {
  static async start(engine, directory) {
    const registries = new Registries();
    const inside = ['-t', String(engine.pid), '--net'];
    const added = spawnSync('nsenter', [...inside, 'busybox', 'ip', 'addr', 'add', '192.0.2.10/32', 'dev', 'lo'], { encoding: 'utf8' });
    assert.equal(added.status, 0, added.stderr);
    registries.directory = directory;
    registries.log = [];
    registries.child = spawn('nsenter', [...inside, process.execPath, path.join(here, 'static.mjs'), directory, '192.0.2.10', '8000'], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    registries.child.stdout.setEncoding('utf8').on('data', (text) => registries.log.push(...text.trim().split('\n')));
    await once(registries.child.stdout, 'data');
    return registries;
  }
  // What was asked for since the last question.
  requests() {
    return this.log.splice(0);
  }
  stop() {
    this.child.kill();
  }
}

// A copy of an application in `directory`, with what depends on the versions that the registries have.
export function copyOf(app, directory, registries) {
  const place = path.join(directory, app.name + (app.app ?? '').replaceAll('/', '-'));
  fs.cpSync(path.join(here, 'apps', app.name), place, { recursive: true });
  if (app.name === 'rust') fs.cpSync(path.join(registries.directory, 'crates'), path.join(place, 'vendor'), { recursive: true });
  if (app.name === 'go') fs.copyFileSync(path.join(registries.directory, 'go/github.com/go-chi/chi/v5/@v/v5.0.7.sum'), path.join(place, 'go.sum'));
  if (app.name === 'ruby') {
    const [, version] = fs.readFileSync(path.join(registries.directory, 'gems/versions'), 'utf8').match(/^rack (\S+)/m);
    const lock = path.join(place, 'Gemfile.lock');
    fs.writeFileSync(lock, fs.readFileSync(lock, 'utf8').replace(/rack \(2\.[\d.]+\)/, `rack (${version})`));
  }
  return place;
}

async function until(what, seconds, ask) {
  const deadline = Date.now() + seconds * 1000;
  let last;
  do {
    last = await ask();
    if (last?.done) return last;
    await sleep(100); // until the next question; the answer decides
  } while (Date.now() < deadline);
  throw new Error(`${what} not within ${seconds} s: ${JSON.stringify(last)}`);
}

// Builds by the engine's own client: its log and how long it took.
async function build(engine, app, place, tag) {
  const [program, words, env] = engine.name === 'docker'
    ? ['/usr/bin/docker', ['-H', `unix://${engine.socket}`, 'build', '--progress=plain'], { DOCKER_BUILDKIT: '1' }]
    : ['podman', ['--remote', '--url', `unix://${engine.socket}`, 'build', '--format=docker', '--layers'], {}];
  const begin = performance.now();
  const child = spawn(program, [...words, '-f', path.join(place, app.app ?? '', 'Dockerfile'), '-t', tag, place], { env: { PATH: process.env.PATH, HOME: os.tmpdir(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  // One that waits for a lock for ever is wrong, not slow.
  const patience = setTimeout(() => child.kill(), 300_000);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (log += text));
  const [code] = await once(child, 'close');
  clearTimeout(patience);
  return { code, log, seconds: (performance.now() - begin) / 1000 };
}

const version = '/v1.41';
// A container of the image in the engine's network.
async function start(engine, tag) {
  const network = engine.name === 'docker' ? 'bridge' : 'podman';
  const quick = engine.name === 'docker' ? { Healthcheck: { Interval: 1e9 } } : {};
  const made = await engine.request('POST', `${version}/containers/create`, { Image: tag, HostConfig: { NetworkMode: network }, ...quick });
  assert.equal(made.status, 201, made.text);
  const begun = await engine.request('POST', `${version}/containers/${made.json.Id}/start`);
  assert.equal(begun.status, 204, begun.text);
  return made.json.Id;
}
const inspect = async (engine, id) => (await engine.request('GET', `${version}/containers/${id}/json`)).json;
async function outputOf(engine, id) {
  return (await engine.request('GET', `${version}/containers/${id}/logs?stdout=1&stderr=1`)).text.replace(/[^\n\x20-\x7e]/g, '');
}

// What a neighbour of the container gets from its port.
async function ask(engine, id, port, target) {
  const { NetworkSettings: { Networks: networks, IPAddress }, State: state } = await inspect(engine, id);
  const address = Object.values(networks ?? {})[0]?.IPAddress || IPAddress;
  const words = ['5', 'nsenter', '-t', String(engine.pid), '--net', 'busybox', 'wget', '-q', '-O', '-', `http://${address}:${port}${target}`];
  const child = spawn('timeout', words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [body, errors] = ['', ''];
  child.stdout.on('data', (text) => (body += text));
  child.stderr.on('data', (text) => (errors += text));
  const [code] = await once(child, 'close');
  return { code, body, errors, running: state.Running };
}

// The users of all processes in the container, as this machine sees them.
function usersIn(pid) {
  const space = fs.readlinkSync(`/proc/${pid}/ns/pid`);
  const users = new Set();
  for (const each of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (fs.readlinkSync(`/proc/${each}/ns/pid`) !== space) continue;
      for (const id of fs.readFileSync(`/proc/${each}/status`, 'utf8').match(/^Uid:\s+(.*)$/m)[1].split(/\s+/)) users.add(Number(id));
    } catch { /* it has ended */ }
  }
  return [...users];
}

// Podman's compatible API leaves it out.
async function hasHealthcheck(engine, tag) {
  const docker = engine.name === 'docker';
  const { json } = await engine.request('GET', docker ? `${version}/images/${tag}/json` : `/v4.0.0/libpod/images/localhost/${tag}/json`);
  return (docker ? json.Config.Healthcheck : json.Healthcheck ?? json.HealthCheck)?.Test?.length > 0;
}

async function healthOf(engine, id) {
  if (engine.name === 'docker') return (await inspect(engine, id)).State.Health;
  // Nothing asks by itself where there is no systemd.
  const reply = await engine.request('GET', `/v4.0.0/libpod/containers/${id}/healthcheck`);
  return reply.json;
}

// Runs what was built and looks at it until it has been stopped. `wrong` collects what is not as it
// should be, so that one mistake does not hide the next.
async function run(engine, app, tag, words, port, wrong) {
  const { Config: config, Size: size } = (await engine.request('GET', `${version}/images/${tag}/json`)).json;
  const id = await start(engine, tag);
  const check = async (what, test) => {
    try {
      await test();
    } catch (error) {
      wrong.push(`${what}: ${error.message}`);
    }
  };
  let ready;
  const begin = performance.now();
  await check('answer', async () => {
    await until(`“${words}”`, 20, async () => {
      if (app.says) return { done: (await outputOf(engine, id)).includes(words) };
      const answer = await ask(engine, id, port, '/');
      if (!answer.running) throw new Error(`it ended: ${(await outputOf(engine, id)).slice(-1500)}`);
      return { ...answer, done: answer.code === 0 && answer.body.includes(words) };
    }).catch(async (error) => assert.fail(`${error.message}; it said: ${(await outputOf(engine, id)).slice(-1500)}`));
    ready = (performance.now() - begin) / 1000;
  });
  const { State: state } = await inspect(engine, id);
  if (state.Running) {
    await check('user', () => assert.deepEqual(usersIn(state.Pid), [user]));
    if (!app.says) {
      await check('exposed', () => assert.ok(`${port}/tcp` in (config.ExposedPorts ?? {}), JSON.stringify(config.ExposedPorts)));
      await check('health', async () => {
        assert.ok(await hasHealthcheck(engine, tag), 'there is no HEALTHCHECK');
        await until('healthy', 20, async () => {
          const health = await healthOf(engine, id);
          return { ...health, done: health?.Status === 'healthy' };
        });
      });
    }
    await check('stop', async () => {
      const from = performance.now();
      await engine.request('POST', `${version}/containers/${id}/stop?t=10`);
      const { State: ended } = await inspect(engine, id);
      const seconds = (performance.now() - from) / 1000;
      assert.notEqual(ended.ExitCode, 137, `it did not end by itself in ${seconds.toFixed(1)} s`);
      assert.equal(ended.Running, false);
    });
  }
  await engine.request('DELETE', `${version}/containers/${id}?force=1&v=1`);
  return { size, ready };
}

const brief = (log) => log.split('\n').filter((line) => line.trim()).slice(-25).join('\n');

// All that is to be proved of one application on one engine: what is wrong, and what it cost. `ports` are those that the analysis names.
export async function prove(engine, app, place, registries, { ports }) {
  const tag = `generated/${path.basename(place)}:1`;
  const wrong = [];
  registries.requests();
  const first = await build(engine, app, place, tag);
  if (first.code !== 0) return { wrong: [`build: ${first.code ?? 'no end'}: ${brief(first.log)}`], first: first.seconds };
  const fetched = registries.requests().filter((line) => app.packages?.test(line)).length;
  if (app.manifest && fetched === 0) wrong.push('packages: the registry was not asked for any');

  const { Config: config } = (await engine.request('GET', `${version}/images/${tag}/json`)).json;
  const exposed = Object.keys(config.ExposedPorts ?? {}).map((text) => parseInt(text, 10)).filter((each) => each >= 1024);
  // Only root may listen below 1024: what is its web server's choice is another port in the Dockerfile.
  if (app.port && ports[0] !== app.port) wrong.push(`port: the analysis says ${ports[0]}, it is ${app.port}`);
  const port = app.port ?? exposed[0];
  const { size, ready } = await run(engine, app, tag, 'greeting one', port, wrong);

  const file = path.join(place, app.source);
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('greeting one', 'greeting two'));
  const second = await build(engine, app, place, tag);
  if (second.code !== 0) return { wrong: [...wrong, `second build: ${second.code ?? 'no end'}: ${brief(second.log)}`], first: first.seconds, size };
  const again = registries.requests().filter((line) => app.packages?.test(line));
  if (again.length > 0) wrong.push(`second build: dependencies were installed again: ${again.slice(0, 3).join(', ')}`);
  await run(engine, app, tag, 'greeting two', port, wrong.length === 0 ? wrong : []);

  // Another manifest that says the same: dependencies are installed once more, from the cache mounts.
  let third;
  if (app.manifest) {
    fs.appendFileSync(path.join(place, app.manifest), '\n');
    third = await build(engine, app, place, tag);
    if (third.code !== 0) wrong.push(`build from the cache mounts: ${third.code}: ${brief(third.log)}`);
    const more = registries.requests().filter((line) => app.packages.test(line));
    if (more.length > 0) wrong.push(`cache mounts: ${more.length} of ${fetched} packages were fetched again`);
  }
  await engine.request('DELETE', `${version}/images/${tag}?force=1`);
  return { wrong, first: first.seconds, second: second.seconds, third: third?.seconds, size, ready };
}
