import { lstatSync } from 'node:fs';
import { isAtOrBelow } from '../base/paths-below.ts';
import type { RenderedOutput } from '../plan/outputs.ts';
import { isSecretOutput } from '../plan/cluster-outputs.ts';
import type { Plan } from '../plan/plan.ts';
import { changesOf, type Outcome } from '../report/outcome.ts';

/** The files and directories of a plan that were there before the first run, as after the end of another process: by their paths. */
export function formerOutputs({ outputs }: Plan): ReadonlySet<string> {
  const paths = outputs.filter((output) => !isSecretOutput(output)).map(({ target }) => target.path);
  return new Set(paths.filter(isThere));
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // Whoever cannot look there has not written it either.
    return false;
  }
}

/** What the first run has changed under whoever uses it. */
export function replacedOutputs(
  former: ReadonlySet<string>,
  outcome: Outcome,
  { outputs }: Plan,
): readonly RenderedOutput[] {
  const changed = changesOf(outcome, 'file').filter((file) => file.changed);
  const isReplaced = (path: string): boolean =>
    former.has(path) && changed.some((file) => isAtOrBelow(path, file.path));
  return outputs.filter(({ target }) => isReplaced(target.path)).map((plan) => ({ plan, files: [] }));
}
