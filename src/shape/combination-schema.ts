import type { Combination } from './combination.ts';
import type { Member } from './definition.ts';
import type { JsonSchema } from './notations.ts';

interface Fields {
  readonly members: Readonly<Record<string, Member>>;
  /** The schema of a text with a variable. */
  readonly variable: () => JsonSchema;
}

/**
 * The JSON Schemas that together say what a combination of fields must be. The messages are for editors, which show them in
 * place of their own; conditions keep other validators from listing all that would have been possible. A variable may be
 * true or false.
 */
export function combinationSchemas(combinations: readonly Combination[], fields: Fields): JsonSchema[] {
  return combinations.flatMap((combination) => {
    const { problem } = combination;
    if (combination.kind === 'need') {
      const then = someOf(combination.oneOf, fields, problem);
      return combination.with.map((name) => ({ if: given(name, fields), then }));
    }
    const groups = combination.of
      .map((names) => [names].flat())
      // What is to be absent can be named in a message; what is to be false cannot.
      .sort((one, other) => flagsIn(other, fields) - flagsIn(one, fields));
    const exclusive = groups.slice(0, -1).flatMap((names, index) => {
      const then = noneOf(groups.slice(index + 1).flat(), fields, problem);
      return names.map((name) => ({ if: given(name, fields), then }));
    });
    return combination.isRequired ? [...exclusive, someOf(groups.flat(), fields, problem)] : exclusive;
  });
}

function isFlag(name: string, { members }: Fields): boolean {
  const definition = members[name]?.field;
  return definition?.kind === 'parsed' && definition.notation === 'boolean';
}

function flagsIn(names: readonly string[], fields: Fields): number {
  return names.filter((name) => isFlag(name, fields)).length;
}

/** It is given for sure. */
function given(name: string, fields: Fields): JsonSchema {
  return isFlag(name, fields)
    ? { properties: { [name]: { enum: [true, 'true'] } }, required: [name] }
    : { required: [name] };
}

/** One of them may be given. Nothing here names a property as one to have: editors would offer it. */
function someOf(names: readonly string[], fields: Fields, errorMessage: string): JsonSchema {
  const flagsLast = names.toSorted((one, other) => flagsIn([one], fields) - flagsIn([other], fields));
  const anyOf = flagsLast.map((name) => {
    if (!isFlag(name, fields)) return { required: [name] };
    const isFalse = { properties: { [name]: { enum: [false, 'false'] } }, required: [name] };
    return { required: [name], not: isFalse };
  });
  // Editors show what the first one says.
  return { anyOf: anyOf.map((one, index) => (index === 0 ? { ...one, errorMessage } : one)) };
}

/** None of them is given for sure. */
function noneOf(names: readonly string[], fields: Fields, errorMessage: string): JsonSchema {
  const properties = names.map((name) => {
    const isFalse = { anyOf: [{ enum: [false, 'false'], errorMessage }, fields.variable()] };
    return [name, isFlag(name, fields) ? isFalse : false];
  });
  return {
    properties: Object.fromEntries(properties) as NonNullable<JsonSchema['properties']>,
    errorMessage,
  };
}
