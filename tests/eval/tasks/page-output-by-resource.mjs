// The line that matters lies in the middle of a flood: read by the resource that the answer names.
import assert from 'node:assert/strict';

export async function run(agent) {
  const flood = await agent.fine({ code: 'for i in range(60000):\n    print(f"row {i:05}", "NEEDLE" if i == 31415 else "hay")\n', language: 'python' });
  const cut = Number(flood.find(/\[… (\d+) bytes cut …\]/));
  assert.ok(cut > 500_000);
  const uri = flood.advice(/(casemate:\/\/runs\/\w+\/stdout)/);
  // A row is at least 14 bytes: the agent reads where it must be, and goes on from there.
  let found;
  for (let offset = 31415 * 14; !found; offset += 8192) {
    const part = await agent.read(`${uri}?offset=${offset}&limit=8192`);
    found = part.text.match(/^row (\d+) NEEDLE$/m)?.[1];
  }
  assert.equal(found, '31415');
}
