import { restartDelayMs } from './restart.ts';
import { startsOf, type Arrivals } from './arrivals.ts';
import { createCores } from './cores.ts';
import { runAgent } from './pod-agent.ts';
import { runOnce, type OnceSettings } from './pod-once.ts';
import type { ClientCost, PodContext, PodRun } from './pod.ts';
import { seededRandom } from './random.ts';
import { createSimServer, type ServiceTimes } from './sim-server.ts';
import { createVirtualTime, sleep, type Process, type Start } from './virtual-time.ts';
import { createQuota } from './window-quota.ts';

export interface Herd {
  readonly pods: number;
  readonly secrets: number;
  readonly arrivals: Arrivals;
  readonly client: ({ readonly kind: 'once' } & OnceSettings) | { readonly kind: 'agent' };
  readonly cost: ClientCost;
  readonly serviceMs: ServiceTimes;
  readonly cores: number;
  /** The part of each core that other programs leave. */
  readonly speed?: number;
  /** Whether the clients compute on the server's cores, too; else each has a machine of its own. */
  readonly sharesCores?: boolean;
  readonly roundTripMs: number;
  /** Requests in a second from each client address; undefined: any number. */
  readonly quota?: number | undefined;
  /** How many client addresses the pods have, as the server sees them. */
  readonly addresses?: number;
  readonly seed: number;
}

export interface SimOutcome {
  /** When each pod that became ready did, since the first one started; sorted. */
  readonly readyMs: readonly number[];
  readonly served: number;
  readonly rejected: number;
  /** Runs that failed and were started again. */
  readonly restarts: number;
  readonly serverCpuMs: number;
  /** How long each answer took, sorted. */
  readonly answerMs: readonly number[];
}

/** A herd that is not ready by then never is. */
const LONGEST_MS = 4 * 3600 * 1000;

/** Pure: the same herd has the same outcome. */
export function simulate(herd: Herd): SimOutcome {
  const time = createVirtualTime();
  const random = seededRandom(herd.seed);
  const cores = createCores(time, herd.cores, herd.speed);
  const letsThrough = createQuota(herd.quota, () => time.now());
  const { serviceMs, roundTripMs } = herd;
  const server = createSimServer(time, { serviceMs, roundTripMs, cores, letsThrough });
  const run = runOf(herd);
  let clientCpuMs = 0;
  const compute = herd.sharesCores === true ? computeOnCores : (ms: number) => sleep(time, ms);
  const readyMs: number[] = [];
  let restarts = 0;

  const life = function* (pod: PodContext): Process<void> {
    for (let failures = 1; !(yield* run(pod)); failures += 1) {
      restarts += 1;
      yield sleep(time, restartDelayMs(failures));
    }
    readyMs.push(time.now());
  };
  function computeOnCores(ms: number): Start<void> {
    clientCpuMs += ms;
    return cores.work(ms);
  }
  const starts = startsOf(herd.arrivals, herd.pods, random);
  const waiting = starts.flatMap((startMs, pod) => (startMs === undefined ? [pod] : []));
  const start = (index: number): void => {
    const address = index % (herd.addresses ?? 1);
    const pod = { time, server, random, address, secrets: herd.secrets, cost: herd.cost, compute };
    time.begin(life(pod), () => {
      const next = waiting.shift();
      if (next !== undefined) start(next);
    });
  };
  for (const [index, startMs] of starts.entries()) {
    if (startMs === undefined) continue;
    time.after(startMs, () => {
      start(index);
    });
  }
  time.run(LONGEST_MS);
  return {
    readyMs,
    served: server.served(),
    rejected: server.rejected(),
    restarts,
    serverCpuMs: cores.doneMs() - clientCpuMs,
    answerMs: server.answerMs.toSorted((a, b) => a - b),
  };
}

function runOf({ client }: Herd): PodRun {
  switch (client.kind) {
    case 'once':
      return runOnce(client);
    case 'agent':
      return runAgent;
  }
}

/** @param sorted @param share of them, in (0, 1] @returns the value that so many do not exceed; NaN: fewer have one */
export function reachedBy(sorted: readonly number[], share: number, of = sorted.length): number {
  return sorted[Math.ceil(share * of) - 1] ?? NaN;
}
