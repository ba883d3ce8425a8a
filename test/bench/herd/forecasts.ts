import { advisedMs, type Advice } from './advice.ts';
import { nameOf, type Arrivals } from './arrivals.ts';
import { AGENT } from './herd-clients.ts';
import type { Measurement } from './herd-results.ts';
import { ownClientOf, partsOf, ROUND_TRIP_MS, SEED, simClientOf } from './model.ts';
import { reachedBy, simulate } from './simulate.ts';

/** Times are milliseconds. */
export interface Forecast {
  readonly pods: number;
  readonly arrivals: string;
  readonly client: string;
  readonly jitterMs: number;
  readonly quota: number | undefined;
  readonly readyMs: readonly [half: number, most: number, all: number];
  /** 99 % of the answers come within this. */
  readonly answerMs: number;
  readonly requests: number;
  readonly rejected: number;
  readonly restarts: number;
  readonly serverCpuMs: number;
}

export interface ForecastSettings {
  readonly pods: readonly number[];
  readonly cores: number;
  /** Requests in a second that the server takes from the one address that all pods have. */
  readonly quota: number;
}

const PODS_OF_A_NODE = 50;

/** @param advice which `startup_jitter` is tried, too */
export function forecast(
  measurement: Measurement,
  advice: readonly Advice[],
  { pods: sizes, cores, quota }: ForecastSettings,
): readonly Forecast[] {
  const own = ownClientOf(measurement);
  const hasAgent = measurement.rehearsals.some(({ client }) => client === AGENT);
  return sizes.flatMap((pods) => {
    const at = (arrivals: Arrivals, rate?: number): Forecast[] => {
      const herd = { pods, arrivals, quota: rate, cores };
      const jitterMs = advisedMs(advice, { pods, cores, quota: rate });
      const jitters = jitterMs === 0 ? [0] : [0, jitterMs];
      return [
        ...(own === undefined ? [] : jitters.map((ms) => ({ client: own, jitterMs: ms }))),
        ...(hasAgent ? [{ client: AGENT, jitterMs: 0 }] : []),
      ].map((which) => one(measurement, { ...herd, ...which }));
    };
    const nodes = Math.max(1, Math.round(pods / PODS_OF_A_NODE));
    return [
      ...at({ kind: 'at once' }),
      ...at({ kind: 'at once' }, quota),
      ...at({ kind: 'waves', size: Math.ceil(pods / 10), everyMs: 10_000 }),
      ...at({ kind: 'image pulls', nodes, spreadMs: 60_000 }),
    ];
  });
}

interface One extends Pick<Forecast, 'pods' | 'client' | 'jitterMs' | 'quota'> {
  readonly arrivals: Arrivals;
  readonly cores: number;
}

function one(measurement: Measurement, settings: One): Forecast {
  const { pods, arrivals, client, jitterMs, quota, cores } = settings;
  const outcome = simulate({
    ...partsOf(measurement, client, true),
    pods,
    arrivals,
    client: simClientOf(client, { http2: true, jitterMs }),
    cores,
    quota,
    roundTripMs: ROUND_TRIP_MS,
    seed: SEED,
  });
  const { readyMs, served, rejected, restarts, serverCpuMs, answerMs } = outcome;
  return {
    pods,
    arrivals: nameOf(arrivals),
    client,
    jitterMs,
    quota,
    readyMs: [reachedBy(readyMs, 0.5, pods), reachedBy(readyMs, 0.99, pods), reachedBy(readyMs, 1, pods)],
    answerMs: reachedBy(answerMs, 0.99),
    requests: served,
    rejected,
    restarts,
    serverCpuMs,
  };
}
