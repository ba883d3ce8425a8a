import { throwIfAny } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { statusOf } from '../host/file-systems.ts';
import type { Scope } from '../host/scope.ts';
import type { WritableOutput } from '../plan/outputs.ts';
import { checkTargets } from '../publish/files/targets.ts';
import { stageOutputs } from '../publish/files/write.ts';

/** A file without secrets, that everybody may read. */
export interface PlainFile {
  /** Absolute. */
  readonly path: string;
  /** For messages. */
  readonly where: string;
  readonly text: string;
}

/**
 * Writes all of them, or none, each by a rename.
 * @param force replaces what is there
 * @returns their paths
 * @throws RunError `output`
 */
export async function writePlainFiles(
  files: readonly PlainFile[],
  force: boolean,
  scope: Scope,
): Promise<readonly string[]> {
  const outputs = files.map(({ path, where, text }): WritableOutput => {
    const target = { path, kind: 'file', mode: 0o644, directoryMode: 0o755, allowDisk: true } as const;
    return {
      plan: { where, target: { ...target, uid: undefined, gid: undefined } },
      files: [{ path, content: new Secret(Buffer.from(text)) }],
    };
  });
  const existing = force ? [] : outputs.filter(({ plan }) => statusOf(plan.target.path) !== undefined);
  throwIfAny(
    existing.map(({ plan }) => ({
      kind: 'output',
      where: plan.target.path,
      message: 'the file exists already; nothing was written',
      hint: '--force overwrites it, --out DIR writes elsewhere',
    })),
  );
  checkTargets(outputs.map(({ plan }) => plan));
  const staged = await stageOutputs(outputs, scope);
  try {
    return staged.commit().map(({ path }) => path);
  } finally {
    staged.discard();
  }
}
