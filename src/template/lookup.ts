import { findKey, hasStart, keysOf, type KeyStep, type MissingKey } from '../base/key-path.ts';
import {
  entriesOf,
  type FetchedSecret,
  type FoundSecret,
  type JsonValue,
  type Secrets,
} from '../base/secret-data.ts';
import { isReserved, type Reserved } from './names.ts';

/** What names are looked up in; sections add one, the innermost is asked first. */
export type Scope =
  | { readonly kind: 'root'; readonly secrets: Secrets }
  | { readonly kind: 'secret'; readonly secret: FoundSecret }
  | { readonly kind: 'value'; readonly value: JsonValue }
  | { readonly kind: 'entry'; readonly key: string; readonly value: JsonValue }
  /** Marks that a partial was entered; names are looked up around it. */
  | { readonly kind: 'partial' };

export type Found =
  | { readonly kind: 'value'; readonly value: JsonValue }
  | { readonly kind: 'secret'; readonly secret: FetchedSecret }
  | { readonly kind: 'entries'; readonly entries: readonly (readonly [string, JsonValue])[] }
  /** Below a secret that is absent or could not be fetched: empty, and nothing to report. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'ambiguous'; readonly ways: readonly [readonly string[], readonly string[]] }
  | Missing;

export interface Missing {
  readonly kind: 'missing';
  /** What should have it: a secret, the name of a value inside one, or undefined, when nothing was found at all. */
  readonly owner: FoundSecret | string | undefined;
  readonly key: string;
  readonly known: readonly string[];
  /** It is below a text that looks like JSON. */
  readonly isText?: boolean;
}

/** Looks a name up: its first key in the innermost scope that has it, the rest below that. No steps: the scope itself. */
export function lookUp(steps: readonly KeyStep[], scopes: readonly Scope[]): Found {
  const innermost = scopes.findLast(({ kind }) => kind !== 'partial');
  if (steps.length === 0) return itself(innermost);
  for (let index = scopes.length - 1; index >= 0; index -= 1) {
    const scope = scopes[index];
    const found = scope && inScope(steps, scope);
    if (found !== undefined) return found;
  }
  const { key, known } = missingIn(innermost, steps);
  return { kind: 'missing', owner: secretOf(innermost), key, known };
}

function itself(scope: Scope | undefined): Found {
  switch (scope?.kind) {
    case 'value':
    case 'entry':
      return { kind: 'value', value: scope.value };
    case 'secret':
      return scope;
    default:
      return { kind: 'missing', owner: undefined, key: '.', known: [] };
  }
}

/** @returns undefined when the scope does not have the first key */
function inScope(steps: readonly KeyStep[], scope: Scope): Found | undefined {
  switch (scope.kind) {
    case 'root': {
      const secret = scope.secrets.get(steps[0]?.name ?? '');
      return secret === undefined ? undefined : below(secret, steps.slice(1));
    }
    case 'secret':
      return hasFirst(scope.secret, steps) ? inSecret(scope.secret, steps, '') : undefined;
    case 'value':
      return hasStart(scope.value, steps) ? foundAt(scope.value, steps, undefined, '') : undefined;
    case 'entry':
      return inEntry(scope, steps);
    case 'partial':
      return undefined;
  }
}

function inEntry(
  { key, value }: Extract<Scope, { kind: 'entry' }>,
  [first, ...rest]: readonly KeyStep[],
): Found | undefined {
  if (first?.name === 'key') return foundAt(key, rest, undefined, 'key');
  return first?.name === 'value' ? foundAt(value, rest, undefined, 'value') : undefined;
}

function hasFirst(secret: FoundSecret, steps: readonly KeyStep[]): boolean {
  return steps.slice(0, 1).some(isReserved) || hasStart(secret.keys.reveal(), steps);
}

/** An absent secret has no keys and no entries, and nobody is to blame for them. */
function below(secret: FetchedSecret, steps: readonly KeyStep[]): Found {
  if (steps.length === 0) return { kind: 'secret', secret };
  if (secret.kind === 'found') return inSecret(secret, steps, secret.name);
  const isEntries = steps.length === 1 && steps[0]?.name === '@entries' && secret.kind === 'absent';
  return isEntries ? { kind: 'entries', entries: [] } : { kind: 'silent' };
}

/** @param name of the secret, if the tag has it */
function inSecret(secret: FoundSecret, steps: readonly KeyStep[], name: string): Found {
  const [first, second] = steps;
  if (first === undefined || !isReserved(first)) return foundAt(secret.keys.reveal(), steps, secret, name);
  const found = reserved(secret, first.name as Reserved);
  if (second === undefined || found.kind === 'missing') return found;
  return { kind: 'missing', owner: joined([name, first.name]), key: second.name, known: [] };
}

/** @param name of what has the keys, as far as the tag names it */
function foundAt(
  keys: Parameters<typeof findKey>[0],
  steps: readonly KeyStep[],
  secret: FoundSecret | undefined,
  name: string,
): Found {
  if (steps.length === 0) return { kind: 'value', value: keys as JsonValue };
  const found = findKey(keys, steps);
  if (found.kind !== 'missing') return found;
  const { key, known, within, isText } = found;
  const owner = within.length === 0 && secret !== undefined ? secret : joined([name, ...within]);
  return { kind: 'missing', owner, key, known, isText };
}

function joined(names: readonly string[]): string {
  return names.filter((name) => name !== '').join('.');
}

function reserved(secret: FoundSecret, part: Reserved): Found {
  if (part === '@entries') {
    const entries = [...entriesOf(secret)].sort(([a], [b]) => (a < b ? -1 : 1));
    return { kind: 'entries', entries };
  }
  const { version, lease_id, lease_duration } = secret.metadata;
  const value = { '@version': version, '@lease_id': lease_id, '@lease_duration': lease_duration }[part];
  return value === undefined
    ? { kind: 'missing', owner: secret, key: part, known: [] }
    : { kind: 'value', value };
}

function secretOf(scope: Scope | undefined): FoundSecret | undefined {
  return scope?.kind === 'secret' ? scope.secret : undefined;
}

function missingIn(scope: Scope | undefined, steps: readonly KeyStep[]): Pick<MissingKey, 'key' | 'known'> {
  const key = steps[0]?.name ?? '';
  switch (scope?.kind) {
    case 'secret':
      return missingAmong(scope.secret.keys.reveal(), steps);
    case 'value':
      return missingAmong(scope.value, steps);
    case 'entry':
      return { key, known: ['key', 'value'] };
    case 'root':
      return { key, known: [...scope.secrets.keys()] };
    default:
      return { key, known: [] };
  }
}

function missingAmong(
  keys: Parameters<typeof findKey>[0],
  steps: readonly KeyStep[],
): Pick<MissingKey, 'key' | 'known'> {
  const found = findKey(keys, steps);
  return found.kind === 'missing' ? found : { key: '', known: keysOf(keys) };
}
