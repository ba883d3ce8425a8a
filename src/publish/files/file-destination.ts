import type { Scope } from '../../host/scope.ts';
import { isSecretOutput } from '../../plan/cluster-outputs.ts';
import type { ManagedDirectory, PlacedOutput } from '../../plan/outputs.ts';
import type { Destination, WrittenFile } from '../destination.ts';
import { checkTargets } from './targets.ts';
import { stageOutputs } from './write.ts';

interface PlannedFiles {
  readonly managed: ManagedDirectory | undefined;
  /** Of all outputs. */
  readonly directory?: string | undefined;
  /** The file with the state of `reuse`; it is written like an output, but not reported as one. */
  readonly state?: PlacedOutput | undefined;
}

/** The file system. */
export function fileDestination({ managed, directory, state }: PlannedFiles, scope: Scope): Destination {
  return {
    undoable: true,
    takes: (output) => !isSecretOutput(output),
    check(outputs) {
      checkTargets(outputs, managed);
    },
    async stage(outputs) {
      const staged = await stageOutputs(outputs, scope, managed, directory);
      return {
        commit(note) {
          const noteAll = (files: readonly WrittenFile[]): void => {
            for (const file of files) if (file.path !== state?.target.path) note({ kind: 'file', ...file });
          };
          try {
            noteAll(staged.commit());
          } catch (error) {
            noteAll(staged.standing);
            throw error;
          }
          for (const file of staged.pruned) note({ kind: 'pruned', ...file });
          for (const set of staged.sets) note({ kind: 'set', ...set });
        },
        discard() {
          staged.discard();
        },
      };
    },
  };
}
