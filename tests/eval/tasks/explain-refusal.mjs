// A rule of the user forbids a program: the agent can say which, and does the same by another.
import assert from 'node:assert/strict';
import fs from 'node:fs';

export const files = { 'notes.txt': 'one\ntwo\nthree\n' };

export function env(place) {
  const policy = `${place.dir}/policy.yaml`;
  const rule = (id, effect, more) => `  - {id: ${id}, effect: ${effect}, tools: [run], ${more}}\n`;
  fs.writeFileSync(
    policy,
    `version: 1\nrules:\n${rule('all', 'allow', 'workspace: host_write')}${rule('no-sed', 'deny', 'when: {path: args.command.0, eq: sed}')}`,
  );
  return { CASEMATE_POLICY: policy };
}

export async function run(agent) {
  const refused = await agent.error('refused', { command: ['sed', '-i', 's/two/2/', 'notes.txt'], workspace: agent.work });
  assert.equal(refused.find(/\(rule ([\w-]+),/), 'no-sed');
  assert.match(refused.advice(/ask your user: (.*)/), /rule `no-sed` \(.*policy\.yaml:4/);
  refused.advice(/go another way/);
  const other = 'p = "notes.txt"\ns = open(p).read().replace("two", "2")\nopen(p, "w").write(s)\n';
  await agent.fine({ command: ['python3', '-c', other], workspace: agent.work });
  assert.equal(fs.readFileSync(`${agent.work}/notes.txt`, 'utf8'), 'one\n2\nthree\n');
}
