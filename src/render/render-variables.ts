import type { Failure } from '../base/errors.ts';
import { isJsonObject } from '../base/lossless-json.ts';
import { nearest } from '../base/nearest.ts';
import {
  entriesOf,
  type FoundSecret,
  type JsonValue,
  type KeyValues,
  type Secrets,
} from '../base/secret-data.ts';
import { Secret } from '../base/secret.ts';
import { shownKey } from '../base/shown-text.ts';
import { isShellName } from '../formats/encodings/shell-quoting.ts';
import { selectKeys } from '../formats/keys.ts';
import type { VariablePlan } from '../plan/variables.ts';
import type { OutputTokens } from '../session/tokens-for-outputs.ts';
import { renderInSteps } from '../template/render-template.ts';
import { missingKey, placed, resolveValue, resolveValues, type Value } from './found-values.ts';
import { collision, remedyOf } from './key-problems.ts';
import { finish, NO_PAUSE, type Pause } from './pause.ts';
import { RUNS_CODE } from './variable-names.ts';

/** A variable with its value. */
export interface RenderedVariable extends Value {
  /** It must not show in logs. */
  readonly mask: boolean;
  /** Texts that the value is put together of. */
  readonly parts: readonly Secret[];
}

type PlanOf<Kind extends VariablePlan['content']['kind']> = VariablePlan & {
  readonly content: Extract<VariablePlan['content'], { kind: Kind }>;
};

interface Sources {
  readonly secrets: Secrets;
  readonly tokens: OutputTokens;
  readonly failures: Failure[];
  readonly pause: Pause;
}

/** The variables with their values; all keys of a secret as one each. What is named by itself overrides those. Pure. */
export async function renderVariables(
  plans: readonly VariablePlan[],
  secrets: Secrets,
  tokens: OutputTokens,
  pause: Pause = NO_PAUSE,
): Promise<{ readonly values: readonly RenderedVariable[]; readonly failures: readonly Failure[] }> {
  const failures: Failure[] = [];
  const sources = { secrets, tokens, failures, pause };
  const isSpread = (plan: VariablePlan): plan is PlanOf<'keys'> => plan.content.kind === 'keys';
  const single: RenderedVariable[] = [];
  for (const plan of plans.filter((one) => !isSpread(one))) single.push(...(await renderOne(plan, sources)));
  const named = new Set(plans.filter((plan) => !isSpread(plan)).map(({ name }) => name));
  const owners = new Map<string, string>();
  const spread = plans.filter(isSpread).flatMap((plan) => {
    const own = spreadOf(plan, sources, named);
    for (const { name, where } of own) {
      const other = owners.get(name);
      if (other !== undefined) failures.push(sameName(name, other, where));
      owners.set(name, where);
    }
    return own;
  });
  return { values: [...spread, ...single], failures };
}

async function renderOne(
  plan: VariablePlan,
  { secrets, tokens, failures, pause }: Sources,
): Promise<RenderedVariable[]> {
  const { name, where, mask, content } = plan;
  switch (content.kind) {
    case 'value': {
      const { values, failures: missing } = resolveValues([content.value], secrets);
      failures.push(...missing);
      return values.map(({ value }) => ({ name, where, mask, value, parts: [] }));
    }
    case 'template': {
      const parts = new Set<string>();
      const { text, failures: found } = await finish(renderInSteps(content.template, secrets, parts), pause);
      failures.push(...found.map((failure) => placed(failure, where)));
      return [
        { name, where, mask, value: new Secret(text), parts: [...parts].map((part) => new Secret(part)) },
      ];
    }
    case 'token': {
      // If it is missing, the run has failed already.
      const token = tokens.get(where);
      return token === undefined ? [] : [{ name, where, mask, value: token, parts: [] }];
    }
    case 'secret':
      return wholeOf(plan as PlanOf<'secret'>, secrets);
    case 'keys':
      return [];
  }
}

function wholeOf(
  { name, where, mask, content: { of } }: PlanOf<'secret'>,
  secrets: Secrets,
): RenderedVariable[] {
  const secret = secrets.get(of.secret);
  if (secret === undefined || secret.kind === 'failed') return [];
  const value =
    secret.kind === 'absent' ? undefined : new Secret<JsonValue>(Object.fromEntries(secret.keys.reveal()));
  return [{ name, where, mask, value, parts: [] }];
}

function spreadOf(
  { where, mask, content }: PlanOf<'keys'>,
  { secrets, failures }: Sources,
  named: ReadonlySet<string>,
): RenderedVariable[] {
  const { of, keys } = content;
  const secret = secrets.get(of.secret);
  if (secret?.kind !== 'found') return [];
  const found = keysIn(secret, { ...of, where }, failures);
  if (found === undefined) return [];
  const isTree = of.key === undefined && secret.leaves !== undefined;
  const { values: selected, missing, collisions } = selectKeys(found, keys, isTree ? '_' : undefined);
  const values = [...selected].filter(([name]) => !named.has(name));
  const known = [...found.keys()].sort();
  const chosen = new Set(Object.values(keys.rename ?? {}));
  failures.push(
    ...missing.map((key) =>
      missingKey(
        { key, secrets: [of.secret], where },
        known,
        nearest(key, known),
        remedyOf(key, keys, 'correct the name, or add the key'),
      ),
    ),
    ...collisions
      .filter(({ name }) => !named.has(name))
      .map((one) => collision(one.name, one.keys, { where })),
    ...values.flatMap(([name]) => nameProblem(name, chosen, where)),
  );
  return values.map(([name, value]) => ({ name, where, mask, value: new Secret(value), parts: [] }));
}

/** The keys of a secret, or of an object in it. */
function keysIn(
  secret: FoundSecret,
  plan: PlanOf<'keys'>['content']['of'],
  failures: Failure[],
): KeyValues | undefined {
  const { key } = plan;
  if (key === undefined) return entriesOf(secret);
  const value = resolveValue({ ...plan, key }, secret);
  if ('failure' in value) {
    failures.push(value.failure);
    return undefined;
  }
  if (isJsonObject(value.value)) return new Map(Object.entries(value.value));
  failures.push({
    kind: 'output',
    message: `the value of \`${key}\` is not an object whose keys could be variables`,
    where: plan.where,
    hint: 'leave the key out to take all keys of the secret; for an object in JSON text declare it with `parse: json`',
  });
  return undefined;
}

function nameProblem(name: string, chosen: ReadonlySet<string>, where: string): Failure[] {
  if (!isShellName(name)) {
    return [
      {
        kind: 'output',
        message: `the key \`${shownKey(name)}\` is not a name that a variable can have`,
        where,
        hint: isFlag(where)
          ? "declare `'*': { value: SECRET, keys: { sanitize: true } }` below `environment:` in a config, or take single keys with --env NAME=REF"
          : 'set `keys: { sanitize: true }`, give it a name with keys.rename, or leave it out with keys.exclude',
      },
    ];
  }
  if (!RUNS_CODE.test(name) || chosen.has(name)) return [];
  return [
    {
      kind: 'output',
      message: `the key \`${name}\` would be a variable that decides which code programs run`,
      where,
      hint: isFlag(where)
        ? 'if it is intended, name it with --env NAME=REF; else name the keys that you need so'
        : 'leave it out with keys.exclude; if it is intended, name the variable in `environment:` itself',
    },
  ];
}

/** A flag has no `keys:`. */
function isFlag(where: string): boolean {
  return where.startsWith('--');
}

function sameName(name: string, one: string, other: string): Failure {
  return {
    kind: 'output',
    message: `the variable \`${name}\` is in two secrets: ${one} and ${other}`,
    where: other,
    hint: isFlag(other)
      ? 'say which with --env NAME=REF, which overrides both'
      : 'leave it out of one with keys.exclude, give one a keys.prefix, or name the variable in `environment:` itself',
  };
}
