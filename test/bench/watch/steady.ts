import { setTimeout as delay } from 'node:timers/promises';
import { untilWritten } from './file-watch.ts';
import { memoryOf, preciseCpuMsOf, type Memory } from './process-facts.ts';
import type { SidecarSite } from './sidecar-site.ts';
import type { RunningSidecar, SidecarClient } from './sidecars.ts';

/** How often KV is read again by default, and by the agent. */
export const USUAL_INTERVAL_S = 300;

export interface SteadySettings {
  /** How often the one that is not idle reads KV again. */
  readonly intervalS: number;
  /** Before anything is measured. */
  readonly settleS: number;
  readonly windowS: number;
}

/** A sidecar that has nothing to do, and one that reads KV again all the time. */
export interface Steady {
  readonly client: string;
  readonly secrets: number;
  /** At the end of the window. */
  readonly idle: Memory;
  readonly polling: Memory;
  /** Of the window. */
  readonly idleCpuMs: number;
  readonly pollingCpuMs: number;
  readonly windowS: number;
  readonly intervalS: number;
  /** By the audit log, in the window. */
  readonly requests: number;
}

export async function measureSteady(
  client: SidecarClient,
  site: SidecarSite,
  secrets: number,
  { intervalS, settleS, windowS }: SteadySettings,
): Promise<Steady> {
  const job = { secrets, role: await site.role('steady') };
  const start = (name: string, everyS: number): Promise<RunningSidecar> =>
    client.start(site, { ...job, name: `${name}-${String(secrets)}`, intervalS: everyS });
  const [idle, polling] = await Promise.all([start('idle', USUAL_INTERVAL_S), start('polling', intervalS)]);
  try {
    const files = Array.from({ length: secrets }, (_, index) => String(index));
    await Promise.all([untilWritten(idle, files), untilWritten(polling, files)]);
    await delay(settleS * 1000);
    site.server.takeAudit();
    const before = [preciseCpuMsOf(idle.pid), preciseCpuMsOf(polling.pid)] as const;
    await delay(windowS * 1000);
    const requests = site.server.takeAudit().length;
    return {
      client: client.name,
      secrets,
      idle: memoryOf(idle.pid),
      polling: memoryOf(polling.pid),
      idleCpuMs: preciseCpuMsOf(idle.pid) - before[0],
      pollingCpuMs: preciseCpuMsOf(polling.pid) - before[1],
      windowS,
      intervalS,
      requests,
    };
  } finally {
    await Promise.all([idle.stop(), polling.stop()]);
  }
}

/** What follows from it for an hour in which KV is read every five minutes. */
export function hourOf(steady: Steady): { readonly requests: number; readonly cpuS: number } {
  const { intervalS, windowS, idleCpuMs, pollingCpuMs, requests } = steady;
  const polls = 3600 / USUAL_INTERVAL_S;
  const pollsOfWindow = windowS / intervalS;
  const cpuMsOfPoll = Math.max(0, pollingCpuMs - idleCpuMs) / pollsOfWindow;
  return {
    requests: (requests / pollsOfWindow) * polls,
    cpuS: (idleCpuMs * (3600 / windowS) + cpuMsOfPoll * polls) / 1000,
  };
}
