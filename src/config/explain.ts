import type * as z from 'zod/mini';
import { fieldsOf, METHOD_NAMES } from '../auth/index.ts';
import { RunError } from '../base/errors.ts';
import { nearest, nearestHint } from '../base/nearest.ts';
import type { Definition } from '../shape/definition.ts';
import { zodSchemaOf } from '../shape/zod-schema.ts';
import { configFields, type ConfigFile } from './config-definition.ts';
import type { ConfigPath } from './interpolate.ts';
import { knownKeys } from './known-keys.ts';
import type { Merged } from './merge.ts';
import type * as Words from './words-of-others.ts';
import { failuresOf, type Problem } from './problems.ts';

type Issue = z.core.$ZodIssue;

/** Loaded once there is something to explain. */
let words: typeof Words | undefined;

/**
 * What is wrong with a config that was not accepted.
 * @returns the config, if zod sees nothing wrong with it
 * @throws RunError with all that is wrong
 */
export async function explain(merged: Merged): Promise<ConfigFile> {
  const { value } = merged;
  const definition = configFields(await fieldsOf(METHOD_NAMES));
  const result = zodSchemaOf(definition, value).safeParse(value);
  if (result.success) return result.data as ConfigFile;
  words = await import('./words-of-others.ts');
  const problems = problemsOf(result.error.issues, definition, value);
  throw new RunError(failuresOf(problems, merged));
}

/** Its findings in our words. None quotes a value: a secret may stand in the wrong place. */
function problemsOf(issues: readonly Issue[], definition: Definition, value: unknown): Problem[] {
  return issues.flatMap((issue) => describe(issue, [], definition, value));
}

function describe(issue: Issue, base: ConfigPath, definition: Definition, value: unknown): Problem[] {
  const path = [...base, ...(issue.path as ConfigPath)];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, path, definition, value));
    case 'invalid_union':
      return describeUnion(issue, path, definition, value);
    case 'invalid_key':
      return [{ path, message: issue.issues[0]?.message ?? 'is not a valid name' }];
    case 'invalid_value':
      return [oneOfValues(path, issue.values.map(String), value)];
    case 'invalid_type':
      return [invalidType(path, issue.expected, valueAt(value, path))];
    case 'too_small':
      return [{ path, message: 'must not be empty' }];
    case 'custom':
      return [{ path, message: issue.message, hint: hintOf(issue.params) }];
    default:
      return [{ path, message: issue.message }];
  }
}

function hintOf(params: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const hint = params?.['hint'];
  return typeof hint === 'string' ? hint : undefined;
}

function unknownKey(key: string, path: ConfigPath, definition: Definition, value: unknown): Problem {
  return {
    path: [...path, key],
    message: 'is not a known key',
    get hint() {
      const known = knownKeys(definition, path, value);
      const other = words?.hintFor(key, path, (place) => knownKeys(definition, place, value));
      // What another tool calls so is meant, even if a key here is spelled much like it.
      return other === undefined
        ? nearestHint(key, known, 'key')
        : `${other}; known keys: ${known.join(', ')}`;
    },
  };
}

function describeUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: ConfigPath,
  definition: Definition,
  value: unknown,
): Problem[] {
  const { discriminator, options } = issue as { discriminator?: string; options?: readonly unknown[] };
  if (discriminator !== undefined) {
    const at = path.at(-1) === discriminator ? path : [...path, discriminator];
    return [oneOfValues(at, (options ?? []).map(String), value)];
  }
  // The branch whose type fits is the one that was meant.
  const meant = issue.errors.filter(
    (issues) => !issues.some((one) => one.path.length === 0 && isTypeIssue(one)),
  );
  const branch = meant[0];
  if (branch !== undefined) return branch.flatMap((one) => describe(one, path, definition, value));
  const types = issue.errors.flatMap((issues) => issues.flatMap(expectedTypes));
  // The texts are for variables; who writes another one needs to know of no more than two words.
  const expected = types.includes('boolean') ? types.filter((type) => !type.startsWith('"')) : types;
  return [invalidType(path, [...new Set(expected)].join(' or '), valueAt(value, path))];
}

function isTypeIssue({ code }: Issue): boolean {
  return code === 'invalid_type' || code === 'invalid_value';
}

function expectedTypes(issue: Issue): string[] {
  if (issue.code === 'invalid_type') return [issue.expected];
  return issue.code === 'invalid_value' ? issue.values.map((value) => JSON.stringify(value)) : [];
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
};

function invalidType(path: ConfigPath, expected: string, value: unknown): Problem {
  if (value === undefined) return { path, message: 'is missing' };
  const names = expected.split(' or ').map((type) => TYPE_NAMES[type] ?? type);
  return { path, message: `must be ${names.join(' or ')}`, hint: words?.wayToWrite(path, value) };
}

function oneOfValues(path: ConfigPath, allowed: readonly string[], whole: unknown): Problem {
  const value = valueAt(whole, path);
  return {
    path,
    message: `${value === undefined ? 'is missing; it ' : ''}must be one of: ${allowed.join(', ')}`,
    get hint() {
      if (value === undefined) return words?.otherNameOf(path.at(-1), valueAt(whole, path.slice(0, -1)));
      if (typeof value !== 'string') return undefined;
      const candidate = words?.valueMeant(value, allowed) ?? nearest(value, allowed);
      return candidate === undefined ? undefined : `did you mean \`${candidate}\`?`;
    },
  };
}

function valueAt(value: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>(
    (current, step) =>
      typeof current === 'object' && current !== null && Object.hasOwn(current, step)
        ? (current as Record<string | number, unknown>)[step]
        : undefined,
    value,
  );
}
