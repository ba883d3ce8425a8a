import type { HealthStatus } from './health-status.ts';
import { METRICS_TYPE, metricsText } from './metrics-text.ts';

export interface HealthAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly allow?: string;
}

const TEXT = 'text/plain; charset=utf-8';

type Page = (status: HealthStatus, query: URLSearchParams) => HealthAnswer;

const PAGES: Readonly<Record<string, Page>> = {
  '/livez': ({ isAlive }) => (isAlive ? said(200, 'alive') : said(503, 'not alive')),
  '/readyz': (status, query) => {
    if (!status.isReady) return said(503, 'not ready');
    const faults = query.has('strict') ? faultsOf(status) : [];
    return faults.length === 0 ? said(200, 'ready') : said(503, ...faults);
  },
  '/metrics': (status) => ({ status: 200, type: METRICS_TYPE, text: metricsText(status) }),
};

/**
 * What a request gets. Pure.
 * @param target path and query, as they came
 */
export function answerTo(method: string, target: string, statusOf: () => HealthStatus): HealthAnswer {
  const url = URL.parse(target, 'http://localhost');
  const page = url !== null && Object.hasOwn(PAGES, url.pathname) ? PAGES[url.pathname] : undefined;
  if (url === null || page === undefined) return said(404, 'not found');
  if (method !== 'GET' && method !== 'HEAD')
    return { ...said(405, 'method not allowed'), allow: 'GET, HEAD' };
  return page(statusOf(), url.searchParams);
}

/** What is not as it should be, a line each. */
export function faultsOf({ secrets, failingHandlers }: HealthStatus): string[] {
  const stale = secrets.filter(({ isStale }) => isStale).map(({ name }) => `stale: ${name}`);
  return [...stale, ...failingHandlers.map((handler) => `failing: ${handler}`)];
}

function said(status: number, ...lines: readonly string[]): HealthAnswer {
  return { status, type: TEXT, text: `${lines.join('\n')}\n` };
}
