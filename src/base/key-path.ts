import { looksStructured } from './lossless-json.ts';
import type { JsonValue, KeyValues } from './secret-data.ts';

/** A step of a name such as `a."b.c".d`. */
export interface KeyStep {
  readonly name: string;
  /** It was in quotes: a key as it stands, and no part of a longer one. */
  readonly isQuoted: boolean;
}

/** A JSON string where a step starts, or anything up to the next dot. */
export const KEY_STEP = String.raw`"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"|(?!")[^.]*`;

/**
 * The steps of a name, which dots separate. A step in double quotes has the escapes of JSON, and reaches any key.
 * @returns undefined when a quote is not closed, or when something but a dot follows one
 */
export function stepsOf(text: string): readonly KeyStep[] | undefined {
  // Most names need no parser.
  if (!text.includes('"')) return text.split('.').map((name) => ({ name, isQuoted: false }));
  const step = new RegExp(KEY_STEP, 'y');
  const steps: KeyStep[] = [];
  for (let at = 0; at <= text.length; at = step.lastIndex + 1) {
    step.lastIndex = at;
    const [found] = step.exec(text) ?? [];
    if (found === undefined || !['.', undefined].includes(text[step.lastIndex])) return undefined;
    const isQuoted = found.startsWith('"');
    steps.push({ name: isQuoted ? (JSON.parse(found) as string) : found, isQuoted });
  }
  return steps;
}

/** A name whose every step is in quotes; no tag ends in it. */
export function quotedName(keys: readonly string[]): string {
  return keys.map((key) => JSON.stringify(key).replaceAll('}', String.raw`\u007d`)).join('.');
}

export type FoundKey =
  | { readonly kind: 'value'; readonly value: JsonValue }
  | MissingKey
  /** Two ways to read the name, each as the keys from the outside in. */
  | { readonly kind: 'ambiguous'; readonly ways: readonly [readonly string[], readonly string[]] };

export interface MissingKey {
  readonly kind: 'missing';
  /** The keys that lead to the value that should have it; empty: the keys of the secret should. */
  readonly within: readonly string[];
  readonly key: string;
  readonly known: readonly string[];
  /** What should have it is a text that looks like JSON, whose keys are not read. */
  readonly isText: boolean;
}

/** What to do where a name goes on into such a text. */
export const TEXT_HINT = 'to go into a value that is JSON text, declare its secret with `parse: json`';

type Keys = KeyValues | JsonValue;

/** Where a search is: the keys so far, and the steps that are left. */
interface Position {
  readonly keys: Keys;
  readonly within: readonly string[];
  readonly steps: readonly KeyStep[];
}

/** What a name means: `a.b` is the key `a.b`, or `b` within `a`. */
export function findKey(keys: Keys, steps: readonly KeyStep[]): FoundKey {
  const [first] = steps;
  const only = steps.length === 1 && first !== undefined ? childOf(keys, first.name) : undefined;
  // Most names have one step, which has one meaning.
  if (only !== undefined) return { kind: 'value', value: only };
  const ways: { readonly value: JsonValue; readonly within: readonly string[] }[] = [];
  let furthest: Position = { keys, within: [], steps };
  const search = (position: Position): void => {
    if (position.steps.length < furthest.steps.length) furthest = position;
    for (const { name, length } of firstKeys(position.steps)) {
      const value = childOf(position.keys, name);
      if (value === undefined || ways.length > 1) continue;
      const within = [...position.within, name];
      const rest = position.steps.slice(length);
      if (rest.length === 0) ways.push({ value, within });
      else search({ keys: value, within, steps: rest });
    }
  };
  search(furthest);
  const [one, other] = ways;
  if (one === undefined) return missingIn(furthest);
  if (other === undefined) return { kind: 'value', value: one.value };
  return { kind: 'ambiguous', ways: [one.within, other.within] };
}

/** Whether these keys have the start of a name, and so decide what the rest of it means. */
export function hasStart(keys: Keys, steps: readonly KeyStep[]): boolean {
  return firstKeys(steps).some(({ name }) => childOf(keys, name) !== undefined);
}

/** The keys that a name may start with, and the steps of each. */
function firstKeys(steps: readonly KeyStep[]): { readonly name: string; readonly length: number }[] {
  const [first] = steps;
  if (first === undefined) return [];
  const quoted = steps.findIndex(({ isQuoted }) => isQuoted);
  const longest = first.isQuoted ? 1 : quoted === -1 ? steps.length : quoted;
  let name = '';
  return steps.slice(0, longest).map((step, index) => {
    name = index === 0 ? step.name : `${name}.${step.name}`;
    return { name, length: index + 1 };
  });
}

function missingIn({ keys, within, steps }: Position): MissingKey {
  const [first = { name: '' }] = steps;
  const known = keysOf(keys);
  const whole = firstKeys(steps).at(-1)?.name ?? '';
  const isDotted = known.some((key) => key.startsWith(`${first.name}.`));
  const isText = typeof keys === 'string' && looksStructured(keys);
  return { kind: 'missing', within, key: isDotted ? whole : first.name, known, isText };
}

/** An own property; `constructor` and the like are never found. Indexes have no leading zeros (RFC 6901, 4). */
export function childOf(keys: Keys | undefined, name: string): JsonValue | undefined {
  if (keys instanceof Map) return (keys as KeyValues).get(name);
  if (typeof keys !== 'object' || keys === null || JSON.isRawJSON(keys)) return undefined;
  if (Array.isArray(keys) && !/^(?:0|[1-9]\d*)$/.test(name)) return undefined;
  return Object.hasOwn(keys, name) ? (keys as Readonly<Record<string, JsonValue>>)[name] : undefined;
}

export function keysOf(keys: Keys): string[] {
  if (keys instanceof Map) return [...(keys as KeyValues).keys()].sort();
  if (typeof keys !== 'object' || keys === null || JSON.isRawJSON(keys)) return [];
  return Object.keys(keys).sort();
}

/** `the key "a.b"`, or `"b" within "a"`, for messages. */
export function wayText(way: readonly string[]): string {
  const names = way.map((key) => `\`${key}\``);
  return names.length === 1 ? `the key ${names.join('')}` : names.reverse().join(' within ');
}
