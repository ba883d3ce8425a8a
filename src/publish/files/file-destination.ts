import type { Scope } from '../../host/scope.ts';
import { isSecretOutput } from '../../plan/cluster-outputs.ts';
import type { ManagedDirectory, PlacedOutput } from '../../plan/outputs.ts';
import type { Destination } from '../destination.ts';
import { checkTargets } from './targets.ts';
import { stageOutputs } from './write.ts';

/**
 * The file system.
 * @param state the file with the state of `reuse`; it is written like an output, but not reported as one
 */
export function fileDestination(
  {
    managed,
    state,
  }: { readonly managed: ManagedDirectory | undefined; readonly state?: PlacedOutput | undefined },
  scope: Scope,
): Destination {
  return {
    undoable: true,
    takes: (output) => !isSecretOutput(output),
    check(outputs) {
      checkTargets(outputs, managed);
    },
    async stage(outputs) {
      const staged = await stageOutputs(outputs, scope, managed);
      return {
        commit(note) {
          for (const file of staged.commit())
            if (file.path !== state?.target.path) note({ kind: 'file', ...file });
          for (const file of staged.pruned) note({ kind: 'pruned', ...file });
        },
        discard() {
          staged.discard();
        },
      };
    },
  };
}
