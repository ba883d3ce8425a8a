import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import yaml from 'yaml';
import { fieldsOf, METHOD_NAMES } from '../../src/auth/index.ts';
import { Secret } from '../../src/base/secret.ts';
import { configFields } from '../../src/config/config-definition.ts';
import { interpolate } from '../../src/config/interpolate.ts';
import { accept, REFUSED } from '../../src/shape/accept.ts';
import type { Definition } from '../../src/shape/definition.ts';
import { zodSchemaOf } from '../../src/shape/zod-schema.ts';
import { nearly } from '../support/near-definitions.ts';

/** With what is in secrets, which would be equal otherwise. */
function revealed(value: unknown): unknown {
  if (value instanceof Secret) return { secret: revealed(value.reveal()) };
  if (Array.isArray(value)) return value.map(revealed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, revealed(one)]));
}

const RUNS = 2000;

const config = configFields(await fieldsOf(METHOD_NAMES));

describe('what is accepted without zod', () => {
  const schemas = new Map<Definition, ReturnType<typeof zodSchemaOf>>();
  const schemaOf = (definition: Definition): ReturnType<typeof zodSchemaOf> => {
    const schema = schemas.get(definition) ?? zodSchemaOf(definition);
    schemas.set(definition, schema);
    return schema;
  };
  const agrees = (definition: Definition, value: unknown): boolean => {
    const accepted = accept(definition, value);
    if (accepted === REFUSED) return false;
    const result = schemaOf(definition).safeParse(value);
    assert.ok(result.success, JSON.stringify(result.error?.issues));
    assert.deepEqual(revealed(accepted), revealed(result.data));
    return true;
  };

  for (const [name, { field }] of Object.entries(config.members)) {
    test(`${name}: what zod takes as well, and makes the same of`, () => {
      let accepted = 0;
      fc.assert(
        fc.property(nearly(field), (value) => {
          if (agrees(field, value)) accepted += 1;
        }),
        { numRuns: RUNS },
      );
      assert.ok(accepted > RUNS / 100, `only ${String(accepted)} were accepted`);
    });
  }

  test('every example, so that none of them loads zod', () => {
    const root = join(import.meta.dirname, '../../examples');
    const files = globSync('**/vaultonce.yaml', { cwd: root });
    assert.ok(files.length > 5);
    for (const file of files) {
      const text = readFileSync(join(root, file), 'utf8');
      assert.ok(agrees(config, interpolate(yaml.parse(text), { APP_UID: '1000' }).value), file);
    }
  });
});
