import { RunError, throwIfAny, type Failure } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { Config } from '../config/config.ts';
import { ENGINES } from '../engines/index.ts';
import { dataTakenAt, dataTakenBy } from '../engines/takes-data.ts';
import { needsOf, type Need } from '../fetch/capabilities.ts';
import { fetchMountTables } from '../fetch/mount-tables.ts';
import { resolveReads, type PlannedRead } from '../fetch/planned-reads.ts';
import { hiddenMountHint, refusalOf } from '../fetch/read-refusal.ts';
import type { Log } from '../host/log.ts';
import type { Scope } from '../host/scope.ts';
import type { Plan } from '../plan/plan.ts';
import { withOneUse } from '../session/one-use.ts';
import type { Session } from '../session/session.ts';
import { readCapabilities } from '../vault/responses.ts';
import type { Sender } from '../vault/sender.ts';
import { openAccess } from './access.ts';

/** A request that a run would make, a path that it needs, and the capabilities of the token there. */
export interface InspectedRead {
  readonly read: PlannedRead;
  readonly need: Need;
  readonly capabilities: readonly string[];
}

/**
 * Logs in and determines which requests a run would make, without making them; gives the token back.
 * @throws RunError
 */
export async function inspectReads(
  config: Config,
  plan: Plan,
  scope: Scope,
): Promise<readonly PlannedRead[]> {
  return withAccess(config, scope, (session, sender) => readsOf(plan, session, sender, scope.log));
}

/**
 * The same, with the capabilities of the token at each path: one request for each namespace.
 * @throws RunError
 */
export async function inspectCapabilities(
  config: Config,
  plan: Plan,
  scope: Scope,
): Promise<readonly InspectedRead[]> {
  return withAccess(config, scope, async (session, sender) => {
    const reads = await readsOf(plan, session, sender, scope.log);
    const inspected: InspectedRead[] = [];
    for (const [namespace, some] of Map.groupBy(reads, ({ request }) => request.namespace)) {
      const needs = some.flatMap((read) => needsOf(read).map((need) => ({ read, need })));
      const paths = [...new Set(needs.map(({ need }) => need.path))];
      const capabilities = await askCapabilities(paths, namespace, session, sender);
      for (const one of needs)
        inspected.push({ ...one, capabilities: capabilities.get(one.need.path) ?? [] });
    }
    return inspected;
  });
}

async function withAccess<T>(
  config: Config,
  whole: Scope,
  work: (session: Session, sender: Sender) => Promise<T>,
): Promise<T> {
  const { startedAtMs } = whole;
  using scope = whole.child({ timeoutMs: config.timeoutMs, startedAtMs });
  await using access = await openAccess(config, scope);
  return await work(access.session, access.sender);
}

async function readsOf(
  { secrets }: Plan,
  session: Session,
  sender: Sender,
  log: Log,
): Promise<readonly PlannedRead[]> {
  const unknown = secrets.filter(({ needsMountTable }) => needsMountTable);
  const namespaces = new Set(unknown.map(({ namespace }) => namespace));
  const tables = await fetchMountTables(namespaces, session, sender);
  const { reads, failures } = resolveReads(secrets, tables, session);
  const hidden = reads.filter(({ mountKnown }) => !mountKnown).map(hiddenMount);
  throwIfAny([...failures, ...(await withOneUse(hidden, session, sender)), ...reads.flatMap(withoutData)]);
  warnOfGuessedData(reads, log);
  return reads;
}

/** Without its mount, the path at which a secret is read is unknown. */
function hiddenMount({ request, secrets, extent }: PlannedRead): Failure {
  return {
    kind: 'denied',
    message: `the server lists no mount for ${request.path} to this token`,
    where: secrets.map(({ where }) => where).join(', '),
    hint: hiddenMountHint(request.path, extent === 'secret' ? 'read' : 'list'),
  };
}

/** The mount's type is known: a read would be answered with 405. */
function withoutData({ request, secrets, mount, mountType, extent }: PlannedRead): Failure[] {
  if (request.method !== 'GET' || extent !== 'secret' || mount === undefined) return [];
  const data = dataTakenBy(mountType ?? '', request.path.slice(mount.length));
  if (data === undefined) return [];
  return [
    {
      kind: 'config',
      message: `${request.path} cannot be read: this endpoint of ${mountType ?? ''} takes data`,
      where: secrets.map(({ where }) => where).join(', '),
      hint: `add \`write: { ${data} }\` to the secret`,
    },
  ];
}

/** Where only the name of the mount suggests its type. */
export function warnOfGuessedData(reads: readonly PlannedRead[], log: Log): void {
  for (const { request, secrets, engine, mountType, extent } of reads) {
    const data = dataTakenAt(request.path);
    const isGuess = engine === ENGINES.raw && mountType === undefined;
    if (request.method !== 'GET' || extent !== 'secret' || !isGuess || data === undefined) continue;
    const names = secrets.map(({ name }) => name);
    log.write({ event: 'write_missing', path: request.path, names, data });
  }
}

/** https://openbao.org/api-docs/system/capabilities-self/ */
async function askCapabilities(
  paths: readonly string[],
  namespace: string | undefined,
  session: Session,
  sender: Sender,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const path = 'sys/capabilities-self';
  const body = new Secret(JSON.stringify({ paths }));
  const { token, source } = session;
  const answer = await sender.send({ method: 'POST', path, namespace, token, body, mints: false });
  if (answer.kind === 'unavailable') throw new RunError([answer.failure]);
  if (answer.status < 300) return readCapabilities(answer.body);
  const refusal = refusalOf(answer, { path, namespace, where: undefined, source, capability: 'update' });
  throw new RunError(await withOneUse([refusal], session, sender));
}
