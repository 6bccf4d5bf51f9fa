// A program that stands for `casemate` in the hands of a client and notes every byte of both
// directions, so that what the official clients see is validated too.
import fs from 'node:fs';
import path from 'node:path';

import { bin } from './casemate.mjs';
import { Conversation } from './conversation.mjs';

const script = (folder) => `#!/bin/sh
tee '${folder}'/$$.in | '${bin}' "$@" | tee '${folder}'/$$.out
`;

// The program's path. When the test ends, each of its connections must have been in order.
export function tapped(place) {
  const folder = path.join(place.dir, 'wire');
  fs.mkdirSync(folder);
  const program = path.join(place.dir, 'tapped-casemate');
  fs.writeFileSync(program, script(folder), { mode: 0o755 });
  place.closing(() => {
    let messages = 0;
    for (const name of fs.readdirSync(folder).filter((file) => file.endsWith('.out'))) {
      messages += check(path.join(folder, name.slice(0, -4)));
    }
    if (messages === 0) throw new Error('nothing went over the wire');
  });
  return program;
}

function check(base) {
  const conversation = new Conversation();
  for (const line of fs.readFileSync(`${base}.in`, 'utf8').split('\n')) conversation.sent(line);
  const out = fs.readFileSync(`${base}.out`);
  let start = 0;
  for (let end = out.indexOf(10); end >= 0; end = out.indexOf(10, start)) {
    conversation.received(out.subarray(start, end));
    start = end + 1;
  }
  if (start !== out.length) throw new Error('the last line lacks its end');
  return conversation.check();
}
