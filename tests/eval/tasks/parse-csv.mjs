// A table on standard input is summed up.
import assert from 'node:assert/strict';

export async function run(agent) {
  const stdin = 'city,people\n"Bonn, am Rhein",330\nUlm,126\n"Bonn, am Rhein",1\n';
  const code = 'import csv, sys, collections\ntotal = collections.Counter()\nfor row in csv.DictReader(sys.stdin):\n    total[row["city"]] += int(row["people"])\nfor city, n in sorted(total.items()):\n    print(f"{city}={n}")\n';
  const reply = await agent.fine({ language: 'python', code, stdin });
  assert.equal(reply.find(/^Bonn, am Rhein=(\d+)$/m), '331');
  assert.equal(reply.find(/^Ulm=(\d+)$/m), '126');
}
