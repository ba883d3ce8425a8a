import type { TokenContent } from '../config/config.ts';
import type { OutputPlan } from './outputs.ts';
import type { VariablePlan } from './variables.ts';

/** An output or a variable that holds the token of the run, for an app that goes on talking to Vault. */
export interface TokenOutput {
  readonly what: 'output' | 'variable';
  readonly where: string;
  /** Its path, or its name. */
  readonly place: string;
  readonly content: TokenContent;
}

/** The part of a plan that may hold it. */
export interface TokenHolders {
  readonly outputs: readonly OutputPlan[];
  readonly values: readonly VariablePlan[];
}

export function tokenOutputsOf({ outputs, values }: TokenHolders): TokenOutput[] {
  const holders = [
    ...outputs.map((output) => ({ ...output, what: 'output' as const, place: output.target.path })),
    ...values.map((variable) => ({ ...variable, what: 'variable' as const, place: variable.name })),
  ];
  return holders.flatMap(({ what, where, place, content }) =>
    content.kind === 'token' ? [{ what, where, place, content }] : [],
  );
}

/**
 * The most requests that they take.
 * @param minted this run logs in, so that the TTL of the token is known
 */
export function requestsForTokenOutputs(tokenOutputs: readonly TokenOutput[], minted: boolean): number {
  const wrapped = tokenOutputs.filter(({ content }) => content.wrapTtlMs !== undefined).length;
  const hasLimit = tokenOutputs.some(({ content }) => content.minTtlMs !== undefined);
  if (!hasLimit) return wrapped;
  return wrapped + (minted ? 1 : 2);
}
