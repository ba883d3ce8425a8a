import type { TokenContent } from '../config/config.ts';
import type { OutputPlan } from './outputs.ts';

/** Outputs that hold the token of the run, for an app that goes on talking to Vault. */
export type TokenOutput = OutputPlan & { readonly content: TokenContent };

export function tokenOutputsOf(outputs: readonly OutputPlan[]): readonly TokenOutput[] {
  return outputs.filter((output): output is TokenOutput => output.content.kind === 'token');
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
