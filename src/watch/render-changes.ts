import { RunError, type Failure } from '../base/errors.ts';
import type { FetchedSecret, Secrets } from '../base/secret-data.ts';
import type { Scope } from '../host/scope.ts';
import type { OutputPlan, RenderedOutput } from '../plan/outputs.ts';
import { secretsOf, type Plan } from '../plan/plan.ts';
import { tokenOutputsOf } from '../plan/token-outputs.ts';
import { secretsOfVariable } from '../plan/variables.ts';
import { renderOutputs } from '../render/render-outputs.ts';
import { renderVariables, type RenderedVariable } from '../render/render-variables.ts';
import type { Access } from '../run/access.ts';
import { pauseOf } from '../run/pause-of.ts';
import { prepareTokens, type OutputTokens } from '../session/tokens-for-outputs.ts';
import type { Display } from './display.ts';
import type { Stock } from './stock.ts';

/** What fresh secrets make of the outputs and variables. */
export interface Rendering {
  readonly changed: readonly RenderedOutput[];
  /** Others, as they were published, that somebody has removed. */
  readonly lost: readonly RenderedOutput[];
  /** What outputs and variables that hold the token are given now. */
  readonly tokens: OutputTokens;
  readonly variables: readonly RenderedVariable[];
  readonly areVariablesChanged: boolean;
  /** Of the fresh secrets those that an output cannot be rendered with, and why. */
  readonly refused: ReadonlyMap<string, Failure>;
}

interface Site {
  readonly plan: Plan;
  readonly stock: Stock;
  readonly display: Display;
  /** What those that hold the token were given. */
  readonly tokens: OutputTokens;
  readonly access: Access;
  /** Outputs hold the token of an earlier login. */
  readonly holdsOldToken: boolean;
  /** Everything is rendered. */
  readonly isWhole: boolean;
}

/**
 * Renders what fresh secrets are in. If an output cannot be rendered, all fresh secrets in it are refused, and what else they
 * are in is rendered without them: of a secret, all outputs have the same state.
 */
export async function renderChanges(
  site: Site,
  fresh: ReadonlyMap<string, FetchedSecret>,
  scope: Scope,
): Promise<Rendering> {
  const { plan, display, access, holdsOldToken } = site;
  const tokenOutputs = tokenOutputsOf(plan).filter(({ where }) => holdsOldToken || !site.tokens.has(where));
  const tokens = await prepareTokens(tokenOutputs, access.session, access.sender);
  const refused = new Map<string, Failure>();
  for (;;) {
    const taken = new Map([...fresh].filter(([name]) => !refused.has(name)));
    const attempt = await renderWith(taken, tokens, site, scope);
    for (const [name, failure] of attempt.refused) refused.set(name, failure);
    if (attempt.refused.size > 0) continue;
    const { rendered, variables } = attempt;
    const changed = display.changedOf(rendered);
    const paths = new Set(changed.map((output) => output.plan.target.path));
    return {
      changed,
      lost: display.lost().filter((output) => !paths.has(output.plan.target.path)),
      tokens,
      variables,
      areVariablesChanged: display.isChanged(variables),
      refused,
    };
  }
}

interface Attempt {
  readonly rendered: readonly RenderedOutput[];
  readonly variables: readonly RenderedVariable[];
  readonly refused: ReadonlyMap<string, Failure>;
}

async function renderWith(
  taken: ReadonlyMap<string, FetchedSecret>,
  newTokens: OutputTokens,
  { plan, stock, display, isWhole, ...site }: Site,
  scope: Scope,
): Promise<Attempt> {
  const tokens = new Map([...site.tokens, ...newTokens]);
  const secrets: Secrets = new Map([...stock.secrets, ...taken]);
  const pause = pauseOf(scope);
  const refused = new Map<string, Failure>();
  const refuse = (used: readonly string[], failure: Failure | undefined): void => {
    for (const name of used) if (taken.has(name) && failure !== undefined) refused.set(name, failure);
  };
  const rendered: RenderedOutput[] = [];
  const isTouched = (output: OutputPlan): boolean =>
    isWhole || newTokens.has(output.where) || secretsOf(output).some((name) => taken.has(name));
  for (const output of plan.outputs.filter(isTouched)) {
    try {
      rendered.push(...(await renderOutputs([output], secrets, tokens, pause)));
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      scope.throwIfEnded();
      refuse(secretsOf(output), error.failures[0]);
      if (isWhole) throw error;
    }
  }
  const used = plan.values.flatMap(secretsOfVariable);
  const hasToken = plan.values.some(({ where }) => newTokens.has(where));
  if (!isWhole && !hasToken && !used.some((name) => taken.has(name)))
    return { rendered, variables: display.variables, refused };
  const { values: variables, failures } = await renderVariables(plan.values, secrets, tokens, pause);
  for (const failure of failures) refuse(used, failure);
  return { rendered, variables, refused };
}
