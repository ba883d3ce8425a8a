import { fetchMountTables } from './fetch/mount-tables.ts';
import { outcomeOf } from './fetch/outcome.ts';
import { resolveReads, type PlannedRead } from './fetch/resolve.ts';
import type { Failure } from './errors.ts';
import type { Io } from './io.ts';
import type { SecretPlan } from './plan.ts';
import type { FetchedSecret, Secrets } from './secrets.ts';
import type { Session } from './session.ts';
import type { Sender } from './vault/sender.ts';

/** What could be fetched, and everything that could not. */
export interface Fetched {
  readonly secrets: Secrets;
  readonly failures: readonly Failure[];
}

/**
 * Fetches all declared secrets in parallel: at most one mount look-up in each namespace, one request for each distinct
 * secret. Failures are collected, so that all of them can be told at once.
 * @param concurrency requests under way at once
 * @throws RunError when the mounts cannot be had, and when the run is ended
 */
export async function fetchSecrets(
  plans: readonly SecretPlan[],
  session: Session,
  sender: Sender,
  concurrency: number,
  io: Io,
): Promise<Fetched> {
  io.log.progress(`${String(plans.length)} secrets`);
  const namespaces = new Set(plans.filter((plan) => plan.needsMountTable).map((plan) => plan.namespace));
  const tables = await fetchMountTables(namespaces, session.token, sender);
  const { reads, failures: unresolved } = resolveReads(plans, tables, session.token);
  const failures = [...unresolved];
  const fetched = new Map<string, FetchedSecret>(plans.map(({ name }) => [name, { kind: 'failed', name }]));
  let done = 0;

  await inParallel(reads, concurrency, async (read) => {
    // Once the run is lost, waiting for a retry only delays the bad news.
    const answer = await sender.send(read.request, { worthRetrying: () => failures.length === 0 });
    const outcome = outcomeOf(read, answer);
    failures.push(...outcome.failures);
    for (const secret of outcome.fetched) fetched.set(secret.name, secret);
    done += read.secrets.length;
    io.log.progress(`${String(done)} of ${String(plans.length)} secrets`);
    logRead(read, answer, outcome.fetched, io);
  });
  return { secrets: fetched, failures: inDeclaredOrder(failures, plans) };
}

/** Works through a list with a bounded number of tasks under way; the first rejection is passed on. */
async function inParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}

/** Answers come in any order; people read in the order of their config. */
function inDeclaredOrder(failures: readonly Failure[], plans: readonly SecretPlan[]): Failure[] {
  const position = ({ where = '' }: Failure): number =>
    plans.findIndex((plan) => where.startsWith(plan.where));
  return [...failures].sort((a, b) => position(a) - position(b));
}

function logRead(
  read: PlannedRead,
  answer: Awaited<ReturnType<Sender['send']>>,
  fetched: readonly FetchedSecret[],
  io: Io,
): void {
  const { path } = read.request;
  const warnings = answer.kind === 'answer' ? answer.warnings : [];
  if (warnings.length > 0) io.log.write({ event: 'server_warning', path, warnings });
  const found = fetched.filter(({ kind }) => kind === 'found').map(({ name }) => name);
  if (found.length > 0) io.log.write({ event: 'secret_fetched', path, names: found });
  for (const { kind, name } of fetched)
    if (kind === 'absent') io.log.write({ event: 'secret_absent', name, path });
}
