import type { HerdClient, Variant } from './herd-clients.ts';
import type { HerdSite } from './herd-site.ts';
import { measureHerd } from './measure-herd.ts';
import { simClientOf, ALONE } from './model.ts';
import type { ClientCost } from './pod.ts';
import type { ServiceTimes } from './sim-server.ts';
import { simulate } from './simulate.ts';

/** What a client needs, from a few runs before the herd. */
export interface Rehearsal extends Pick<Variant, 'http2'> {
  readonly client: string;
  readonly cost: ClientCost;
  /** What the server needed for a run, as a multiple of what its requests and connections take one by one. */
  readonly serverFactor: number;
}

const ALONE_RUNS = 8;

/** Some runs alone show its pauses, some at once what it computes where others do, too. */
export async function rehearse(
  site: HerdSite,
  client: HerdClient,
  http2: boolean,
  serviceMs: ServiceTimes,
  atOnce: number,
): Promise<Rehearsal> {
  const variant = { http2, jitterMs: 0, quota: undefined };
  const { idleMs } = await measureHerd(site, client, variant, ALONE_RUNS, 1);
  const together = await measureHerd(site, client, variant, 2 * atOnce, atOnce);
  const secrets = site.job.paths.length;
  const cost = { cpuMs: together.clientCpuMs, idleMs };
  const sim = simClientOf(client.name, variant);
  const { serverCpuMs } = simulate({ ...ALONE, client: sim, cost, secrets, serviceMs });
  return { client: client.name, http2, cost, serverFactor: together.serverCpuMs / serverCpuMs };
}
