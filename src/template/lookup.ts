import {
  entriesOf,
  isRawJsonNumber,
  type FetchedSecret,
  type FoundSecret,
  type JsonValue,
  type Secrets,
} from '../base/secret-data.ts';
import type { Reserved } from './names.ts';

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
  | Missing;

export interface Missing {
  readonly kind: 'missing';
  /** What should have it: a secret, the name of a value inside one, or undefined, when nothing was found at all. */
  readonly owner: FoundSecret | string | undefined;
  readonly key: string;
  readonly known: readonly string[];
}

/** Looks a dotted name up: its first part in the innermost scope that has it, the others below that. */
export function lookUp(name: string, scopes: readonly Scope[]): Found {
  const innermost = scopes.findLast(({ kind }) => kind !== 'partial');
  if (name === '.') return itself(innermost);
  const [first = '', ...rest] = name.split('.');
  for (const scope of scopes.toReversed()) {
    const found = inScope(first, scope);
    if (found !== undefined) return rest.reduce(below, { name: first, found }).found;
  }
  return { kind: 'missing', owner: secretOf(innermost), key: first, known: knownIn(innermost) };
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

function inScope(part: string, scope: Scope): Found | undefined {
  switch (scope.kind) {
    case 'root': {
      const secret = scope.secrets.get(part);
      return secret === undefined ? undefined : { kind: 'secret', secret };
    }
    case 'secret': {
      const isKnown = part.startsWith('@') || scope.secret.keys.reveal().has(part);
      return isKnown ? inSecret(scope.secret, part) : undefined;
    }
    case 'value': {
      const value = child(scope.value, part);
      return value === undefined ? undefined : { kind: 'value', value };
    }
    case 'entry':
      if (part === 'key') return { kind: 'value', value: scope.key };
      return part === 'value' ? { kind: 'value', value: scope.value } : undefined;
    case 'partial':
      return undefined;
  }
}

interface Step {
  /** The name so far. */
  readonly name: string;
  readonly found: Found;
}

function below({ name, found }: Step, part: string): Step {
  return { name: `${name}.${part}`, found: partOf(found, part, name) };
}

function partOf(found: Found, part: string, owner: string): Found {
  switch (found.kind) {
    case 'secret':
      return found.secret.kind === 'found' ? inSecret(found.secret, part) : whenNotFound(found.secret, part);
    case 'value': {
      const value = child(found.value, part);
      return value === undefined
        ? { kind: 'missing', owner, key: part, known: keysOf(found.value) }
        : { kind: 'value', value };
    }
    case 'entries':
      return { kind: 'missing', owner, key: part, known: [] };
    case 'silent':
    case 'missing':
      return found;
  }
}

/** An absent secret has no keys and no entries, and nobody is to blame for them. */
function whenNotFound(secret: FetchedSecret, part: string): Found {
  return part === '@entries' && secret.kind === 'absent'
    ? { kind: 'entries', entries: [] }
    : { kind: 'silent' };
}

function inSecret(secret: FoundSecret, part: string): Found {
  const keys = secret.keys.reveal();
  if (part.startsWith('@')) return reserved(secret, part as Reserved);
  const value = keys.get(part);
  if (value !== undefined) return { kind: 'value', value };
  return { kind: 'missing', owner: secret, key: part, known: [...keys.keys()].sort() };
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

/** An own property; `constructor` and the like are never found. */
function child(value: JsonValue, key: string): JsonValue | undefined {
  if (typeof value !== 'object' || value === null || isRawJsonNumber(value)) return undefined;
  return Object.hasOwn(value, key) ? (value as Readonly<Record<string, JsonValue>>)[key] : undefined;
}

function keysOf(value: JsonValue): string[] {
  return typeof value === 'object' && value !== null && !isRawJsonNumber(value)
    ? Object.keys(value).sort()
    : [];
}

function secretOf(scope: Scope | undefined): FoundSecret | undefined {
  return scope?.kind === 'secret' ? scope.secret : undefined;
}

function knownIn(scope: Scope | undefined): readonly string[] {
  switch (scope?.kind) {
    case 'secret':
      return [...scope.secret.keys.reveal().keys()].sort();
    case 'value':
      return keysOf(scope.value);
    case 'entry':
      return ['key', 'value'];
    case 'root':
      return [...scope.secrets.keys()];
    default:
      return [];
  }
}
