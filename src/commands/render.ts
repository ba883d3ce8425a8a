import type { Flags } from '../config/settings.ts';
import type { Io } from '../io.ts';
import { perform } from './perform.ts';

/**
 * `vaultonce render`: the main job.
 * @param fixtures a file of values to render with instead of a server's
 * @throws RunError
 */
export async function render(fixtures: string | undefined, flags: Flags, io: Io): Promise<void> {
  await perform(
    flags,
    {
      printsValues: false,
      fixtures,
      scope: ({ outputs }) => ({ secrets: 'all', outputs, values: [] }),
      deliver: () => undefined,
    },
    io,
  );
}
