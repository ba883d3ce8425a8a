import { startCli, type CliResult, type RunningCli } from './cli.ts';
import type { CsiWorld } from './csi-world.ts';

/** How tests call what they start: the name of its socket. */
export const PROVIDER = 'vaultonce';

export interface ProviderOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Undefined: `PROVIDER`. */
  readonly name?: string;
  /** It is no pod: it has no service account. */
  readonly outsideCluster?: boolean;
}

export interface RunningProvider extends RunningCli {
  /** Ends it as Kubernetes does. */
  stop(): Promise<CliResult>;
}

/** Starts `vaultonce csi` where the driver looks for it, with the service account of a provider; resolves when it serves. */
export async function startProvider(
  world: CsiWorld,
  { args = [], env = {}, name = PROVIDER, outsideCluster = false }: ProviderOptions = {},
): Promise<RunningProvider> {
  const account = outsideCluster ? [] : ['--service-account', world.serviceAccount];
  const running = startCli(['csi', '--endpoint', world.socketOf(name), ...account, ...args], {
    killAfterMs: 300_000,
    env: {
      VAULT_ADDR: world.server.address,
      ...(outsideCluster ? {} : world.api.env),
      ...env,
    },
  });
  await running.stderrMatches(/"event":"csi_serving"/);
  return {
    ...running,
    async stop() {
      running.child.kill('SIGTERM');
      return running.done;
    },
  };
}
