import { prepareLogin } from '../session/prepare.ts';
import { needsOf, type Need } from '../fetch/capabilities.ts';
import type { Config } from '../config/config.ts';
import { RunError, throwIfAny, type Failure } from '../base/errors.ts';
import { fetchMountTables } from '../fetch/mount-tables.ts';
import { refusalOf } from '../fetch/read-refusal.ts';
import { resolveReads, type PlannedRead } from '../fetch/planned-reads.ts';
import type { Io } from '../host/io.ts';
import { openWire } from '../http/open.ts';
import type { Plan } from '../plan/plan.ts';
import { Secret } from '../base/secret.ts';
import { openSession, type Session } from '../session/session.ts';
import { createClient } from '../vault/client.ts';
import { readCapabilities } from '../vault/responses.ts';
import { createSender, type Sender } from '../vault/sender.ts';

/** A request that a run would make, and what the token may do at a path that it needs. */
export interface InspectedRead {
  readonly read: PlannedRead;
  readonly need: Need;
  readonly capabilities: readonly string[];
}

/**
 * Logs in and finds out which requests a run would make, without making them; the token is given back.
 * @throws RunError
 */
export async function inspectReads(config: Config, plan: Plan, io: Io): Promise<readonly PlannedRead[]> {
  return withSession(config, io, (session, sender) => readsOf(plan, session, sender));
}

/**
 * The same, and asks what the token may do at each path: one request for each namespace.
 * @throws RunError
 */
export async function inspectCapabilities(
  config: Config,
  plan: Plan,
  io: Io,
): Promise<readonly InspectedRead[]> {
  return withSession(config, io, async (session, sender) => {
    const reads = await readsOf(plan, session, sender);
    const inspected: InspectedRead[] = [];
    for (const [namespace, some] of Map.groupBy(reads, ({ request }) => request.namespace)) {
      const needs = some.flatMap((read) => needsOf(read).map((need) => ({ read, need })));
      const paths = [...new Set(needs.map(({ need }) => need.path))];
      const capabilities = await askCapabilities(paths, namespace, session.token, sender);
      for (const one of needs)
        inspected.push({ ...one, capabilities: capabilities.get(one.need.path) ?? [] });
    }
    return inspected;
  });
}

async function withSession<T>(
  config: Config,
  io: Io,
  work: (session: Session, sender: Sender) => Promise<T>,
): Promise<T> {
  io.lifetime.limit(config.timeoutMs);
  const login = await prepareLogin(config, io);
  const wire = await openWire(login.server, config.concurrency, io);
  using client = createClient(login.server, wire, io);
  const sender = createSender(client, config.server, io);
  await using session = await openSession(login, config.revoke, sender, io);
  return await work(session, sender);
}

async function readsOf({ secrets }: Plan, session: Session, sender: Sender): Promise<readonly PlannedRead[]> {
  const unknown = secrets.filter(({ needsMountTable }) => needsMountTable);
  const namespaces = new Set(unknown.map(({ namespace }) => namespace));
  const tables = await fetchMountTables(namespaces, session, sender);
  const { reads, failures } = resolveReads(secrets, tables, session.token);
  throwIfAny([...failures, ...reads.filter(({ mountKnown }) => !mountKnown).map(hiddenMount)]);
  return reads;
}

/** Without its mount nobody can say which path a secret is read at. */
function hiddenMount({ request, secrets }: PlannedRead): Failure {
  return {
    kind: 'denied',
    message: `the server lists no mount for ${request.path} to this token`,
    where: secrets.map(({ where }) => where).join(', '),
    hint: 'the token may do nothing there, or nothing is mounted; declare `engine:` to leave the mounts alone',
  };
}

/** https://openbao.org/api-docs/system/capabilities-self/ */
async function askCapabilities(
  paths: readonly string[],
  namespace: string | undefined,
  token: Secret,
  sender: Sender,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const path = 'sys/capabilities-self';
  const body = new Secret(JSON.stringify({ paths }));
  const answer = await sender.send({ method: 'POST', path, namespace, token, body, mints: false });
  if (answer.kind === 'unavailable') throw new RunError([answer.failure]);
  if (answer.status < 300) return readCapabilities(answer.body);
  throw new RunError([refusalOf(answer, { path, namespace, where: undefined, capability: 'update' })]);
}
