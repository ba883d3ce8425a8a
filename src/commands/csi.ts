import type { Flags } from '../config/settings.ts';
import type { CsiOptions } from '../csi/start.ts';
import type { Io } from '../host/io.ts';

/**
 * `vaultonce csi`: serves the Secrets Store CSI driver until it is told to end.
 * @throws RunError `usage` for bad flags, `config` where it cannot serve
 */
export async function csi(options: CsiOptions, flags: Flags, io: Io): Promise<void> {
  const { csi: serve } = await import('../csi/start.ts');
  await serve(options, flags, io);
}
