// Validates messages of the server against the official JSON Schema of an edition.
import fs from 'node:fs';
import path from 'node:path';

import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const folder = path.resolve(import.meta.dirname, '../../protocol/schema');

const resultTypes = {
  initialize: 'InitializeResult',
  'server/discover': 'DiscoverResult',
  'tools/list': 'ListToolsResult',
  'tools/call': 'CallToolResult',
  ping: 'EmptyResult',
};

export class EditionSchema {
  #ajv;
  #definitions;
  #edition;

  constructor(edition) {
    this.#edition = edition;
    const schema = JSON.parse(fs.readFileSync(path.join(folder, `${edition}.json`), 'utf8'));
    delete schema.$schema; // the older files say draft-07; what they use means the same in 2020-12
    this.#definitions = schema.$defs ? '$defs' : 'definitions';
    this.#ajv = new Ajv({ strict: false, allErrors: true });
    addFormats(this.#ajv);
    this.#ajv.addSchema(schema, 'mcp');
  }

  #check(type, value) {
    const validate = this.#ajv.getSchema(`mcp#/${this.#definitions}/${type}`);
    if (!validate) throw new Error(`${this.#edition} has no ${type}`);
    if (!validate(value)) {
      const problems = validate.errors.map((e) => `${e.instancePath} ${e.message}`).join('; ');
      throw new Error(`not a ${type} of ${this.#edition}: ${problems}\n${JSON.stringify(value)}`);
    }
  }

  // `methodOf` maps request ids to methods.
  validate(message, methodOf) {
    if ('method' in message) {
      this.#check('JSONRPCNotification', message);
      if (message.method === 'notifications/progress') this.#check('ProgressNotification', message);
      return;
    }
    if ('error' in message) {
      const newer = this.#edition >= '2025-11-25';
      if (!('id' in message) && !newer) {
        new EditionSchema('2025-11-25').validate(message, methodOf);
      } else {
        this.#check(newer ? 'JSONRPCErrorResponse' : 'JSONRPCError', message);
      }
      return;
    }
    this.#check(this.#edition >= '2025-11-25' ? 'JSONRPCResultResponse' : 'JSONRPCResponse', message);
    this.#check(resultTypes[methodOf.get(message.id)], message.result);
  }
}

// Checks instances against a tool's own schema, strictly.
export function compileToolSchema(schema) {
  const ajv = new Ajv({ strict: true, strictTypes: false, allErrors: true });
  addFormats(ajv);
  return ajv.compile(schema);
}
