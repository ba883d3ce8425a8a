import { fieldsOf, METHOD_NAMES } from '../auth/index.ts';
import { jsonSchemaOf } from '../shape/json-schema.ts';
import type { JsonSchema } from '../shape/notations.ts';
import { configFields } from './config-definition.ts';

/** The JSON Schema (draft 2020-12) of a config file, for editors and validators. */
export async function configJsonSchema(): Promise<JsonSchema> {
  return {
    title: 'vaultonce configuration',
    description: 'What vaultonce fetches from Vault or OpenBao, and the files it writes.',
    ...jsonSchemaOf(configFields(await fieldsOf(METHOD_NAMES))),
  };
}
