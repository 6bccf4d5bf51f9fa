// What went over one connection. `check` holds every message of the server against the
// official schema of the edition that its request belongs to, and against the rules of the stream.
import { isCreateTaskResultV2, isDetailedTaskV2 } from '@modelcontextprotocol/ext-tasks/core/v2';

import { editions, schemaOf } from './schema.mjs';

const versionField = 'io.modelcontextprotocol/protocolVersion';
// The edition that a message itself names, of those that have no session.
export const versionOf = (message) => message?.params?._meta?.[versionField];
const latestLegacy = '2025-11-25';
const latest = '2026-07-28';
const resultTypes = {
  initialize: 'InitializeResult',
  'server/discover': 'DiscoverResult',
  'tools/list': 'ListToolsResult',
  'tools/call': 'CallToolResult',
  'resources/list': 'ListResourcesResult',
  'resources/templates/list': 'ListResourceTemplatesResult',
  'resources/read': 'ReadResourceResult',
  'resources/subscribe': 'EmptyResult',
  'resources/unsubscribe': 'EmptyResult',
  'prompts/list': 'ListPromptsResult',
  'prompts/get': 'GetPromptResult',
  'completion/complete': 'CompleteResult',
  'logging/setLevel': 'EmptyResult',
  ping: 'EmptyResult',
  'subscriptions/listen': 'SubscriptionsListenResult',
};
// Results of the tasks extension, which the edition's schema does not have.
const taskResults = {
  'tools/call': isCreateTaskResultV2,
  'tasks/get': isDetailedTaskV2,
  'tasks/update': (result) => result.resultType === 'complete',
  'tasks/cancel': (result) => result.resultType === 'complete',
};
const isOfTasks = ({ method }, { resultType }) => method.startsWith('tasks/') || (method === 'tools/call' && resultType === 'task');
// Errors whose shape the edition 2026-07-28 defines one by one: [definition, of the whole message?].
const errorTypes = {
  '-32700': ['ParseError', false],
  '-32600': ['InvalidRequestError', false],
  '-32601': ['MethodNotFoundError', false],
  '-32602': ['InvalidParamsError', false],
  '-32603': ['InternalError', false],
  '-32022': ['UnsupportedProtocolVersionError', true],
};
const subscriptionField = 'io.modelcontextprotocol/subscriptionId';
const acknowledgement = 'notifications/subscriptions/acknowledged';
// Notifications that belong to no request, or to subscriptions/listen, where the server has declared
// them.
const changeTypes = {
  'notifications/tools/list_changed': ['tools', 'ToolListChangedNotification'],
  'notifications/resources/list_changed': ['resources', 'ResourceListChangedNotification'],
};
const key = (id) => JSON.stringify(id); // 1 and "1" are different ids
const shown = (message) => JSON.stringify(message).slice(0, 500);
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

// Passes if one of `attempts` does; ids may be reused, so a reply may belong to several requests.
function oneOf(attempts) {
  const problems = [];
  for (const attempt of attempts) {
    try {
      return attempt();
    } catch (problem) {
      problems.push(problem);
    }
  }
  throw problems.at(-1);
}

export class Conversation {
  #requests = new Map(); // key of the id → [{method, modern, version}]
  #tokens = new Map(); // key of the progress token → [the requests' entries]
  #messages = [];
  #batches = 0; // sent and not yet answered

  // One line of the client's, whatever it is.
  sent(line) {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      return;
    }
    if (!Array.isArray(message)) return this.#noteRequest(message);
    if (message.length > 0) this.#batches += 1;
    for (const part of message) this.#noteRequest(part);
  }
  #noteRequest(message) {
    if (typeof message?.method !== 'string' || !['string', 'number'].includes(typeof message.id)) return;
    const meta = message.params?._meta;
    const modern = versionOf(message) !== undefined || message.method === 'server/discover';
    const entry = { method: message.method, modern, id: key(message.id) };
    const note = (map, name) => map.set(name, [...(map.get(name) ?? []), entry]);
    note(this.#requests, entry.id);
    if (meta?.progressToken !== undefined) note(this.#tokens, key(meta.progressToken));
  }

  // One line of the server's, without its end: its messages. Throws on what is not a JSON object in
  // UTF-8, or an array of them that answers a batch.
  received(bytes) {
    const text = utf8.decode(bytes);
    if (/[\r\0]/.test(text)) throw new Error(`control characters in a line: ${text.slice(0, 500)}`);
    const json = JSON.parse(text);
    const messages = Array.isArray(json) && this.#batches-- > 0 ? json : [json];
    for (const message of messages) {
      if (message === null || typeof message !== 'object' || Array.isArray(message)) throw new Error(`not a message: ${text.slice(0, 500)}`);
    }
    this.#messages.push(...messages);
    return messages;
  }

  check() {
    const negotiated = new Set(this.#messages.map((m) => m.result?.protocolVersion).filter((v) => editions.includes(v)));
    const legacy = negotiated.size > 0 ? [...negotiated] : [latestLegacy];
    const editionsOf = (entry) => (entry.modern ? [latest] : legacy);
    const answered = new Set();
    const progress = new Map();
    for (const message of this.#messages) {
      if ('method' in message && 'id' in message) this.#checkRequest(message, legacy);
      else if ('method' in message) this.#checkNotification(message, editionsOf, progress, answered);
      else if ('error' in message) this.#checkError(message, editionsOf);
      else this.#checkResult(message, editionsOf);
      if ('id' in message && !('method' in message)) answered.add(key(message.id));
    }
    return this.#messages.length;
  }

  #checkResult(message, editionsOf) {
    const entries = this.#requests.get(key(message.id));
    if (!entries) throw new Error(`a result that nobody asked for: ${shown(message)}`);
    oneOf(entries.flatMap((entry) => editionsOf(entry).map((edition) => () => {
      schemaOf(edition).check(edition >= '2025-11-25' ? 'JSONRPCResultResponse' : 'JSONRPCResponse', message);
      if (edition === latest && isOfTasks(entry, message.result)) {
        if (!taskResults[entry.method](message.result)) throw new Error(`not a result of ${entry.method}: ${shown(message)}`);
        return;
      }
      if (edition === latest && message.result.resultType === 'input_required') return schemaOf(edition).check('InputRequiredResult', message.result);
      if (!(entry.method in resultTypes)) throw new Error(`a result of ${entry.method}`);
      schemaOf(edition).check(resultTypes[entry.method], message.result);
    })));
  }

  // What a server asks a client of the editions that have sessions.
  #checkRequest(message, legacy) {
    if (message.method !== 'elicitation/create') throw new Error(`unexpected ${message.method}`);
    oneOf(legacy.map((edition) => () => {
      schemaOf(edition).check('JSONRPCRequest', message);
      schemaOf(edition).check('ElicitRequest', message);
    }));
  }

  #checkError(message, editionsOf) {
    // Before 2025-11-25 the schema demands an id, which a reply to an unreadable line cannot have.
    const entries = 'id' in message ? this.#requests.get(key(message.id)) : undefined;
    const candidates = entries?.flatMap(editionsOf) ?? [latestLegacy];
    oneOf(candidates.map((edition) => () => {
      schemaOf(edition).check(edition >= '2025-11-25' ? 'JSONRPCErrorResponse' : 'JSONRPCError', message);
      const type = edition === latest && errorTypes[message.error.code];
      if (type) schemaOf(edition).check(type[0], type[1] ? message : message.error);
    }));
  }

  #checkChange(message, editionsOf) {
    const [capability, type] = changeTypes[message.method];
    const { [subscriptionField]: subscription } = message.params?._meta ?? {};
    const entries = subscription === undefined ? [{ modern: false }] : this.#listens(subscription);
    const declares = subscription === undefined
      ? (m) => m.result?.capabilities?.[capability]?.listChanged
      : (m) => m.method === acknowledgement && m.params._meta[subscriptionField] === subscription;
    if (!this.#messages.some(declares)) throw new Error(`${message.method} was not declared`);
    oneOf(entries.flatMap(editionsOf).map((edition) => () => schemaOf(edition).check(type, message)));
  }

  #listens(subscription) {
    const entries = this.#requests.get(key(subscription))?.filter((entry) => entry.method === 'subscriptions/listen');
    if (!entries) throw new Error(`no subscriptions/listen has the id ${key(subscription)}`);
    return entries;
  }

  #checkNotification(message, editionsOf, progress, answered) {
    if (message.method in changeTypes) return this.#checkChange(message, editionsOf);
    if (message.method === acknowledgement) {
      this.#listens(message.params._meta[subscriptionField]);
      return schemaOf(latest).check('SubscriptionsAcknowledgedNotification', message);
    }
    if (message.method !== 'notifications/progress') throw new Error(`unexpected ${message.method}`);
    const { progressToken, progress: value } = message.params;
    const token = key(progressToken);
    const entries = this.#tokens.get(token);
    if (!entries) throw new Error(`progress for a token that nobody gave: ${token}`);
    oneOf(entries.flatMap((entry) => editionsOf(entry).map((edition) => () => {
      schemaOf(edition).check('JSONRPCNotification', message);
      schemaOf(edition).check('ProgressNotification', message);
    })));
    if (!(value > (progress.get(token) ?? -Infinity))) throw new Error(`progress of ${token} does not grow: ${value}`);
    progress.set(token, value);
    if (entries.every((entry) => answered.has(entry.id))) throw new Error(`progress of ${token} after its answer`);
  }
}
