import type { Flags } from '../config/settings.ts';
import type { Io } from '../io.ts';
import { perform } from './perform.ts';

/**
 * `vaultonce render`: the main job.
 * @throws RunError
 */
export async function render(flags: Flags, io: Io): Promise<void> {
  await perform(
    flags,
    {
      printsValues: false,
      scope: ({ outputs }) => ({ secrets: 'all', outputs, values: [] }),
      deliver: () => undefined,
    },
    io,
  );
}
