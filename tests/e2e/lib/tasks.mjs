// Sessions of the official tasks extension on a connected client 2.x. Its package sends the calls
// that may become tasks around the client, which knows no such results: they go over the client's
// own transport, under ids of their own.
import { createTaskSessionFromClient } from '@modelcontextprotocol/ext-tasks/client';

export function taskSession(client, { onInputRequest, capabilities = {} } = {}) {
  const { transport } = client;
  const waiting = new Map();
  const deliver = transport.onmessage;
  transport.onmessage = (message, extra) => {
    const resolve = waiting.get(message.id);
    if (!resolve || message.method !== undefined) return deliver(message, extra);
    waiting.delete(message.id);
    resolve('error' in message ? { kind: 'error', error: message.error } : { kind: 'result', result: message.result });
  };
  let last = 0;
  const rawDispatch = (request) => new Promise((resolve, reject) => {
    const id = `task-${++last}`;
    waiting.set(id, resolve);
    transport.send({ jsonrpc: '2.0', id, ...request }).catch(reject);
  });
  return createTaskSessionFromClient(client, {
    endpointId: 'e2e',
    rawDispatch,
    v2RequestFraming: { protocolVersion: '2026-07-28', clientInfo: { name: 'e2e', version: '1' }, clientCapabilities: capabilities },
    onInputRequest,
  });
}
