import { COMMAND } from './cli.ts';
import { startProvider, type RunningProvider } from './csi-provider.ts';
import type { CsiWorld } from './csi-world.ts';
import { needsMountNamespace } from './needs.ts';

/** How tests call the provider of this program: the name of its socket. */
export const PROVIDER = 'vaultonce';

export interface VaultonceStart {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Undefined: `PROVIDER`. */
  readonly name?: string;
  /** It is no pod: it has no service account. */
  readonly outsideCluster?: boolean;
}

/**
 * Starts `vaultonce csi` where the driver looks for it, with the service account of a provider: where Kubernetes has it, or in a
 * directory that a flag names for users who may not mount.
 */
export async function startVaultonce(
  world: CsiWorld,
  { args = [], env = {}, name = PROVIDER, outsideCluster = false }: VaultonceStart = {},
): Promise<RunningProvider> {
  const inCluster = !outsideCluster && needsMountNamespace().skip === false;
  const isNamed = !outsideCluster && !inCluster;
  const account = isNamed ? ['--service-account', world.serviceAccount] : [];
  return startProvider(world, {
    name,
    command: [...COMMAND, 'csi', '--endpoint', world.socketOf(name), ...account, ...args],
    inCluster,
    env: { ...(isNamed ? world.api.env : {}), ...env },
  });
}
