/**
 * A rule for the fields of an object, as data: the JSON Schema tells it, too. A field is given when it is there; one that is
 * true or false, when it is true.
 */
export type Combination = Alternatives | Need;

/** Of the fields, one is given, or at most one. */
interface Alternatives {
  readonly kind: 'alternatives';
  /** A list in it: fields that may stand together. */
  readonly of: readonly (string | readonly string[])[];
  readonly isRequired: boolean;
  readonly problem: string;
  /** Where several are given; undefined: the same. */
  readonly problemOfSeveral?: string;
}

/** With any of these fields, one of the others is given. */
interface Need {
  readonly kind: 'need';
  readonly with: readonly string[];
  readonly oneOf: readonly string[];
  readonly problem: string;
}

/** What is wrong with the combination of an object's values, each of which is right. */
export function problemsOf(combinations: readonly Combination[], value: object): string[] {
  const given = new Set<string>();
  for (const [field, one] of Object.entries(value)) if (one !== undefined && one !== false) given.add(field);
  return combinations.flatMap((one) => problemOf(one, given) ?? []);
}

function problemOf(combination: Combination, given: ReadonlySet<string>): string | undefined {
  const { problem } = combination;
  const isGiven = (field: string): boolean => given.has(field);
  if (combination.kind === 'need') {
    const holds = !combination.with.some(isGiven) || combination.oneOf.some(isGiven);
    return holds ? undefined : problem;
  }
  let count = 0;
  for (const one of combination.of)
    if (typeof one === 'string' ? given.has(one) : one.some(isGiven)) count += 1;
  if (count > 1) return combination.problemOfSeveral ?? problem;
  return count === 0 && combination.isRequired ? problem : undefined;
}

/** Exactly one of some fields, or at most one. */
export function oneOf(
  fields: readonly string[],
  isRequired: boolean,
  problem = `${isRequired ? 'needs exactly' : 'takes at most'} one of ${listed(fields)}`,
): Combination {
  return { kind: 'alternatives', of: fields, isRequired, problem };
}

function listed(fields: readonly string[]): string {
  return fields.map((field) => `\`${field}\``).join(', ');
}

/** With any of some fields, one of others. */
export function needs(fields: readonly string[], others: readonly string[], problem: string): Combination {
  return { kind: 'need', with: fields, oneOf: others, problem };
}

/** One of these and one of those, or none of either. */
export function together(
  these: readonly string[],
  those: readonly string[],
  problem: string,
): readonly Combination[] {
  return [needs(these, those, problem), needs(those, these, problem)];
}
