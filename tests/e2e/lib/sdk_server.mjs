// A server on the official TypeScript SDK with tools, resources and prompts of the same names as
// casemate's, over stdio: `node sdk_server.mjs 1` on SDK 1.x, `node sdk_server.mjs 2` on SDK 2.x. What
// it does is nothing; what counts is how the SDK puts it into messages.
import { McpServer as McpServer2, ResourceTemplate as ResourceTemplate2 } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { McpServer as McpServer1, ResourceTemplate as ResourceTemplate1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { SetLevelRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod/v4';

const info = { name: 'sdk', title: 'SDK', version: '1.0.0' };
const options = { capabilities: { logging: {}, resources: { subscribe: true } }, instructions: 'For comparison.' };

// Sends one report if the caller asked for any.
async function report(context) {
  const { _meta: meta, sendNotification: send } = context.mcpReq ?? context;
  const progressToken = meta?.progressToken;
  if (progressToken === undefined) return;
  const notify = send ?? context.mcpReq.notify;
  await notify({ method: 'notifications/progress', params: { progressToken, progress: 1, message: 'working' } });
}

// `shape`: how the SDK takes the arguments of a prompt.
function fill(server, ResourceTemplate, shape) {
  server.registerTool(
    'run',
    {
      title: 'Run',
      description: 'Runs nothing.',
      inputSchema: z.object({ command: z.array(z.string()) }),
      outputSchema: z.object({ status: z.string(), stdout: z.string() }),
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
    },
    async ({ command }, context) => {
      await report(context);
      const structuredContent = { status: 'exited', stdout: command.join(' ') };
      const isError = command[0] === 'casemate-no-such-program';
      return { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent, isError };
    },
  );
  server.registerResource('tools', 'casemate://docs/tools', { title: 'Tools', description: 'Nothing.', mimeType: 'text/markdown' }, (uri) => ({
    contents: [{ uri: uri.href, mimeType: 'text/markdown', text: '# Tools' }],
  }));
  const profiles = new ResourceTemplate('casemate://profiles/{name}', { list: undefined, complete: { name: () => ['default'] } });
  server.registerResource('profile', profiles, { title: 'Profile', description: 'Nothing.', mimeType: 'application/json' }, (uri) => ({
    contents: [{ uri: uri.href, mimeType: 'application/json', text: '{}' }],
  }));
  server.registerPrompt(
    'run_and_explain',
    { title: 'Run', description: 'Nothing.', argsSchema: shape({ command: z.string() }) },
    ({ command }) => ({ description: 'Nothing.', messages: [{ role: 'user', content: { type: 'text', text: command } }] }),
  );
  return server;
}

if (process.argv[2] === '1') {
  const server = fill(new McpServer1(info, options), ResourceTemplate1, (fields) => fields);
  server.server.setRequestHandler(SetLevelRequestSchema, () => ({}));
  await server.connect(new StdioServerTransport());
} else {
  serveStdio(() => fill(new McpServer2(info, options), ResourceTemplate2, z.object));
}
