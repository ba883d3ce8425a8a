import type { Measurement } from './herd-results.ts';
import { ALONE, ownClientOf, partsOf, ROUND_TRIP_MS, SEED, simClientOf } from './model.ts';
import { reachedBy, simulate, type SimOutcome } from './simulate.ts';

/** Which `startup_jitter` so many pods need that start at once. */
export interface Advice {
  readonly pods: number;
  readonly cores: number;
  readonly quota: number | undefined;
  readonly jitterMs: number;
}

/** Other clients of the server should not notice: 99 % of all answers come within this. */
export const ANSWER_WITHIN_MS = 250;
/** And few requests are refused by the quota. */
const MOST_REJECTED = 0.1;

const CHOICES_S = [0, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200];

/** @returns nothing, where only the agent was measured, which has no such wait */
export function advise(
  measurement: Measurement,
  sizes: readonly number[],
  servers: readonly Pick<Advice, 'cores' | 'quota'>[],
): readonly Advice[] {
  const own = ownClientOf(measurement);
  if (own === undefined) return [];
  return sizes.flatMap((pods) =>
    servers.map((server) => {
      const asked = { pods, ...server };
      return { ...asked, jitterMs: shortestMs(measurement, own, asked) };
    }),
  );
}

type Asked = Omit<Advice, 'jitterMs'>;

/** @returns 0: none was given */
export function advisedMs(advice: readonly Advice[], { pods, cores, quota }: Asked): number {
  const found = advice.find((one) => one.pods === pods && one.cores === cores && one.quota === quota);
  return found?.jitterMs ?? 0;
}

/** The shortest that suffices, of those that people would write. @returns the longest, if none does */
function shortestMs(measurement: Measurement, own: string, { pods, cores, quota }: Asked): number {
  const parts = partsOf(measurement, own, true);
  const client = simClientOf(own, { http2: true, jitterMs: 0 });
  const { served, serverCpuMs } = simulate({ ...ALONE, ...parts, client });
  // What all of them need at least: with a second less, whoever comes last waits for that second.
  const workS = pods * Math.max(serverCpuMs / 1000 / cores, served / (quota ?? Infinity));
  let enough = CHOICES_S.at(-1) ?? 0;
  // Downwards, because a herd that is too dense takes long to simulate.
  for (const seconds of CHOICES_S.toReversed()) {
    if (workS > seconds + 1) break;
    const outcome = simulate({
      ...parts,
      pods,
      arrivals: { kind: 'at once' },
      client: simClientOf(own, { http2: true, jitterMs: seconds * 1000 }),
      cores,
      quota,
      roundTripMs: ROUND_TRIP_MS,
      seed: SEED,
    });
    if (!isQuiet(outcome)) break;
    enough = seconds;
  }
  return enough * 1000;
}

function isQuiet({ answerMs, served, rejected, restarts }: SimOutcome): boolean {
  return (
    restarts === 0 &&
    reachedBy(answerMs, 0.99) <= ANSWER_WITHIN_MS &&
    rejected <= MOST_REJECTED * (served + rejected)
  );
}
