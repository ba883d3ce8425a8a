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
import type { Definition, DefinitionOf, Member } from '../../src/shape/definition.ts';
import { zodSchemaOf } from '../../src/shape/zod-schema.ts';

/** Something of everything, most of it wrong where it stands. */
const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    '',
    'a/b',
    'a/b#k',
    '1h',
    '0440',
    'true',
    '0',
    'raw',
    'kv2',
    'error',
    'a b',
    '\u0007',
    '/x/',
  ),
  fc.constantFrom(null, true, false, 0, 1, -1, 1.5, NaN, Infinity, 2 ** 60, undefined),
  fc.constantFrom([], ['a'], [''], {}, { a: 'b' }, { a: 2 ** 60 }, new Date(0)),
);

const OFTEN = 12;
const RUNS = 2000;

/** Mostly what fits a definition, and now and then something else. */
function nearly(definition: Definition): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: OFTEN, arbitrary: fitting(definition) }, { weight: 1, arbitrary: anything });
}

const BY_KIND: {
  readonly [Kind in Definition['kind']]: (definition: DefinitionOf<Kind>) => fc.Arbitrary<unknown>;
} = {
  string: () => fc.constantFrom('a', 'web', 'secret/app', 'secret/app#key', 'A_B', '5m', '0400', ''),
  number: () => fc.constantFrom(0, 1, 7, 3600),
  boolean: () => fc.boolean(),
  json: () => fc.jsonValue(),
  literal: ({ value }) => fc.constant(value),
  enumeration: ({ values }) => fc.constantFrom(...values),
  list: ({ item }) => fc.array(nearly(item), { maxLength: 3 }),
  map: ({ key, value }) => fc.dictionary(nearly(key).map(String), nearly(value), { maxKeys: 3 }),
  object: ({ members }) => objectOf(members),
  either: ({ options }) => fc.oneof(...options.map(nearly)),
  parsed: ({ input }) => nearly(input),
  variants: ({ variants }) => fc.oneof(...Object.values(variants).map(nearly)),
  'one-or-more': ({ item }) => fc.oneof(nearly(item), fc.array(nearly(item), { maxLength: 2 })),
};

function fitting(definition: Definition): fc.Arbitrary<unknown> {
  return BY_KIND[definition.kind](definition as never);
}

function objectOf(members: Readonly<Record<string, Member>>): fc.Arbitrary<unknown> {
  const needed = Object.keys(members).filter((name) => members[name]?.isOptional === false);
  const others = Object.keys(members).filter((name) => members[name]?.isOptional === true);
  const names = fc.tuple(
    fc.subarray(needed, { minLength: Math.max(0, needed.length - 1) }),
    fc.subarray(others, { maxLength: Math.min(3, others.length) }),
    fc.constantFrom([], [], [], [], ['unknown'], ['__proto__'], ['constructor']),
  );
  return names.chain((chosen) =>
    fc
      .tuple(...chosen.flat().map((name) => fc.tuple(fc.constant(name), valueOf(members, name))))
      .map((entries) => Object.fromEntries(entries)),
  );
}

function valueOf(members: Readonly<Record<string, Member>>, name: string): fc.Arbitrary<unknown> {
  const member = Object.hasOwn(members, name) ? members[name] : undefined;
  return member === undefined ? fc.constant('x') : nearly(member.field);
}

/** With what is in secrets, which would be equal otherwise. */
function revealed(value: unknown): unknown {
  if (value instanceof Secret) return { secret: revealed(value.reveal()) };
  if (Array.isArray(value)) return value.map(revealed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, revealed(one)]));
}

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
