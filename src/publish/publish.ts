import type { Io } from '../host/io.ts';
import type { Cluster } from './cluster/cluster.ts';
import { isSecretOutput } from '../plan/cluster-outputs.ts';
import type { RenderedOutput, WritableOutput } from '../plan/outputs.ts';
import { timed, type RunRecord } from '../report/report.ts';
import type { Reuse } from '../reuse/reuse.ts';
import type { Secrets } from '../base/secret-data.ts';
import { stageOutputs } from './files/write.ts';

interface Publication {
  readonly record: RunRecord;
  /** Has to be over before anything is visible; files are staged meanwhile. */
  readonly ready?: Promise<void>;
  /** Where Secrets are applied, if anywhere. */
  readonly cluster?: Cluster | undefined;
}

/**
 * Writes what is new, leaves what is kept, and remembers both. Files are staged and renamed last: until then a signal
 * changes nothing, but for Secrets of a cluster.
 * @throws RunError `output`, `unavailable`; the files are then as they were before
 */
export async function publish(
  rendered: readonly RenderedOutput[],
  secrets: Secrets,
  reuse: Reuse,
  { record, ready, cluster }: Publication,
  io: Io,
): Promise<void> {
  io.log.progress('writing');
  const { state } = reuse.rest;
  const files: readonly WritableOutput[] = [
    ...rendered.filter(({ plan }) => !isSecretOutput(plan)),
    ...reuse.outputs,
    ...reuse.stateAfter(rendered, secrets),
  ];
  const apply = async (): Promise<RunRecord['applied']> => (await cluster?.apply(rendered)) ?? [];
  await timed(record, 'write', io, async () => {
    const staged = await stageOutputs(files, io, reuse.rest.managed);
    try {
      await ready;
      io.lifetime.throwIfEnded();
      // The last thing that may fail. What follows is not interrupted any more.
      record.applied = await apply();
      // The state is ours, and not what anybody has declared.
      record.files = staged.commit().filter(({ path }) => path !== state?.target.path);
      record.pruned = staged.pruned;
    } finally {
      staged.discard();
    }
  });
}
