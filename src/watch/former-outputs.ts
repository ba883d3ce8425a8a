import { statSync } from 'node:fs';
import { systemErrorCode } from '../base/errors.ts';
import { isAtOrBelow } from '../base/paths-below.ts';
import type { RenderedOutput } from '../plan/outputs.ts';
import { isSecretOutput } from '../plan/cluster-outputs.ts';
import type { Plan } from '../plan/plan.ts';
import { changesOf, type Outcome } from '../report/outcome.ts';

/** The files and directories of a plan that were there before the first run, as after the end of another process: by their paths. */
export function formerOutputs({ outputs }: Plan): ReadonlySet<string> {
  const paths = outputs.filter((output) => !isSecretOutput(output)).map(({ target }) => target.path);
  return new Set(paths.filter((path) => isThere(path) === true));
}

/** By whatever links lead to it. Undefined: this process may not look there. */
export function isThere(path: string): boolean | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // For Bun this is not the same as no entry.
    return systemErrorCode(error) === 'ENOTDIR' ? false : undefined;
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
