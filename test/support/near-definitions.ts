import fc from 'fast-check';
import type { Definition, DefinitionOf, Member } from '../../src/shape/definition.ts';

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

/** Mostly what fits a definition, and now and then something else. */
export function nearly(definition: Definition): fc.Arbitrary<unknown> {
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
