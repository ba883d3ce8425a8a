import type { Failure } from '../base/errors.ts';
import {
  findKey,
  quotedName,
  stepsOf,
  TEXT_HINT,
  wayText,
  type FoundKey,
  type MissingKey,
} from '../base/key-path.ts';
import { nearest } from '../base/nearest.ts';
import { entriesOf, type FoundSecret, type JsonValue, type Secrets } from '../base/secret-data.ts';
import { Secret } from '../base/secret.ts';
import { shownKey } from '../base/shown-text.ts';
import type { ValuePlan } from '../plan/values.ts';
import { isPointer } from '../shape/ref.ts';

/** A value that was found. Undefined: its secret is `optional` and does not exist. */
export interface Value {
  readonly name: string;
  readonly where: string;
  readonly value: Secret<JsonValue> | undefined;
}

/** A failure of a template, with the place of what it is the template of. */
export function placed(failure: Failure, where: string): Failure {
  return { ...failure, where: failure.where === undefined ? where : `${where}, ${failure.where}` };
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
    const found = resolveValue(plan, secret);
    if ('value' in found) return [{ name, where, value: new Secret(found.value) }];
    failures.push(found.failure);
    return [];
  });
  return { values, failures };
}

/** Looks one value up. Pure. */
export function resolveValue(
  plan: ValuePlan,
  secret: FoundSecret,
): { readonly value: JsonValue } | { readonly failure: Failure } {
  const found = valueAt(secret, plan.key);
  if (found.kind === 'value') return found;
  return { failure: found.kind === 'missing' ? missingValue(plan, found) : ambiguousValue(plan, found.ways) };
}

function missingValue(
  { secret, key, where }: ValuePlan,
  { within, known, key: part, isText }: MissingKey,
): Failure {
  const candidate = isPointer(key) ? undefined : nearest(part, known);
  const failure = missingKey(
    { key: within.length > 0 && !isPointer(key) ? part : key, secrets: [secret], where },
    known,
    candidate,
    isText ? TEXT_HINT : 'correct the name, or add the key',
  );
  const [inner] = within.slice(-1);
  if (inner === undefined || isPointer(key)) return failure;
  return { ...failure, message: `\`${inner}\` of the secret \`${secret}\` has no key \`${shownKey(part)}\`` };
}

function ambiguousValue({ key, where }: ValuePlan, ways: readonly (readonly string[])[]): Failure {
  const [one, other] = ways.map((way) => `\`#${quotedName(way)}\``);
  return {
    kind: 'config',
    message: `\`${key}\` is both ${ways.map(wayText).join(' and ')}`,
    where,
    hint: `write ${one ?? ''} or ${other ?? ''}`,
  };
}

/** The value of a key, or at a JSON pointer (RFC 6901). */
function valueAt(secret: FoundSecret, key: string): FoundKey {
  if (!isPointer(key)) return findKey(entriesOf(secret), stepsOf(key) ?? []);
  const steps = key
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return findKey(
    secret.keys.reveal(),
    steps.map((name) => ({ name, isQuoted: true })),
  );
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
  known: readonly string[],
  candidate: string | undefined,
  remedy: string,
): Failure {
  return {
    kind: 'not_found',
    message: `the secret \`${secrets.join('`, `')}\` has no key \`${shownKey(key)}\``,
    where,
    details: [`known keys: ${known.length === 0 ? 'none' : known.join(', ')}`],
    hint: candidate === undefined ? remedy : `did you mean \`${candidate}\`?`,
  };
}
