// The official SDK 1.x over stdio, for what lies outside of this directory's node_modules.
export { Client } from '@modelcontextprotocol/sdk/client/index.js';
export { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
