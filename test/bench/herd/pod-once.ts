import { GIVE_BACK_LIMIT_MS } from '../../../src/host/shutdown-budget.ts';
import { concurrencyOf } from '../../../src/http/wire.ts';
import { createPace, type Pace } from '../../../src/vault/pace.ts';
import type { Attempt, VaultRequest } from '../../../src/vault/request.ts';
import { delayAfter, isRateLimited, retryReason, type Try } from '../../../src/vault/retry.ts';
import { answerOf } from '../../../src/vault/vault-answer.ts';
import type { PodContext, PodRun } from './pod.ts';
import type { Operation } from './sim-server.ts';
import { allOf, resultOf, sleep, within, type Process } from './virtual-time.ts';

export interface OnceSettings {
  readonly http2: boolean;
  readonly jitterMs: number;
  readonly timeoutMs: number;
}

/** As config/server-settings.ts has it. */
const CLIENT_TIMEOUT_SHARE = 1 / 2;
/** As session.ts has it for the revocation. */
const GIVE_BACK_SHARE = 1 / 2;

const REQUEST: VaultRequest = {
  method: 'GET',
  path: 'secret/data/app',
  namespace: undefined,
  token: undefined,
  mints: false,
};

const TOO_MANY = meaningOf({
  kind: 'response',
  status: 429,
  body: { errors: ['request path "secret/data/app": rate limit quota exceeded'] },
  isCut: false,
  isTooDeep: false,
  contentType: 'application/json',
  plainText: undefined,
  retryAfterMs: undefined,
  date: undefined,
  location: undefined,
});

const HUNG = meaningOf({
  kind: 'connection_failure',
  code: 'TIMEOUT',
  ambiguous: true,
  permanent: false,
  message: 'no answer',
  hint: undefined,
});

function meaningOf(result: Attempt): Pick<Try, 'result' | 'outcome'> {
  return { result, outcome: answerOf(result, REQUEST, '') };
}

/** A run of this program: one login, the mounts, all reads at once, the token revoked. It retries as the real one, by the same code. */
export function runOnce({ http2, jitterMs, timeoutMs }: OnceSettings): PodRun {
  return function* (pod) {
    const { time, server, random, secrets, cost, compute } = pod;
    const endMs = time.now() + timeoutMs;
    const remainingMs = (): number => endMs - time.now();
    const pace = createPace(undefined, () => time.now());
    const send = (operation: Operation, leftMs = remainingMs): Process<boolean> =>
      sendOne(operation, pod, pace, timeoutMs * CLIENT_TIMEOUT_SHARE, leftMs);

    yield compute(cost.cpuMs / 2);
    yield sleep(time, cost.idleMs + random() * jitterMs);
    yield server.connect();
    if (!(yield* send('login'))) return false;
    if (!(yield* send('mounts'))) return false;
    const lanes = Math.min(secrets, concurrencyOf(undefined, http2));
    let begun = 0;
    const lane = function* (index: number): Process<boolean> {
      // The connection of the login carries the first of them, or all.
      if (!http2 && index > 0) yield server.connect();
      while (begun < secrets) {
        begun += 1;
        if (!(yield* send('read'))) return false;
      }
      return true;
    };
    const reading = Array.from({ length: lanes }, (_, index) => lane(index));
    const isRead = yield* resultOf(allOf(time, reading));
    const giveBackEndMs = time.now() + Math.min(GIVE_BACK_LIMIT_MS, remainingMs() * GIVE_BACK_SHARE);
    // Whatever comes of it: the run is complete without it.
    yield* send('revoke', () => giveBackEndMs - time.now());
    yield compute(cost.cpuMs / 2);
    return isRead.every(Boolean) && remainingMs() > 0;
  };
}

/** One request, with its retries. @returns false: it was given up */
function* sendOne(
  operation: Operation,
  { time, server, random, address }: PodContext,
  pace: Pace,
  clientTimeoutMs: number,
  leftMs: () => number,
): Process<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    if (pace.pausedMs() >= Math.max(leftMs(), 0)) return false;
    // Timers have whole milliseconds.
    while (pace.pausedMs() > 0) yield sleep(time, Math.ceil(pace.pausedMs()));
    const startMs = time.now();
    const limitMs = Math.min(clientTimeoutMs, leftMs());
    if (limitMs <= 0) return false;
    const status = yield* resultOf(within(time, limitMs, server.request(operation, address)));
    if (status === 200) return true;
    const { result, outcome } = status === 429 ? TOO_MANY : HUNG;
    const reason = retryReason(result, outcome, REQUEST, attempt);
    const tried = { result, outcome, tookMs: time.now() - startMs, retryReason: reason };
    const delay = reason === undefined ? undefined : delayAfter(tried, attempt, { random }, leftMs());
    if (delay === undefined) return false;
    if (isRateLimited(result)) pace.pause(delay);
    yield sleep(time, delay);
  }
}
