import type { TokenContent } from '../config/config.ts';
import type { OutputPlan } from './outputs.ts';

/** Outputs that hold the token of the run, for an app that goes on talking to Vault. */
export type SinkPlan = OutputPlan & { readonly content: TokenContent };

export function sinksOf(outputs: readonly OutputPlan[]): readonly SinkPlan[] {
  return outputs.filter((output): output is SinkPlan => output.content.kind === 'token');
}

/**
 * The most requests that they take.
 * @param minted this run logs in, so that the TTL of the token is known
 */
export function requestsForSinks(sinks: readonly SinkPlan[], minted: boolean): number {
  const wrapped = sinks.filter(({ content }) => content.wrapTtlMs !== undefined).length;
  const hasLimit = sinks.some(({ content }) => content.minTtlMs !== undefined);
  if (!hasLimit) return wrapped;
  return wrapped + (minted ? 1 : 2);
}
