import { said, type HealthAnswer, type Pages } from '../../watch/health/health-answer.ts';
import { METRICS_TYPE } from '../../watch/health/prometheus-text.ts';
import { csiMetricsText, type ProviderStatus } from './csi-metrics.ts';

/** An answer is good for so long: who asks often must not make requests of it. */
const GOOD_FOR_MS = 3000;

/** What pages are made of. */
export interface ProviderHealth {
  readonly status: () => ProviderStatus;
  /** There is a socket for the driver. */
  readonly hasSocket: () => boolean;
  /** A provider answers there: this one, or its successor. */
  readonly answers: () => Promise<boolean>;
  /** The server that classes use which name none; undefined: it is not known. */
  readonly isServerReachable: (() => Promise<boolean>) | undefined;
  /** It is being stopped. */
  readonly isStopping: () => boolean;
  /** Milliseconds of any clock. */
  readonly now: () => number;
}

/** `/livez`, `/readyz` and `/metrics` of a provider. */
export function csiPages(health: ProviderHealth): Pages<Promise<HealthAnswer> | HealthAnswer> {
  const answers = kept(health.answers, health.now);
  const reaches = health.isServerReachable && kept(health.isServerReachable, health.now);
  return {
    '/livez': () =>
      health.hasSocket() ? said(200, 'alive') : said(503, 'not alive: the socket for the driver is gone'),
    '/readyz': async () => {
      if (health.isStopping()) return said(503, 'not ready: it is being stopped');
      const faults = await Promise.all([
        answers().then((isWell) => (isWell ? [] : ['not ready: no provider answers at the socket'])),
        reaches?.().then((isWell) => (isWell ? [] : ['not ready: the server cannot be reached'])) ?? [],
      ]);
      return faults.flat().length === 0 ? said(200, 'ready') : said(503, ...faults.flat());
    },
    '/metrics': () => ({ status: 200, type: METRICS_TYPE, text: csiMetricsText(health.status()) }),
  };
}

/** Asks at most once in a while; those who ask meanwhile get the same answer. What fails is not well. */
function kept(ask: () => Promise<boolean>, now: () => number): () => Promise<boolean> {
  let latest: Promise<boolean> | undefined;
  let endsAtMs = -Infinity;
  return async () => {
    if (latest !== undefined && now() < endsAtMs) return latest;
    endsAtMs = Infinity;
    latest = ask()
      .catch(() => false)
      .finally(() => {
        endsAtMs = now() + GOOD_FOR_MS;
      });
    return latest;
  };
}
