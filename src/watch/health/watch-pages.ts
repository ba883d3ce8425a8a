import { said, type HealthAnswer, type Pages } from './health-answer.ts';
import type { HealthStatus } from './health-status.ts';
import { metricsText } from './metrics-text.ts';
import { METRICS_TYPE } from './prometheus-text.ts';

/** What is told of the watching. @param statusOf as it is at that moment */
export function watchPages(statusOf: () => HealthStatus): Pages<HealthAnswer> {
  return {
    '/livez': () => (statusOf().isAlive ? said(200, 'alive') : said(503, 'not alive')),
    '/readyz': (query) => {
      const status = statusOf();
      if (!status.isReady) return said(503, 'not ready');
      const faults = query.has('strict') ? faultsOf(status) : [];
      return faults.length === 0 ? said(200, 'ready') : said(503, ...faults);
    },
    '/metrics': () => ({ status: 200, type: METRICS_TYPE, text: metricsText(statusOf()) }),
  };
}

/** What is not as it should be, a line each. */
export function faultsOf({ secrets, failingHandlers }: HealthStatus): string[] {
  const stale = secrets.filter(({ isStale }) => isStale).map(({ name }) => `stale: ${name}`);
  return [...stale, ...failingHandlers.map((handler) => `failing: ${handler}`)];
}
