import type { Failure } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import {
  entriesOf,
  type FoundSecret,
  type JsonValue,
  type KeyValues,
  type Secrets,
} from '../base/secret-data.ts';
import { Secret } from '../base/secret.ts';
import type { ValuePlan } from '../plan/values.ts';

/** A value that was found. Undefined: its secret is `optional` and does not exist. */
export interface Value {
  readonly name: string;
  readonly where: string;
  readonly value: Secret<JsonValue> | undefined;
}

/** Looks the values up. Pure. Reports all missing keys at once, except those of secrets that failed. */
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

/** The value of a key, or at a JSON pointer (RFC 6901). */
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
  // RFC 6901 §4: indexes have no leading zeros.
  if (Array.isArray(value)) {
    return /^(?:0|[1-9]\d*)$/.test(step) ? (value as readonly JsonValue[])[Number(step)] : undefined;
  }
  return Object.hasOwn(value, step) ? (value as Readonly<Record<string, JsonValue>>)[step] : undefined;
}

/**
 * The failure for a key that is in none of its secrets.
 * @param candidate the key that was probably meant
 * @param remedy the hint if there is no candidate
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
