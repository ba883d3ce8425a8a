import { freePort } from '../../support/free-port.ts';
import { startProvider, type RunningProvider } from '../../support/csi-provider.ts';
import type { CsiWorld } from '../../support/csi-world.ts';
import { onNodeCommand, ON_NODE, STANDALONE, standaloneCommand } from '../tools.ts';
import { findPeer } from './peer.ts';

/** A provider that can be started. */
export interface Contestant {
  /** For people. */
  readonly title: string;
  /** For the driver. */
  readonly name: string;
  command(socket: string, port: number): readonly string[];
}

const ours = (title: string, name: string, start: readonly string[]): Contestant => ({
  title,
  name,
  command: (socket, port) => [...start, 'csi', '--endpoint', socket, '--health', `127.0.0.1:${String(port)}`],
});

/** Ours on both runtimes, and the peer where it can be had. */
export async function findContestants(): Promise<Contestant[]> {
  const peer = await findPeer();
  if (typeof peer === 'string') console.log(`left out: ${peer}`);
  const others: readonly Contestant[] =
    typeof peer === 'string'
      ? []
      : [
          {
            title: `vault-csi-provider ${peer.version}`,
            name: 'vault',
            command: (socket, port) => [
              ...[peer.path, '-endpoint', socket, '-health-addr', `127.0.0.1:${String(port)}`],
              ...['-log-level', 'error'],
            ],
          },
        ];
  return [
    ours(ON_NODE, 'node', onNodeCommand()),
    ours(STANDALONE, 'standalone', standaloneCommand()),
    ...others,
  ];
}

/** Starts one as a container would. */
export async function startContestant(
  world: CsiWorld,
  contestant: Contestant,
  address: string,
): Promise<RunningProvider> {
  const { caFile } = world.server.certificates;
  const { name } = contestant;
  return startProvider(world, {
    name,
    command: contestant.command(world.socketOf(name), await freePort()),
    inCluster: true,
    env: { VAULT_ADDR: address, ...(caFile !== '' && { VAULT_CACERT: caFile }) },
  });
}
