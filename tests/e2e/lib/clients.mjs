// The official clients, SDK 1.x and client 2.x, on both transports, behind the few calls in which
// they differ.
import path from 'node:path';

import { Client as Client2, StreamableHTTPClientTransport as Http2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as Stdio2 } from '@modelcontextprotocol/client/stdio';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as Stdio1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as types1 from '@modelcontextprotocol/sdk/types.js';

import { bin } from './casemate.mjs';
import { HttpServerProcess } from './http.mjs';
import { tapped } from './tap.mjs';

const info = { name: 'e2e', version: '1' };
const schemas1 = {
  'elicitation/create': types1.ElicitRequestSchema,
  'sampling/createMessage': types1.CreateMessageRequestSchema,
  'roots/list': types1.ListRootsRequestSchema,
  'notifications/resources/list_changed': types1.ResourceListChangedNotificationSchema,
  'notifications/resources/updated': types1.ResourceUpdatedNotificationSchema,
};

class Sdk1 extends Client1 {
  constructor(capabilities) {
    super(info, { capabilities });
  }
  call(name, args = {}, options = {}) {
    return this.callTool({ name, arguments: args }, undefined, options);
  }
  handle(method, answer) {
    this.setRequestHandler(schemas1[method], (request) => answer(request.params));
  }
  notice(method, take) {
    this.setNotificationHandler(schemas1[method], (notification) => take(notification.params));
  }
  // Has the handlers of notice() called for changes of the lists and of `uri`.
  async watch(uri) {
    if (uri) await this.subscribeResource({ uri });
  }
}

class Modern extends Client2 {
  constructor(capabilities, mode = { pin: '2026-07-28' }) {
    super(info, { capabilities, versionNegotiation: { mode } });
  }
  call(name, args = {}, options = {}) {
    return this.callTool({ name, arguments: args }, options);
  }
  handle(method, answer) {
    this.setRequestHandler(method, (request) => answer(request.params));
  }
  notice(method, take) {
    this.setNotificationHandler(method, (notification) => take(notification.params));
  }
  async watch(uri) {
    await this.listen(uri ? { resourceSubscriptions: [uri] } : { resourcesListChanged: true });
  }
}
class Legacy2 extends Modern {
  constructor(capabilities) {
    super(capabilities, 'legacy');
  }
  async watch(uri) {
    if (uri) await this.subscribeResource({ uri });
  }
}

const kinds = {
  'SDK 1.x': { Client: Sdk1, Stdio: Stdio1, Http: Http1, edition: '2025-11-25' },
  'client 2.x': { Client: Modern, Stdio: Stdio2, Http: Http2, edition: '2026-07-28' },
  'client 2.x as an older one': { Client: Legacy2, Stdio: Stdio2, Http: Http2, edition: '2025-11-25' },
};
export const connections = Object.keys(kinds).flatMap((kind) => ['stdio', 'http'].map((transport) => ({ kind, transport, edition: kinds[kind].edition })));
export const named = ({ kind, transport }) => `${kind} over ${transport}`;

// The servers that clients are tried with: casemate itself, every byte of its stdio checked, and the
// one whose fixtures ask questions and make tasks.
export const casemate = {
  stdio: (place) => ({ command: tapped(place), args: ['serve'] }),
  http: {},
};
const program = path.join(path.dirname(bin), 'casemate-conformance');
export const fixtures = {
  stdio: () => ({ command: program, args: ['--stdio'] }),
  http: { program, args: ['--port', '0'], announce: 'stdout' },
};

// A connected client with a server of its own; `prepare` sets its handlers first.
export async function connect(place, connection, server, options) {
  const env = { ...place.env, TMPDIR: place.dir };
  if (connection.transport === 'http') {
    return connectTo(place, connection, (await HttpServerProcess.start(place, { ...server.http, env })).url, options);
  }
  return connectOver(place, connection, new kinds[connection.kind].Stdio({ ...server.stdio(place), env }), options);
}
export const connectTo = (place, connection, url, options) => connectOver(place, connection, new kinds[connection.kind].Http(new URL(url)), options);

async function connectOver(place, { kind }, transport, { capabilities = {}, prepare = () => {} } = {}) {
  const client = new kinds[kind].Client(capabilities);
  prepare(client);
  place.closing(() => client.close());
  await client.connect(transport);
  return client;
}
