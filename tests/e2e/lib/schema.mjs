// The official JSON Schemas of MCP's editions, and those of tools.
import fs from 'node:fs';
import path from 'node:path';

import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const folder = path.resolve(import.meta.dirname, '../../protocol/schema');
export const editions = fs.readdirSync(folder).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5)).sort();

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

  check(type, value) {
    const validate = this.#ajv.getSchema(`mcp#/${this.#definitions}/${type}`);
    if (!validate) throw new Error(`${this.#edition} has no ${type}`);
    if (!validate(value)) {
      const problems = validate.errors.map((e) => `${e.instancePath} ${e.message}`).join('; ');
      throw new Error(`not a ${type} of ${this.#edition}: ${problems}\n${JSON.stringify(value).slice(0, 500)}`);
    }
  }
}

const schemas = new Map();
export function schemaOf(edition) {
  if (!schemas.has(edition)) schemas.set(edition, new EditionSchema(edition));
  return schemas.get(edition);
}

// Checks instances against a tool's own schema, strictly.
export function compileToolSchema(schema) {
  const ajv = new Ajv({ strict: true, strictTypes: false, allErrors: true });
  addFormats(ajv);
  return ajv.compile(schema);
}
