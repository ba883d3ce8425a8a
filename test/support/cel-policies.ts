import { Environment } from '@marcbachmann/cel-js';
import { isList, merged, patched, type Fields, type Json } from './apply-mutation.ts';

export interface Named {
  readonly name: string;
  readonly expression: string;
}

export interface Check {
  readonly expression: string;
  readonly message?: string;
  readonly messageExpression?: string;
}

export interface Mutation {
  readonly jsonPatch?: { readonly expression: string };
  readonly applyConfiguration?: { readonly expression: string };
}

export interface Policy {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly matchConstraints: {
      readonly objectSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
    };
    readonly matchConditions: readonly Named[];
    readonly variables: readonly Named[];
    readonly mutations?: readonly Mutation[];
    readonly validations?: readonly Check[];
  };
}

/** What an API server is asked. */
export interface Review {
  readonly mutating: readonly Policy[];
  readonly validating: Policy;
  readonly parameters: Fields;
  readonly namespace: Fields;
  readonly operation: 'CREATE' | 'UPDATE';
  /** As `pods`. */
  readonly resource: string;
  readonly object: Fields;
  readonly old?: Fields;
}

export interface Admission {
  readonly object: Fields;
  readonly denied: readonly string[];
  /** A mistake of a policy: the request is refused all the same. */
  readonly error?: string;
}

const ABSENT = '\0absent';

const environment = new Environment({
  enableOptionalTypes: true,
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
  limits: { maxAstNodes: 100_000, maxDepth: 1000, maxListElements: 10_000, maxMapEntries: 10_000 },
})
  .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
    text.replaceAll(from, () => to),
  )
  .registerFunction('isQuantity(string): bool', (text: string) => amountOf(text) !== undefined)
  .registerFunction('quantity(string): double', (text: string) => amountOf(text) ?? Number.NaN)
  .registerFunction('double.isGreaterThan(double): bool', (one: number, other: number) => one > other)
  .registerFunction('double.compareTo(double): int', (one: number, other: number) =>
    BigInt(Math.sign(one - other)),
  )
  .registerFunction('ifPresent(dyn): dyn', (value: { hasValue(): boolean; value(): unknown }) =>
    value.hasValue() ? value.value() : ABSENT,
  );

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
};

function amountOf(text: string): number | undefined {
  const [, number = '', unit = '', binary] =
    /^([+-]?(?:\d+\.?\d*|\.\d+))([mkMGTPE]?|[KMGTPE](i))$/.exec(text) ?? [];
  if (number === '') return undefined;
  const power = 'KMGTPE'.indexOf(unit[0] ?? '') + 1;
  return Number(number) * (binary === undefined ? (UNITS[unit] ?? Number.NaN) : 1024 ** power);
}

/** The language has no objects with types here: they are maps, and what is optional in them is left out afterwards. */
function translated(expression: string): string {
  return expression
    .replaceAll(/\b(?:Object(?:\.\w+)*|JSONPatch)\{/g, '{')
    .replaceAll(/\?(\w+): (variables\.\w+)/g, '$1: ifPresent($2)')
    .replaceAll(/([{,]\s*)(\w+):(?= )/g, "$1'$2':");
}

type Context = Readonly<Record<string, unknown>>;

function evaluate(expression: string, context: Context): Json {
  return plain(valueOf(expression, context));
}

function valueOf(expression: string, context: Context): unknown {
  const value: unknown = environment.evaluate(translated(expression), context);
  return value;
}

function plain(value: unknown): Json {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return (value as unknown[]).map(plain);
  if (typeof value !== 'object' || value === null) return value as Json;
  const entries: [string, unknown][] =
    value instanceof Map ? [...(value as Map<string, unknown>)] : Object.entries(value);
  return Object.fromEntries(
    entries.filter(([, inner]) => inner !== ABSENT).map(([key, inner]) => [key, plain(inner)]),
  );
}

/** Numbers of JSON are integers in pods. */
function celValue(value: Json): unknown {
  if (typeof value === 'number') return BigInt(value);
  if (isList(value)) return value.map(celValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, celValue(inner)]));
}

/** What the API server would do, with a CEL of JavaScript: mutations until nothing changes, then validations. */
export function admit(review: Review): Admission {
  try {
    const object =
      review.operation === 'CREATE' && review.resource === 'pods' ? mutated(review) : review.object;
    return { object, denied: deniedBy(review.validating, review, object) };
  } catch (error) {
    return { object: review.object, denied: [], error: String(error) };
  }
}

/** All once, then those again that were not skipped. */
function mutated(review: Review): Fields {
  const once = review.mutating.reduce(
    (state, policy) => {
      const after = mutatedBy(policy, review, state.object);
      return after === undefined ? state : { object: after, called: [...state.called, policy] };
    },
    { object: review.object, called: [] as readonly Policy[] },
  );
  return once.called.reduce((object, policy) => mutatedBy(policy, review, object) ?? object, once.object);
}

function mutatedBy(policy: Policy, review: Review, object: Fields): Fields | undefined {
  const wanted = Object.entries(policy.spec.matchConstraints.objectSelector?.matchLabels ?? {});
  const labels = (object['metadata'] as { labels?: Readonly<Record<string, string>> }).labels ?? {};
  if (!wanted.every(([key, value]) => labels[key] === value)) return undefined;
  const context = contextOf(policy, review, object);
  if (!matches(policy, context)) return undefined;
  return (policy.spec.mutations ?? []).reduce((before, mutation) => {
    const now = contextOf(policy, review, before);
    if (mutation.jsonPatch) return patched(before, evaluate(mutation.jsonPatch.expression, now));
    return merged(before, evaluate(mutation.applyConfiguration?.expression ?? '', now)) as Fields;
  }, object);
}

function deniedBy(policy: Policy, review: Review, object: Fields): string[] {
  const context = contextOf(policy, review, object);
  if (!matches(policy, context)) return [];
  return (policy.spec.validations ?? [])
    .filter(({ expression }) => evaluate(expression, context) !== true)
    .map(({ message = '', messageExpression }) =>
      messageExpression === undefined ? message : (evaluate(messageExpression, context) as string),
    );
}

function matches({ spec }: Policy, context: Context): boolean {
  return spec.matchConditions.every(({ expression }) => evaluate(expression, context) === true);
}

function contextOf({ spec }: Policy, review: Review, object: Fields): Context {
  const values = new Map<string, unknown>();
  const context: Context = {
    object: celValue(object),
    oldObject: review.old === undefined ? null : celValue(review.old),
    params: celValue(review.parameters),
    namespaceObject: celValue(review.namespace),
    request: { operation: review.operation },
    variables: values,
  };
  for (const { name, expression } of spec.variables) values.set(name, valueOf(expression, context));
  return context;
}
