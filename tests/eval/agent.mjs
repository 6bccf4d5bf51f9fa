// A scripted agent on the real server: makes tool calls through the official client, sees of each
// answer the text that a model would see, and counts. What varies from run to run (times, ids) is
// made alike before it is counted.
import assert from 'node:assert/strict';

import { Client, StdioClientTransport } from '../e2e/lib/official_client.mjs';
import { bin } from '../e2e/lib/casemate.mjs';

// An answer's text does not hold what an agent needs to go on.
export class Unhelpful extends Error {}
// Something that the machine lacks: the task says nothing about Casemate here.
export class Skipped extends Error {}

// What a model reads of an answer, and nothing else.
class Reply {
  constructor(text, isError) {
    this.text = text;
    this.isError = isError;
  }
  // What `pattern` captures, or the whole match: how a model takes a value out of the text.
  find(pattern) {
    const found = this.text.match(pattern);
    if (!found) throw new Unhelpful(`nothing that matches ${pattern} in:\n${this.text}`);
    return found[1] ?? found[0];
  }
  // The same, of what an error or a note says to do: output of the program does not count.
  advice(pattern) {
    const lines = this.text.split('\n').filter((line) => /^(What to do|Note): /.test(line));
    return new Reply(lines.join('\n'), this.isError).find(pattern);
  }
  says(pattern) {
    return pattern.test(this.text);
  }
}

const slowed = /^Note: it was held back for .*\n/gm;
const alike = (text, place) =>
  text
    .replaceAll(place.dir, '/PLACE')
    .replace(slowed, '')
    .replace(/\(\d+ ms\)/g, '(N ms)');

// As a host that shows the structure would show it: without what depends on time and machine.
function alikeStructure(structure, place) {
  const varying = { duration_ms: 0, cpu_ms: 0, cpu_throttled_ms: 0, max_memory_kb: 0, oom_kills: 0, audit_seq: 0, progress: 0 };
  const clean = JSON.stringify(structure, (key, value) => {
    if (key in varying) return 0;
    if (key === 'layers' || key === 'made_ahead') return undefined;
    if (key === 'notes') return value.filter((note) => !`Note: ${note}\n`.match(slowed));
    return typeof value === 'string' ? alike(value, place) : value;
  });
  return clean ?? '';
}

export class Agent {
  calls = 0;
  textBytes = 0;
  structureBytes = 0;
  errors = [];
  #client = new Client({ name: 'eval', version: '1' });

  constructor(place, env) {
    this.place = place;
    this.work = place.work; // the one workspace root
    this.env = env;
  }

  async start() {
    const env = { ...this.place.env, ...this.env };
    await this.#client.connect(new StdioClientTransport({ command: bin, args: ['serve'], env, stderr: 'ignore' }));
    const { tools } = await this.#client.listTools();
    return { tools: Buffer.byteLength(JSON.stringify(tools)), instructions: Buffer.byteLength(this.#client.getInstructions() ?? '') };
  }
  close() {
    return this.#client.close();
  }

  // Whether control groups hold this limit here: "memory", "pids". Not counted.
  async holds(limit) {
    const probe = await this.#client.callTool({ name: 'run', arguments: { command: ['true'] } });
    const groups = probe.structuredContent.isolation?.layers.find((layer) => layer.name === 'cgroup');
    return groups?.in_force === true && groups.detail.includes(limit);
  }

  // Calls a tool. Whether an error is expected is for the task to say: it reads on from the text.
  async call(name, args) {
    const result = await this.#client.callTool({ name, arguments: args });
    return this.#count(result);
  }
  run(args) {
    return this.call('run', args);
  }
  // The usual call: it must not be an error.
  async fine(args) {
    const reply = await this.run(args);
    assert.equal(reply.isError, false, reply.text);
    return reply;
  }
  // An error of this kind, or one that the text shows as its status.
  async error(kind, args, name = 'run') {
    const reply = await this.call(name, args);
    assert.ok(reply.isError && reply.text.startsWith(kind), `expected ${kind}, got: ${reply.text}`);
    return reply;
  }
  // The same look again until its text matches: however often it takes, it counts once.
  async until(name, args, pattern) {
    for (;;) {
      const result = await this.#client.callTool({ name, arguments: args });
      if (result.isError || pattern.test(result.content[0].text)) return this.#count(result);
    }
  }
  async read(uri) {
    const { contents } = await this.#client.readResource({ uri });
    const text = contents.map((part) => part.text ?? part.blob).join('');
    this.calls += 1;
    this.textBytes += Buffer.byteLength(text);
    this.structureBytes += Buffer.byteLength(text);
    return new Reply(text, false);
  }

  #count(result) {
    const seen = result.content.map((part) => (part.type === 'text' ? part.text : JSON.stringify(part))).join('\n');
    this.calls += 1;
    this.textBytes += Buffer.byteLength(alike(seen, this.place));
    this.structureBytes += Buffer.byteLength(alikeStructure(result.structuredContent, this.place));
    if (result.isError) this.errors.push(result.structuredContent.error.kind);
    return new Reply(seen, result.isError === true);
  }
}
