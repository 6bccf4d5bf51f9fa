// Calls that become tasks, with the official tasks extension of client 2.x over both transports: run
// to their end, asked something, failed, cancelled. Older clients have the job tools (clients.test.mjs).
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scratch } from './lib/casemate.mjs';
import { casemate, connect, connections, fixtures, named } from './lib/clients.mjs';
import { processesWith, uniqueSleep, until } from './lib/facts.mjs';
import { taskSession } from './lib/tasks.mjs';

const capabilities = { elicitation: { form: {} } };
async function session(t, connection, server, options) {
  const place = scratch(t);
  const client = await connect(place, connection, server, { capabilities });
  const tasks = taskSession(client, { capabilities, ...options });
  place.closing(() => tasks.close());
  return { client, tasks };
}
const settled = async (execution) => (await execution.settle()).outcome;

for (const connection of connections.filter((c) => c.edition === '2026-07-28')) {
  const name = named(connection);

  test(`a task runs to its end, others are answered at once: ${name}`, async (t) => {
    const { tasks } = await session(t, connection, fixtures);
    const slow = await tasks.callTool('slow_compute', { seconds: 0.3, label: 'x' });
    assert.equal(slow.kind, 'task');
    assert.equal((await tasks.task(slow.handle.taskId).snapshot()).taskId, slow.handle.taskId);
    const greeted = await tasks.callTool('greet', { name: 'Ada' });
    assert.equal(greeted.kind, 'immediate');
    assert.equal((await settled(greeted)).result.content[0].text, 'Hello, Ada!');
    const outcome = await settled(slow);
    assert.equal(outcome.status, 'completed');
    assert.equal(outcome.result.content[0].text, 'computed x');
  });

  test(`a task asks, and is answered or declined: ${name}`, async (t) => {
    for (const [answer, text] of [
      [{ action: 'accept', content: { confirm: true } }, 'Deleted a.txt'],
      [{ action: 'accept', content: { confirm: false } }, 'Kept a.txt'],
      [{ action: 'decline' }, 'Kept a.txt'],
    ]) {
      const seen = [];
      const onInputRequest = (request) => {
        seen.push(request);
        return answer;
      };
      const { tasks } = await session(t, connection, fixtures, { onInputRequest });
      const outcome = await settled(await tasks.callTool('confirm_delete', { filename: 'a.txt' }));
      assert.equal(outcome.status, 'completed');
      assert.equal(outcome.result.content[0].text, text);
      assert.deepEqual(seen.map((request) => [request.kind, request.params.message]), [['elicitation', 'Delete a.txt?']]);
    }
  });

  test(`a task that fails, and one that is cancelled: ${name}`, async (t) => {
    const { tasks } = await session(t, connection, fixtures);
    assert.equal((await settled(await tasks.callTool('protocol_error_job'))).status, 'failed');
    const slow = await tasks.callTool('slow_compute', { seconds: 1000 });
    await slow.cancel();
    assert.equal((await settled(slow)).status, 'cancelled');
    await assert.rejects(tasks.task('a'.repeat(26)).snapshot(), { code: -32602 });
  });

  test(`a slow run of casemate becomes a task and is cancelled: ${name}`, async (t) => {
    const { client, tasks } = await session(t, connection, casemate);
    const marker = uniqueSleep();
    const slow = await tasks.callTool('run', { command: ['sleep', marker] });
    assert.equal(slow.kind, 'task');
    assert.ok(processesWith(marker).length > 0);
    const job = await client.call('job_status', { job_id: slow.handle.taskId });
    assert.equal(job.structuredContent.status, 'working', 'one table for tasks and jobs');
    await slow.cancel();
    assert.equal((await settled(slow)).status, 'cancelled');
    await until(() => processesWith(marker).length === 0, 'the sleeper is gone');
  });
}
