import { inDeclaredOrder, type Failure } from '../base/errors.ts';
import type { FetchedSecret, Secrets } from '../base/secret-data.ts';
import type { Scope } from '../host/scope.ts';
import type { SecretPlan } from '../plan/plan.ts';
import { withOneUse } from '../session/one-use.ts';
import type { Session } from '../session/session.ts';
import type { Sender } from '../vault/sender.ts';
import { allOf } from './all-of.ts';
import { fetchMountTables } from './mount-tables.ts';
import { resolveReads, type PlannedRead } from './planned-reads.ts';
import { missing, outcomeOf, type ReadOutcome } from './read-outcome.ts';
import { createReader, type Reader, type ReaderParts } from './reader.ts';
import { listTree, readTree, type ListedTree } from './tree.ts';
import { checkUses } from './uses.ts';

/** The fetched secrets, and every failure. */
export interface Fetched {
  readonly secrets: Secrets;
  readonly failures: readonly Failure[];
}

/** What fetching needs of a run. */
export type FetchParts = Omit<ReaderParts, 'worthRetrying'>;

/**
 * Fetches all declared secrets in parallel: at most one mount look-up in each namespace, one request for each distinct
 * secret. Trees are listed first, so that nothing is read before their size is known. Failures are collected, so that all
 * of them are reported at once.
 * @throws RunError when the mount table cannot be read, when the token has too few uses, and when the run is ended
 */
export async function fetchSecrets(
  plans: readonly SecretPlan[],
  parts: FetchParts,
  scope: Scope,
): Promise<Fetched> {
  const { session, sender } = parts;
  scope.log.progress(`${String(plans.length)} secrets`);
  const collected = collect(plans, scope);
  const reader = createReader({ ...parts, worthRetrying: () => collected.failures.length === 0 }, scope);
  const unknown = plans.filter(({ needsMountTable }) => needsMountTable);
  const namespaces = new Set(unknown.map(({ namespace }) => namespace));
  const mountTables = fetchMountTables(namespaces, session, sender, parts.mountTables);
  if (unknown.length > 0) readEarly(plans, session, reader);
  const { reads, failures: unresolved } = resolveReads(plans, await mountTables, session);
  collected.failures.push(...unresolved);
  checkUses(session, reader.countNew(reads.map(({ request }) => request)));
  const trees = await listTrees(reads, reader, collected);
  const singles = reads.filter(({ extent }) => extent !== 'tree');
  const leaves = trees.flatMap(({ leaves: some }) => some.map(({ read }) => read));
  const requests = [...singles, ...leaves].map(({ request }) => request);
  checkUses(session, reader.sent + reader.countNew(requests));

  const tokenTtl = session.lease_duration || undefined;
  await allOf([
    ...singles.map(async (read) => {
      const answer = await reader.read(read.request);
      const outcome = outcomeOf(read, answer, { now: Date.now() / 1000, tokenTtl });
      collected.add(outcome);
      logRead(read, answer, outcome.fetched, scope);
    }),
    ...trees.map(async (tree) => {
      const [secret] = tree.read.secrets;
      if (secret !== undefined) collected.add(await readTree(tree, secret, reader));
    }),
  ]);
  (parts.afterwards ?? scope).throwIfEnded();
  if (session.num_uses !== undefined && reader.sent >= session.num_uses) {
    session.keepAlive('it ended with its last use');
  }
  // Answers arrive in any order.
  const inOrder = inDeclaredOrder(
    collected.failures,
    plans.map(({ where }) => where),
  );
  const failures = await withOneUse(inOrder, session, sender);
  return { secrets: collected.secrets, failures };
}

/**
 * Reads what needs no mount table while the table is on its way; later reads of the same requests share the answers. A
 * request that may mint waits until every secret is known to be readable, and so does everything if the token's uses are
 * limited.
 */
function readEarly(plans: readonly SecretPlan[], session: Session, reader: Reader): void {
  if (session.num_uses !== undefined) return;
  const declared = plans.filter(({ needsMountTable }) => !needsMountTable);
  const { reads } = resolveReads(declared, new Map(), session);
  for (const { request, extent } of reads) {
    if (request.mints || extent === 'tree') continue;
    // A rejection is reported to the later reads, if the run gets that far.
    reader.read(request).catch(() => undefined);
  }
}

interface Collected {
  readonly secrets: Map<string, FetchedSecret>;
  readonly failures: Failure[];
  add(outcome: ReadOutcome): void;
}

function collect(plans: readonly SecretPlan[], scope: Scope): Collected {
  const secrets = new Map<string, FetchedSecret>(plans.map(({ name }) => [name, { kind: 'failed', name }]));
  const failures: Failure[] = [];
  let done = 0;
  return {
    secrets,
    failures,
    add(outcome) {
      failures.push(...outcome.failures);
      for (const secret of outcome.fetched) secrets.set(secret.name, secret);
      done += outcome.fetched.length;
      scope.log.progress(`${String(done)} of ${String(plans.length)} secrets`);
    },
  };
}

/** Lists the trees among the reads; failed and missing ones are collected as such. */
async function listTrees(
  reads: readonly PlannedRead[],
  reader: Reader,
  collected: Collected,
): Promise<readonly ListedTree[]> {
  const trees: ListedTree[] = [];
  await allOf(
    reads.map(async (read) => {
      const [secret] = read.secrets;
      if (read.extent !== 'tree' || secret === undefined) return;
      const listing = await listTree(read, secret, reader);
      if (listing.kind === 'listed') trees.push(listing.tree);
      else if (listing.kind === 'missing') collected.add(missing(read, listing));
      else collected.add({ fetched: [{ kind: 'failed', name: secret.name }], failures: listing.failures });
    }),
  );
  return trees;
}

function logRead(
  read: PlannedRead,
  answer: Awaited<ReturnType<Sender['send']>>,
  fetched: readonly FetchedSecret[],
  scope: Scope,
): void {
  const { path } = read.request;
  const warnings = answer.kind === 'answer' ? answer.warnings : [];
  if (warnings.length > 0) scope.log.write({ event: 'server_warning', path, warnings });
  const found = fetched.filter(({ kind }) => kind === 'found').map(({ name }) => name);
  if (found.length > 0) scope.log.write({ event: 'secret_fetched', path, names: found });
  for (const { kind, name } of fetched)
    if (kind === 'absent') scope.log.write({ event: 'secret_absent', name, path });
}
