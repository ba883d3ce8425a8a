import type { DeclaredSecret } from '../config/config.ts';
import { nearest, nearestHint } from '../base/nearest.ts';
import type { Ref } from '../config/ref.ts';
import type { Failure } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import {
  entriesOf,
  type FoundSecret,
  type JsonValue,
  type KeyValues,
  type Secrets,
} from '../base/secret-data.ts';

/** A single value that is asked for: a variable of `environment:`, or an argument of `read`. */
export interface DeclaredValue {
  readonly name: string;
  /** For messages: `environment.DATABASE_PASSWORD`. */
  readonly where: string;
  readonly ref: Ref;
}

/** Which key of which secret of the plan. */
export interface ValuePlan {
  readonly name: string;
  readonly where: string;
  /** Name of a declared secret, or of one that the plan made of a path. */
  readonly secret: string;
  /** A key, or a JSON pointer into the secret: `/replicas/0/host`. */
  readonly key: string;
}

/** A value that was found. Absent: its secret is `optional` and does not exist. */
export interface Value {
  readonly name: string;
  readonly where: string;
  readonly value: Secret<JsonValue> | undefined;
}

/** An environment variable with its value, in the clear: it lives only while it is handed on. */
export interface Variable {
  readonly name: string;
  readonly text: string;
}

export interface PlannedValues {
  readonly values: readonly ValuePlan[];
  /** One for each path, beside the declared ones. */
  readonly secrets: readonly DeclaredSecret[];
  readonly failures: readonly Failure[];
}

/** Finds the secret of each value; a path that nobody declared becomes a secret of its own. Pure. */
export function planValues(declared: readonly DeclaredValue[], names: readonly string[]): PlannedValues {
  const secrets = new Map<string, DeclaredSecret>();
  const failures: Failure[] = [];
  const values = declared.flatMap(({ name, where, ref }): ValuePlan[] => {
    if (ref.kind === 'name') {
      if (!names.includes(ref.name)) failures.push(undeclared(ref.name, where, names));
      return [{ name, where, secret: ref.name, key: ref.key }];
    }
    const secret = secretAt(ref.path, ref.version, where);
    if (!secrets.has(secret.name)) secrets.set(secret.name, secret);
    return [{ name, where, secret: secret.name, key: ref.key }];
  });
  return { values, secrets: [...secrets.values()], failures };
}

/** A reference to a name that no secret has. */
export function undeclared(name: string, where: string, names: readonly string[]): Failure {
  return {
    kind: 'config',
    message: `no secret is declared as \`${name}\``,
    where,
    hint: nearestHint(name, names, 'secret') ?? 'declare it under `secrets:`, or with --secret NAME=PATH',
  };
}

/** Its name is its path, which no declared secret can have: their names are without slashes. */
function secretAt(path: string, version: number | undefined, where: string): DeclaredSecret {
  return {
    name: version === undefined ? path : `${path}@${String(version)}`,
    where,
    path,
    version,
    engine: undefined,
    mount: undefined,
    write: undefined,
    namespace: undefined,
    optional: false,
    default: undefined,
    minTtlMs: undefined,
    reuse: false,
    wrapTtlMs: undefined,
    listing: undefined,
  };
}

/** Looks the values up. Pure; all keys that are missing are told at once, except those of secrets that failed. */
export function resolveValues(
  plans: readonly ValuePlan[],
  secrets: Secrets,
): { readonly values: readonly Value[]; readonly failures: readonly Failure[] } {
  const failures: Failure[] = [];
  const values = plans.flatMap((plan): Value[] => {
    const { name, where } = plan;
    const secret = secrets.get(plan.secret);
    if (secret === undefined || secret.kind === 'failed') return [];
    if (secret.kind === 'absent') return [{ name, where, value: undefined }];
    const value = valueAt(secret, plan.key);
    if (value !== undefined) return [{ name, where, value: new Secret(value) }];
    failures.push(missingValue(plan, entriesOf(secret)));
    return [];
  });
  return { values, failures };
}

function missingValue({ secret, key, where }: ValuePlan, keys: KeyValues): Failure {
  const candidate = key.startsWith('/') ? undefined : nearest(key, [...keys.keys()].sort());
  return missingKey({ key, secrets: [secret], where }, keys, candidate, 'correct the name, or add the key');
}

/** A key, or what a JSON pointer (RFC 6901) leads to. */
function valueAt(secret: FoundSecret, key: string): JsonValue | undefined {
  if (!key.startsWith('/')) return entriesOf(secret).get(key);
  const [first = '', ...rest] = key
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return rest.reduce<JsonValue | undefined>(childOf, secret.keys.reveal().get(first));
}

function childOf(value: JsonValue | undefined, step: string): JsonValue | undefined {
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return undefined;
  // RFC 6901 §4: positions have no leading zeros.
  if (Array.isArray(value)) {
    return /^(?:0|[1-9]\d*)$/.test(step) ? (value as readonly JsonValue[])[Number(step)] : undefined;
  }
  return Object.hasOwn(value, step) ? (value as Readonly<Record<string, JsonValue>>)[step] : undefined;
}

/**
 * A key that a secret, or several together, do not have.
 * @param candidate the key that was probably meant
 * @param remedy what to do when there is none
 */
export function missingKey(
  {
    key,
    secrets,
    where,
  }: { readonly key: string; readonly secrets: readonly string[]; readonly where: string },
  keys: KeyValues,
  candidate: string | undefined,
  remedy: string,
): Failure {
  const known = [...keys.keys()].sort();
  return {
    kind: 'not_found',
    message: `the secret \`${secrets.join('`, `')}\` has no key \`${key}\``,
    where,
    details: [`known keys: ${known.length === 0 ? 'none' : known.join(', ')}`],
    hint: candidate === undefined ? remedy : `did you mean \`${candidate}\`?`,
  };
}
