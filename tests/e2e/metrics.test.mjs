// GET /metrics of the real server: what it tells, who may see it, and that it is not there unless
// somebody asked for it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cli, scratch, verifyTrail } from './lib/casemate.mjs';
import { HttpServerProcess } from './lib/http.mjs';

const policyOf = (...rules) => `version: 1\nrules:\n${rules.map((rule) => `  - ${rule}\n`).join('')}`;
const allowAll = '{id: may-all, effect: allow, tools: ["*"], workspace: host_write}';

// Replaces the file as editors and Git do; readable for the user whom root's server becomes.
function write(file, text) {
  fs.writeFileSync(`${file}.new`, text, { mode: 0o644 });
  fs.renameSync(`${file}.new`, file);
}
function placeWith(t, { config = 'http: {metrics: true}', policy } = {}) {
  const place = scratch(t);
  fs.chmodSync(place.dir, 0o755);
  place.env.CASEMATE_CONFIG = path.join(place.dir, 'config.yaml');
  fs.writeFileSync(place.env.CASEMATE_CONFIG, `version: 1\n${config}\n`);
  if (policy) {
    place.policy = path.join(place.dir, 'policy.yaml');
    write(place.policy, policy);
    place.env.CASEMATE_POLICY = place.policy;
  }
  return place;
}
async function started(place) {
  const server = await HttpServerProcess.start(place);
  const metrics = (method = 'GET', headers = {}, target = '/metrics') =>
    HttpServerProcess.prototype.request.call({ url: new URL(target, server.url).href }, method, { headers });
  return { server, metrics };
}

// The text exposition format 0.0.4, strictly: by series as written, the value; types by name.
function parse(text) {
  assert.ok(text.endsWith('\n'));
  const types = {};
  const values = {};
  let family;
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) \S.*$/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge)$/.exec(line);
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\[\\"n])*",?)+\})? (\S+)$/.exec(line);
    if (help) {
      family = help[1];
      assert.ok(!(family in types), `${family} comes twice`);
    } else if (type) {
      assert.equal(type[1], family, line);
      types[family] = type[2];
    } else {
      assert.ok(sample, `not a line of the format: ${line}`);
      assert.equal(sample[1], family, line);
      assert.ok(family in types, line);
      const series = sample[1] + (sample[2] ?? '');
      assert.ok(!(series in values), `${series} comes twice`);
      assert.ok(Number.isFinite(Number(sample[3])), line);
      values[series] = Number(sample[3]);
    }
  }
  assert.deepEqual(Object.keys(types), Object.keys(types).toSorted());
  return { types, values };
}
async function scrape(metrics, headers) {
  const answer = await metrics('GET', headers);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  return parse(answer.text);
}
// Each look is a request; nothing here waits by the clock.
async function scrapeUntil(metrics, is) {
  for (;;) {
    const { values } = await scrape(metrics);
    if (is(values)) return values;
  }
}
const records = async (place) => {
  const { stdout } = await cli(place, ['audit', 'tail', '-n', '200', '--json']);
  return stdout.trim().split('\n').map((line) => JSON.parse(line));
};
const revisionIn = (values) => /revision="([0-9a-f]{64})"/.exec(Object.keys(values).find((series) => series.startsWith('casemate_policy_info{')))[1];

test('what the server is, decides and does is told, and each look is on record', async (t) => {
  const place = placeWith(t);
  const { server, metrics } = await started(place);
  const { types, values } = await scrape(metrics);
  const version = (await cli(place, ['--version'])).stdout.trim().split(' ').at(-1);
  assert.equal(values[`casemate_build_info{version="${version}"}`], 1);
  assert.equal(values['casemate_policy_last_reload_successful'], 1);
  assert.equal(values['casemate_policy_reloads_total{result="success"}'], 0);
  assert.equal(values['casemate_policy_reloads_total{result="failure"}'], 0);
  assert.match(revisionIn(values), /^[0-9a-f]{64}$/);
  const now = Date.now() / 1000;
  for (const name of ['casemate_policy_last_load_timestamp_seconds', 'process_start_time_seconds']) {
    assert.ok(values[name] > now - 600 && values[name] <= now + 1, `${name} ${values[name]}`);
  }
  assert.ok(values.process_start_time_seconds <= values.casemate_policy_last_load_timestamp_seconds + 0.1);
  const rss = Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]) * 1024;
  assert.ok(Math.abs(values.process_resident_memory_bytes - rss) < 32 << 20, `${values.process_resident_memory_bytes} against ${rss}`);
  assert.ok(values.process_open_fds > 5 && values.process_open_fds < 500);
  assert.ok(values.process_cpu_seconds_total > 0);
  assert.equal(types.process_cpu_seconds_total, 'counter');
  assert.equal(types.casemate_calls_total, 'counter');
  assert.equal(types.casemate_policy_info, 'gauge');

  const call = async (name, args) => (await server.modern('tools/call', { name, arguments: args })).json;
  await call('run', { command: ['true'] });
  await call('run', { command: ['false'] });
  await call('run', { command: ['sh', '-c', 'kill -9 $$'] });
  await call('run', { command: ['true'], workspace: '/etc' });
  await call('run', { command: 7 });
  await call('profile_list', {});
  await call('no_such_tool', {});
  const after = (await scrape(metrics)).values;
  const counted = Object.fromEntries(Object.entries(after).filter(([series]) => series.startsWith('casemate_calls_total')));
  assert.deepEqual(counted, {
    'casemate_calls_total{tool="profile_list",status="completed"}': 1,
    'casemate_calls_total{tool="run",status="exited"}': 2,
    'casemate_calls_total{tool="run",status="invalid_arguments"}': 1,
    'casemate_calls_total{tool="run",status="refused"}': 1,
    'casemate_calls_total{tool="run",status="signaled"}': 1,
  });
  assert.equal(after['casemate_decisions_total{effect="allow"}'], 6, 'four calls and two looks');
  assert.equal(after['casemate_decisions_total{effect="deny"}'], 1);
  assert.equal(after['casemate_decisions_total{effect="ask"}'], 0);
  assert.ok(after.process_cpu_seconds_total >= values.process_cpu_seconds_total);
  assert.equal(after.process_start_time_seconds, values.process_start_time_seconds);
  const looks = (await records(place)).filter(({ tool }) => tool === 'metrics_read');
  assert.deepEqual(looks.map(({ kind, channel }) => [kind, channel]), [['access', 'mcp-http'], ['access', 'mcp-http']]);
  assert.equal((await verifyTrail(place)).code, 0);
});

test('a policy that is rejected shows, and so does its mending', async (t) => {
  const place = placeWith(t, { policy: policyOf(allowAll) });
  const { metrics } = await started(place);
  const first = (await scrape(metrics)).values;
  write(place.policy, policyOf('{id: may-all, effect: alow}'));
  const failed = await scrapeUntil(metrics, (values) => values['casemate_policy_last_reload_successful'] === 0);
  assert.equal(failed['casemate_policy_reloads_total{result="failure"}'], 1);
  assert.equal(failed['casemate_policy_reloads_total{result="success"}'], 0);
  assert.equal(revisionIn(failed), revisionIn(first));
  write(place.policy, policyOf('{id: may-all, effect: allow, tool: [run]}'));
  const again = await scrapeUntil(metrics, (values) => values['casemate_policy_reloads_total{result="failure"}'] === 2);
  assert.equal(again.casemate_policy_last_load_timestamp_seconds, failed.casemate_policy_last_load_timestamp_seconds);

  const before = Date.now() / 1000;
  write(place.policy, policyOf(allowAll, '{id: other, effect: deny, tools: [completion]}'));
  const mended = await scrapeUntil(metrics, (values) => values['casemate_policy_last_reload_successful'] === 1);
  assert.equal(mended['casemate_policy_reloads_total{result="failure"}'], 2);
  assert.equal(mended['casemate_policy_reloads_total{result="success"}'], 1);
  assert.notEqual(revisionIn(mended), revisionIn(first));
  assert.ok(mended.casemate_policy_last_load_timestamp_seconds >= before);
});

test('a rule denies it, with its reason, and asking is no way in', async (t) => {
  const place = placeWith(t, { policy: policyOf(allowAll, '{id: no-metrics, effect: deny, tools: [metrics_read], reason: nobody counts here}') });
  const { metrics } = await started(place);
  const refused = await metrics();
  assert.deepEqual([refused.status, refused.json.error.code], [403, 1002]);
  assert.match(refused.json.error.message, /nobody counts here/);
  assert.doesNotMatch(refused.text, /casemate_/);
  const head = await metrics('HEAD');
  assert.deepEqual([head.status, head.text], [403, '']);
  const seen = (await records(place)).filter(({ tool }) => tool === 'metrics_read');
  assert.deepEqual(seen.map(({ kind, decision }) => [kind, decision.rule]), [['refused', 'no-metrics'], ['refused', 'no-metrics']]);

  const asks = placeWith(t, { policy: policyOf(allowAll, '{id: ask-metrics, effect: ask, tools: [metrics_read], reason: who wants to know}') });
  const asked = await (await started(asks)).metrics();
  assert.equal(asked.status, 403);
  assert.match(asked.json.error.message, /who wants to know/);
});

test('with tokens nobody sees it without one, and policy knows whose it is', async (t) => {
  const place = placeWith(t, { config: 'auth: {mode: enterprise}\nhttp: {metrics: true}' });
  place.env.CASEMATE_POLICY = 'production';
  const tokenOf = async (...args) => (await cli(place, ['token', 'add', ...args])).stdout.trim();
  const monitor = await tokenOf('scraper', '--principal', 'prometheus', '--role', 'monitor');
  const agent = await tokenOf('agent', '--principal', 'ann', '--role', 'agent');
  const { metrics } = await started(place);
  const bearer = (token) => ({ authorization: `Bearer ${token}` });
  for (const method of ['GET', 'HEAD', 'POST']) {
    const refused = await metrics(method);
    assert.equal(refused.status, 401, method);
    assert.match(refused.headers['www-authenticate'], /^Bearer/);
  }
  assert.equal((await metrics('GET', bearer('cmt_00000000_wrong'))).status, 401);
  assert.equal((await metrics('GET', bearer(agent))).status, 403);
  assert.ok('process_open_fds' in (await scrape(metrics, bearer(monitor))).values);
  assert.equal((await cli(place, ['token', 'rm', 'scraper'])).code, 0);
  assert.equal((await metrics('GET', bearer(monitor))).status, 401);
});

test('the rules of the endpoint hold, and there are two methods', async (t) => {
  const { metrics } = await started(placeWith(t));
  const head = await metrics('HEAD');
  assert.deepEqual([head.status, head.text], [200, '']);
  assert.ok(Number(head.headers['content-length']) > 1000);
  assert.equal((await metrics('GET', {}, '/metrics?name[]=x')).status, 200);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const answer = await metrics(method);
    assert.deepEqual([answer.status, answer.headers.allow], [405, 'GET, HEAD'], method);
  }
  assert.equal((await metrics('GET', { host: 'evil.example' })).status, 403);
  assert.equal((await metrics('GET', { origin: 'http://evil.example' })).status, 403);
  const page = await metrics('GET', { origin: 'http://localhost:6274' });
  assert.deepEqual([page.status, page.headers['access-control-allow-origin']], [200, 'http://localhost:6274']);
  const preflight = await metrics('OPTIONS', { origin: 'http://localhost:6274', 'access-control-request-method': 'GET' });
  assert.deepEqual([preflight.status, preflight.headers['access-control-allow-methods']], [204, 'GET, HEAD']);
  for (const target of ['/metrics/', '/Metrics', '/metricsx', '/%6detrics']) {
    assert.equal((await metrics('GET', {}, target)).status, 404, target);
  }
});

test('it is not there unless asked for', async (t) => {
  for (const config of ['', 'http: {metrics: false}']) {
    const { metrics } = await started(placeWith(t, { config }));
    for (const method of ['GET', 'HEAD', 'POST']) assert.equal((await metrics(method)).status, 404, config);
  }
});

test('it waits for no call, nor any call for it', async (t) => {
  const place = placeWith(t, { config: 'http: {metrics: true}\nmax_concurrent_calls: 1' });
  const { server, metrics } = await started(place);
  const slow = server.modern('tools/call', { name: 'run', arguments: { command: ['sh', '-c', 'touch started; while [ ! -e done ]; do sleep 0.02; done'], workspace: place.work } });
  for (;;) {
    const looks = await Promise.all(Array.from({ length: 4 }, () => metrics()));
    assert.ok(looks.every(({ status }) => status === 200));
    if (fs.existsSync(path.join(place.work, 'started'))) break;
  }
  assert.equal((await scrape(metrics)).values['casemate_calls_total{tool="run",status="exited"}'], undefined);
  fs.writeFileSync(path.join(place.work, 'done'), '');
  await slow;
  assert.equal((await scrape(metrics)).values['casemate_calls_total{tool="run",status="exited"}'], 1);
});
