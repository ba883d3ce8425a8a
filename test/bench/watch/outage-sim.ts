import { createOutage } from '../../../src/watch/outage.ts';
import { nextOf } from '../../../src/watch/due-times.ts';
import { answerOf } from '../../../src/vault/vault-answer.ts';
import type { Attempt, VaultRequest } from '../../../src/vault/request.ts';
import { delayAfter, retryReason } from '../../../src/vault/retry.ts';
import { seededRandom } from '../herd/random.ts';
import { createVirtualTime, sleep, type Process } from '../herd/virtual-time.ts';

/** Instances of `watch` that lose their server at the same moment. */
export interface CutOff {
  readonly instances: number;
  readonly outageS: number;
  readonly seed: number;
}

export interface Recovery {
  /** When each instance that had noticed has its first answer, in seconds since the end of the outage; sorted. */
  readonly backS: readonly number[];
  /** Requests without an answer, of each instance in the mean, in each minute that it was cut off and knew it. */
  readonly triesPerMinute: number;
}

/** The defaults of a config. */
const TIMEOUT_MS = 60_000;
const HABITS = { refreshS: 300, ownRefreshS: undefined, rotateAt: 0.8 };
const STORED = {
  remainingS: Infinity,
  wholeS: Infinity,
  isRenewable: false,
  isStored: true,
  isWritten: false,
  isChangedByServer: false,
};

const REQUEST: VaultRequest = {
  method: 'GET',
  path: 'sys/internal/ui/mounts',
  namespace: undefined,
  token: undefined,
  mints: false,
};
const REFUSED: Attempt = {
  kind: 'connection_failure',
  code: 'ECONNREFUSED',
  ambiguous: false,
  permanent: false,
  message: 'connection refused',
  hint: undefined,
};
const OUTCOME = answerOf(REFUSED, REQUEST, '');

/** By the program's own times and retries, in virtual time. Its clock begins with the outage. */
export function recover({ instances, outageS, seed }: CutOff): Recovery {
  const time = createVirtualTime();
  const random = seededRandom(seed);
  const clock = { now: () => time.now() / 1000, takeJump: () => 0 };
  const isUp = (): boolean => clock.now() >= outageS;
  const backS: number[] = [];
  let tries = 0;
  let awayS = 0;

  /** The piece of work that notices it: with retries, as long as it may take. @returns whether there was an answer */
  const firstTry = function* (): Process<boolean> {
    const endMs = time.now() + TIMEOUT_MS;
    for (let attempt = 1; !isUp(); attempt += 1) {
      tries += 1;
      const reason = retryReason(REFUSED, OUTCOME, REQUEST, attempt);
      const tried = { result: REFUSED, outcome: OUTCOME, tookMs: 1, retryReason: reason };
      const delay = delayAfter(tried, attempt, { random }, endMs - time.now());
      if (delay === undefined) return false;
      yield sleep(time, delay);
    }
    return true;
  };
  const instance = function* (): Process<void> {
    // Some time ago it has read KV.
    yield sleep(time, nextOf(STORED, HABITS, random()).inS * 1000 * random());
    if (isUp()) return;
    const noticedS = clock.now();
    const outage = createOutage(clock, random);
    if (!(yield* firstTry()))
      for (;;) {
        yield sleep(time, (outage.failed() - clock.now()) * 1000);
        if (isUp()) break;
        tries += 1;
      }
    awayS += outageS - noticedS;
    backS.push(clock.now() - outageS);
  };
  for (let count = 0; count < instances; count += 1) time.begin(instance());
  time.run();
  return { backS: backS.sort((a, b) => a - b), triesPerMinute: tries / (awayS / 60) };
}

/** How many came back in each stretch of so many seconds. */
export function curveOf({ backS }: Recovery, stretchS: number): readonly number[] {
  const stretches = Math.ceil(((backS.at(-1) ?? 0) + 1e-9) / stretchS);
  const counts = Array.from({ length: Math.max(1, stretches) }, () => 0);
  for (const atS of backS) {
    const index = Math.min(counts.length - 1, Math.floor(atS / stretchS));
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}
