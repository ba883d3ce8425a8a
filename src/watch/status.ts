import type { HealthStatus, SecretHealth } from './health/health-status.ts';
import type { LifeClock } from './life-clock.ts';
import type { Teller } from './on-change/teller.ts';
import type { Child } from './child.ts';
import type { Holding } from './stock.ts';
import type { Watcher } from './watcher.ts';

interface Parts {
  readonly startedAtS: number;
  readonly clock: LifeClock;
  /** Undefined: before everything was written once. */
  readonly watcher?: Watcher;
  readonly teller?: Teller;
  readonly child?: Child | undefined;
}

/** What is told of all this to whoever asks. */
export function statusOf({ startedAtS, clock, watcher, teller, child }: Parts): HealthStatus {
  const restarts = child?.restarts;
  const toldBy = { told: 0, failures: 0, failing: [], ...pick(teller) };
  const handlers = { handlersTold: toldBy.told, handlerFailures: toldBy.failures };
  if (watcher === undefined) {
    const counts = { ...NOTHING, ...handlers, restarts };
    return { isAlive: true, isReady: false, startedAtS, secrets: [], failingHandlers: [], counts };
  }
  const { present, isAlive } = watcher;
  const { keeper, site } = present;
  const sinceS = Date.now() / 1000 - clock.now();
  const { writes, errors } = watcher.counts;
  const { generation: logins, renewals: tokenRenewals, requests } = keeper;
  return {
    isAlive,
    isReady: true,
    startedAtS,
    secrets: [...site.stock.holdings].map(([name, holding]) => healthOf(name, holding, sinceS)),
    failingHandlers: toldBy.failing,
    counts: { logins, tokenRenewals, requests, writes, errors, ...handlers, restarts },
  };
}

const NOTHING = { logins: 0, tokenRenewals: 0, requests: 0, writes: 0, errors: new Map() };

function pick(teller: Teller | undefined): Partial<Pick<Teller, 'told' | 'failures' | 'failing'>> {
  return teller === undefined
    ? {}
    : { told: teller.told, failures: teller.failures, failing: teller.failing };
}

/** @param sinceS from the life clock to that of the system */
function healthOf(name: string, holding: Holding, sinceS: number): SecretHealth {
  const { fault, fetched, readAtS, endsAtS, dueAtS, action, renewals, rotations } = holding;
  const finite = (seconds: number): number | undefined =>
    Number.isFinite(seconds) ? seconds + sinceS : undefined;
  return {
    name,
    isStale: fault !== undefined,
    lastSuccessAtS: fetched === undefined ? undefined : readAtS + sinceS,
    endsAtS: finite(endsAtS),
    nextAtS: finite(dueAtS),
    nextAction: action,
    renewals,
    rotations,
  };
}
