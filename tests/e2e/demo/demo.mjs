// The main job, shown: an MCP client starts the server over stdio, runs code, meets a refusal, and
// the trail of it all is read and verified.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const bin = process.env.CASEMATE_BIN;
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'casemate-demo-'));
const env = { PATH: process.env.PATH, HOME: dir, CASEMATE_STATE_DIR: path.join(dir, 'state') };
const bold = (text) => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);
const show = (text) => console.log(text.trimEnd().replace(/^/gm, '    '));
const heading = (text) => console.log(`\n${bold(text)}`);

async function call(client, title, args, { refused = false } = {}) {
  heading(title);
  const start = performance.now();
  const result = await client.callTool({ name: 'run', arguments: args });
  const failed = result.isError || result.structuredContent.exit_code !== 0;
  if (failed !== refused) throw new Error(`the demo went wrong: ${JSON.stringify(result)}`);
  show(result.content[0].text);
  console.log(`    (${(performance.now() - start).toFixed(1)} ms from request to reply)`);
}

function casemate(...args) {
  heading(`$ casemate ${args.join(' ')}`);
  const ran = spawnSync(bin, args, { env, encoding: 'utf8' });
  show(ran.stdout + ran.stderr);
  return ran.status;
}

const client = new Client({ name: 'demo', version: '1' });
let status = 1;
try {
  await client.connect(new StdioClientTransport({ command: bin, args: ['serve'], env }));
  heading('An MCP client starts `casemate serve` over stdio and lists its tools');
  for (const tool of (await client.listTools()).tools) show(`${tool.name}: ${tool.title}`);

  await call(client, 'A Python snippet', {
    language: 'python',
    code: 'import os, platform\nprint("6 * 7 =", 6 * 7)\nprint("I am", os.popen("id").read().strip())',
  });
  await call(client, 'A shell command: what does it see of the machine?', {
    command: ['sh', '-c', 'pwd; ls /; cat /proc/net/dev | tail -n +3 | cut -d: -f1'],
  });
  await call(client, 'A call that the policy refuses', { command: ['cat', 'shadow'], workspace: '/etc' }, { refused: true });
  await client.close();

  casemate('audit', 'tail');
  status = casemate('audit', 'verify');
} finally {
  await client.close();
  fs.rmSync(dir, { recursive: true, force: true });
}
process.exit(status);
