import type { Failure } from '../base/errors.ts';
import { nearestHint } from '../base/nearest.ts';
import { shownName } from '../base/shown-text.ts';
import type { DeclaredSecret } from '../config/config.ts';
import type { Source } from '../shape/ref.ts';

/** A single value, or with a `Source` a whole secret, that is asked for. */
export interface DeclaredValue {
  readonly name: string;
  /** For messages: `environment.DATABASE_PASSWORD`. */
  readonly where: string;
  readonly ref: Source;
}

/** Which key of which secret of the plan. */
export interface ValuePlan<Key extends string | undefined = string> {
  readonly name: string;
  readonly where: string;
  /** Name of a declared secret, or of one that the plan made of a path. */
  readonly secret: string;
  /** A name such as `a.b`, or a JSON pointer into the secret: `/replicas/0/host`. Undefined: all keys. */
  readonly key: Key;
}

/** By its reference: what messages say of a place is not always enough to tell it from others. */
export type ValuePlans = ReadonlyMap<Source, ValuePlan<string | undefined>>;

export interface PlannedValues {
  readonly values: ValuePlans;
  /** One for each path, besides the declared ones. */
  readonly secrets: readonly DeclaredSecret[];
  readonly failures: readonly Failure[];
}

/** Finds the secret of each value; a path that nobody declared becomes a secret of its own. Pure. */
export function planValues(declared: readonly DeclaredValue[], names: ReadonlySet<string>): PlannedValues {
  const secrets = new Map<string, DeclaredSecret>();
  const failures: Failure[] = [];
  const values = new Map<Source, ValuePlan<string | undefined>>();
  for (const { name, where, ref } of declared) {
    const { key } = ref;
    if (ref.kind === 'name') {
      if (!names.has(ref.name)) failures.push(undeclared(ref.name, where, names));
      values.set(ref, { name, where, secret: ref.name, key });
      continue;
    }
    const secret = secretAt(ref.path, ref.version, where);
    if (!secrets.has(secret.name)) secrets.set(secret.name, secret);
    values.set(ref, { name, where, secret: secret.name, key });
  }
  return { values, secrets: [...secrets.values()], failures };
}

/** A reference to a name that no secret has. */
export function undeclared(name: string, where: string, names: ReadonlySet<string>): Failure {
  return {
    kind: 'config',
    message: `no secret is declared as \`${shownName(name)}\``,
    where,
    // Asked for only if it is reported: of many names, the search for the nearest takes a while.
    get hint() {
      return (
        nearestHint(name, [...names], 'secret') ?? 'declare it under `secrets:`, or with --secret NAME=PATH'
      );
    },
  };
}

/**
 * A secret of which nothing is declared but where it is. Its name is its path as a reference has it, which no declared secret can have:
 * their names are without slashes.
 */
export function secretAt(path: string, version: number | undefined, where: string): DeclaredSecret {
  return {
    name: version === undefined ? path.replace(/@(?=[1-9]\d*$)/, '%40') : `${path}@${String(version)}`,
    where,
    path,
    version,
    engine: undefined,
    mount: undefined,
    write: undefined,
    namespace: undefined,
    optional: false,
    default: undefined,
    parse: undefined,
    minTtlMs: undefined,
    reuse: false,
    maxAgeMs: undefined,
    wrapTtlMs: undefined,
    refreshMs: undefined,
    rotateAt: undefined,
    listing: undefined,
  };
}
