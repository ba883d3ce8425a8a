import type { PodContext, PodRun } from './pod.ts';
import type { Operation } from './sim-server.ts';
import { allOf, resultOf, sleep, within, type Process } from './virtual-time.ts';

/** command/agentproxyshared/auth/auth.go of OpenBao: twice as long after each failure, less up to a quarter of it. */
const LOGIN_BACKOFF = { firstMs: 1000, mostMs: 300_000, trim: 1 / 4 };
/** api/client.go: 2 retries after 1 to 1.5 s each, times the number of the try; a 429 is among what is retried. */
const API_RETRIES = { most: 2, leastMs: 1000, mostMs: 1500 };
const API_TIMEOUT_MS = 60_000;
/** command/template/config/retry.go: above that, without chance. */
const TEMPLATE_BACKOFF = { firstMs: 250, mostMs: 60_000 };

/**
 * A run of the agent with `exit_after_auth`: a login by a client without retries, a renewal beside, and for each secret a look-up of its
 * mount and a read, over a connection of its own.
 */
export const runAgent: PodRun = function* (pod) {
  const { time, server, random, secrets, cost, compute, address } = pod;
  yield compute(cost.cpuMs / 2);
  yield sleep(time, cost.idleMs);
  yield server.connect();
  for (let backoffMs = LOGIN_BACKOFF.firstMs; ;) {
    if (yield* tryOnce('login', pod)) break;
    yield sleep(time, backoffMs);
    const nextMs = Math.min(2 * backoffMs, LOGIN_BACKOFF.mostMs);
    backoffMs = nextMs - random() * nextMs * LOGIN_BACKOFF.trim;
  }
  server.request('renew', address)(() => undefined);
  yield allOf(
    time,
    Array.from({ length: secrets }, () => fetchForTemplate(pod)),
  );
  yield compute(cost.cpuMs / 2);
  return true;
};

function* fetchForTemplate(pod: PodContext): Process<void> {
  const { time, server } = pod;
  yield server.connect();
  // Without an answer it takes the path as it stands, and does not ask again.
  yield* ask('mount', pod);
  for (let backoffMs = TEMPLATE_BACKOFF.firstMs; !(yield* ask('read', pod));) {
    yield sleep(time, backoffMs);
    backoffMs = Math.min(2 * backoffMs, TEMPLATE_BACKOFF.mostMs);
  }
}

function* ask(operation: Operation, pod: PodContext): Process<boolean> {
  const { time, random } = pod;
  for (let tries = 1; tries <= API_RETRIES.most + 1; tries += 1) {
    if (yield* tryOnce(operation, pod)) return true;
    if (tries > API_RETRIES.most) break;
    yield sleep(time, (API_RETRIES.leastMs + random() * (API_RETRIES.mostMs - API_RETRIES.leastMs)) * tries);
  }
  return false;
}

function* tryOnce(operation: Operation, { time, server, address }: PodContext): Process<boolean> {
  const answer = within(time, API_TIMEOUT_MS, server.request(operation, address));
  return (yield* resultOf(answer)) === 200;
}
