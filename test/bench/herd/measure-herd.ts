import { cpus } from 'node:os';
import { isRefusedByQuota } from '../../support/audit.ts';
import { cpuMsOf, usedCpuMs } from './cpu-time.ts';
import type { HerdClient, Variant } from './herd-clients.ts';
import type { HerdSite } from './herd-site.ts';
import { runHerd, type RealRun } from './real-herd.ts';

/** A herd of real runs, and what it cost. */
export interface MeasuredHerd extends Variant {
  readonly client: string;
  readonly runs: number;
  readonly atOnce: number;
  /** When each run was ready, since the first one started; sorted. */
  readonly readyMs: readonly number[];
  /** Of each run, in the mean. */
  readonly requests: number;
  readonly rejected: number;
  readonly clientCpuMs: number;
  readonly serverCpuMs: number;
  /** Of each run, the least: what neither client nor server computed. */
  readonly idleMs: number;
  /** The part of the cores that others left. */
  readonly speed: number;
  readonly tokensLeft: number;
}

export async function measureHerd(
  site: HerdSite,
  client: HerdClient,
  variant: Variant,
  runs: number,
  atOnce: number,
): Promise<MeasuredHerd> {
  const { server } = site;
  const tools = await client.tools(site, variant, atOnce);
  const measured = await site.underQuota(variant.quota, async () => {
    server.takeAudit();
    const usedMs = usedCpuMs();
    const serverMs = cpuMsOf(server.pid);
    const startMs = performance.now();
    const all = await runHerd(tools, runs);
    const wallMs = performance.now() - startMs;
    const serverCpuMs = cpuMsOf(server.pid) - serverMs;
    return { all, wallMs, serverCpuMs, othersMs: usedCpuMs() - usedMs - serverCpuMs - cpuOf(all) };
  });
  const audit = server.takeAudit();
  const rejected = audit.filter(({ error }) => isRefusedByQuota(error)).length;
  // The request that lifts a quota is ours.
  const own = audit.filter(({ path }) => path.startsWith('sys/quotas/')).length;
  const tokensLeft = await server.tokensLeft();
  await server.revokeTokens();
  const serverCpuMs = measured.serverCpuMs / runs;
  return {
    client: client.name,
    ...variant,
    runs,
    atOnce,
    readyMs: measured.all.map(({ endMs }) => endMs).sort((a, b) => a - b),
    requests: (audit.length - rejected - own) / runs,
    rejected: rejected / runs,
    clientCpuMs: cpuOf(measured.all) / runs,
    serverCpuMs,
    idleMs: leastIdleMs(measured.all, serverCpuMs),
    speed: 1 - Math.max(0, measured.othersMs) / (measured.wallMs * cpus().length),
    tokensLeft,
  };
}

function cpuOf(runs: readonly RealRun[]): number {
  return runs.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}

function leastIdleMs(runs: readonly RealRun[], serverCpuMs: number): number {
  const idle = runs.map(({ startMs, endMs, cpuMs }) => endMs - startMs - cpuMs - serverCpuMs);
  return Math.max(0, Math.min(...idle));
}
