// The golden conversations of tests/protocol with the real binary, over each transport, every message
// validated.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { scratch } from './lib/casemate.mjs';
import { HttpConnection } from './lib/http_connection.mjs';
import { editions } from './lib/schema.mjs';
import { Server } from './lib/server.mjs';
import { folder, play, stepsOf } from './lib/transcript.mjs';

test('there is one conversation for each edition', () => {
  const files = fs.readdirSync(folder).filter((file) => file.endsWith('.jsonl'));
  assert.deepEqual(files.sort(), editions.map((edition) => `${edition}.jsonl`));
});

const starts = { stdio: (place) => Server.start(place), http: (place) => HttpConnection.start(place) };
for (const edition of editions) {
  for (const [transport, start] of Object.entries(starts)) {
    test(`golden conversation of ${edition} over ${transport}`, async (t) => {
      await play(stepsOf(edition, transport), await start(scratch(t)));
    });
  }
}
