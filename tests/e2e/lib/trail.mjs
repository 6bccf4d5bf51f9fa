// What the audit trail of a place says, read a piece at a time and held against what clients know.
import assert from 'node:assert/strict';

import { cli, verifyTrail } from './casemate.mjs';

export class Trail {
  records = [];
  #outcomes = new Map(); // seq of the intent → the outcome

  constructor(place) {
    this.place = place;
  }

  // Verifies the whole chain and reads what is new. No calls may run meanwhile; a server that has just
  // started may still write that it did.
  async read() {
    const { code, intact, records, unfinished, running, problems } = await verifyTrail(this.place);
    assert.deepEqual({ code, intact, problems }, { code: 0, intact: true, problems: [] });
    const known = this.records.length;
    const newest = ['audit', 'tail', '-n', String(records - known + 2), '--json'];
    const lines = (await cli(this.place, newest)).stdout.trim().split('\n');
    this.add(lines.map((line) => JSON.parse(line)).filter(({ seq }) => seq > known));
    assert.ok(this.records.length >= records);
    this.checkOpen([...unfinished, ...running]);
  }

  add(records) {
    for (const record of records) {
      assert.equal(record.seq, this.records.push(record), 'the records follow each other');
      if (record.kind === 'outcome') this.#outcomes.set(record.intent_seq, record.outcome);
    }
  }

  outcomeOf = (seq) => this.#outcomes.get(seq);
  // The intents without an outcome, of one incarnation or all.
  open(incarnation) {
    const intents = this.records.filter((r) => r.kind === 'intent' && (incarnation ?? r.incarnation) === r.incarnation);
    return intents.map((r) => r.seq).filter((seq) => !this.#outcomes.has(seq));
  }
  // The verification lists every intent without an outcome, and no other.
  checkOpen(listed) {
    assert.deepEqual(listed.sort((a, b) => a - b), this.open());
  }

  // `reply`: a call's answer as its client got it. Whatever ended has its outcome on record, the same.
  checkReply({ result, error }) {
    assert.equal(error, undefined, JSON.stringify(error));
    const { audit_seq: seq, status } = result.structuredContent;
    // Its workspace could not be opened, so there was nothing yet that policy could judge.
    if (seq === undefined) return assert.equal(status, 'not_run');
    assert.equal(this.records[seq - 1]?.kind, 'intent', `an answer without an intent: ${JSON.stringify(result)}`);
    if (status === 'working') return;
    assert.equal(this.outcomeOf(seq)?.status, status, `#${seq} was answered, and its outcome is not on record`);
  }
  // `job`: what job_status says after its server has died, `seq` its intent.
  checkJob({ status, status_message: why, result }, seq) {
    if (status === 'failed') return assert.equal(why, 'the server that ran it ended');
    assert.ok(['completed', 'cancelled'].includes(status), `a job of a dead server is ${status}`);
    assert.equal(this.outcomeOf(seq)?.status, result.status, `#${seq} ended as a job, and not on record`);
  }
  // A server has noted that it removed what this dead one left, and what that one did not finish.
  checkReaped(incarnation) {
    const noted = this.records.filter((r) => r.kind === 'reaped' && r.detail.dead_incarnation === incarnation);
    assert.ok(noted.length > 0, `${incarnation} is dead, and nobody says so`);
    for (const { detail } of noted) assert.deepEqual(detail.unfinished_intents, this.open(incarnation));
  }
}
