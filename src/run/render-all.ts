import { RunError, throwIfAny } from '../base/errors.ts';
import type { Fetched } from '../fetch/fetch.ts';
import type { RenderedOutput } from '../plan/outputs.ts';
import type { Scope } from '../host/scope.ts';
import type { Plan } from '../plan/plan.ts';
import { renderOutputs } from '../render/render-outputs.ts';
import { renderVariables, type RenderedVariable } from '../render/render-variables.ts';
import type { OutputTokens } from '../session/tokens-for-outputs.ts';
import { pauseOf } from './pause-of.ts';

export interface RenderedPlan {
  readonly rendered: readonly RenderedOutput[];
  readonly values: readonly RenderedVariable[];
}

/** Renders outputs and values, even if secrets are missing, so that missing keys are reported in the same run. */
export async function renderAll(
  { outputs, values: plans }: Plan,
  { secrets, failures }: Fetched,
  tokens: OutputTokens,
  scope: Scope,
): Promise<RenderedPlan> {
  const pause = pauseOf(scope);
  const rendered = await caught(renderOutputs(outputs, secrets, tokens, pause));
  scope.throwIfEnded();
  const { values, failures: missing } = await renderVariables(plans, secrets, tokens, pause);
  const later = [...(rendered instanceof RunError ? rendered.failures : []), ...missing];
  if (failures.length > 0) {
    const fetchError = new RunError(failures);
    throw later.length === 0 ? fetchError : fetchError.followedBy(new RunError(later));
  }
  throwIfAny(later);
  if (rendered instanceof RunError) throw rendered;
  return { rendered, values };
}

async function caught<T>(work: Promise<T>): Promise<T | RunError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RunError) return error;
    throw error;
  }
}
