import type { Flags } from '../config/settings.ts';
import type { Io } from '../host/io.ts';
import { perform } from '../run/perform.ts';

export interface RenderOptions {
  /** A file of values to render with instead of a server's. */
  readonly fixtures?: string;
  /** `PATH=REF` each. */
  readonly out?: readonly string[];
}

/**
 * `vaultonce render`: the main job.
 * @throws RunError
 */
export async function render({ fixtures, out }: RenderOptions, flags: Flags, io: Io): Promise<void> {
  await perform(
    flags,
    {
      printsValues: false,
      declares: '`outputs:` in the config, or use --out PATH=REF',
      fixtures,
      outputs: out,
      scope: ({ outputs }) => ({ secrets: 'all', outputs, values: [] }),
      deliver: () => undefined,
    },
    io,
  );
}
