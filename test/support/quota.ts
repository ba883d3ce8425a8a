import { setTimeout as delay } from 'node:timers/promises';
import type { Api } from './api.ts';

const TRIES = 20;

/** Sets a rate limit for all paths: so many requests in a second from each client address. */
export async function setQuota(api: Api, name: string, rate: number): Promise<void> {
  await api.post(`sys/quotas/rate-limit/${name}`, { rate });
}

/** It holds for the request that lifts it, too. */
export async function liftQuota(api: Api, name: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await api.request('DELETE', `sys/quotas/rate-limit/${name}`);
      return;
    } catch (error) {
      if (tries === TRIES) throw error;
      await delay(250);
    }
  }
}
