import { tokenOutputsOf, type TokenOutput } from '../plan/token-outputs.ts';
import { resolveValues, type Value } from '../render/found-values.ts';
import { prepareLogin } from '../session/prepare.ts';
import type { Config } from '../config/config.ts';
import { RunError, throwIfAny } from '../base/errors.ts';
import { fetchSecrets, type Fetched } from '../fetch/fetch.ts';
import type { Io } from '../host/io.ts';
import type { Cluster } from '../publish/cluster/cluster.ts';
import { isSecretOutput } from '../plan/cluster-outputs.ts';
import type { PlacedOutput, RenderedOutput } from '../plan/outputs.ts';
import type { Plan } from '../plan/plan.ts';
import { publish } from '../publish/publish.ts';
import { renderOutputs } from '../render/render-outputs.ts';
import { timed, type RunRecord } from '../report/report.ts';
import { findReusable, nothingReused, type Reuse } from '../reuse/reuse.ts';
import type { Secrets } from '../base/secret-data.ts';
import { holdLeases, type Leases } from '../session/leases.ts';
import { openSession } from '../session/session.ts';
import { fixtureTokens, prepareTokens, type OutputTokens } from '../session/tokens-for-outputs.ts';
import { turnsToSend } from '../base/turns.ts';
import { createClient } from '../vault/client.ts';
import { sleep } from '../http/delay.ts';
import type { Http2Sessions } from '../http/http2-sessions.ts';
import { createSender } from '../vault/sender.ts';
import { checkTargets } from '../publish/files/write.ts';

/**
 * A run: log in once, fetch, render, write all or nothing, give the token back. What an earlier run has left that is still
 * good is kept; if that is all, nobody is asked for anything.
 * @param ahead a connection that was begun while the config was still looked at
 * @returns the single values that the plan asks for
 * @throws RunError with every failure of the stage that failed; the outputs are then as they were before
 */
export async function run(
  config: Config,
  plan: Plan,
  record: RunRecord,
  io: Io,
  ahead?: Http2Sessions,
): Promise<readonly Value[]> {
  const reuse = findReusable(config, plan, Date.now() / 1000);
  record.reused = reuse.secrets;
  if (reuse.isAll) return runOffline(new Map(), reuse, record, io);
  const login = await prepareLogin(config, io);
  checkTargets(filesOf(plan), plan.managed);
  const cluster = await clusterOf(plan, io);
  const connections = { most: config.concurrency, expected: reuse.rest.secrets.length };
  using client = await createClient(login.server, connections, io, ahead);
  record.wire = client.counters;
  const sender = createSender(client, config.server, io);

  await waitForStart(config.startupJitterMs, io);
  await using session = await timed(record, 'login', io, () => openSession(login, config.revoke, sender, io));
  record.session = session;
  await using leases = holdLeases(session, sender, io);
  const parts = { session, sender, leases };
  const fetched = await timed(record, 'fetch', io, () => fetchSecrets(reuse.rest.secrets, parts, io));
  record.secrets = fetched.secrets;
  const tokenOutputs = fetched.failures.length > 0 ? [] : tokenOutputsOf(plan.outputs);
  const tokens = await prepareTokens(tokenOutputs, session, sender);
  const kept = reasonToKeep(config, leases, tokenOutputs);
  // As soon as nothing needs the token any more: what follows goes on meanwhile.
  const returning = kept === undefined ? session.giveBack() : Promise.resolve();
  await turnsToSend();
  const { rendered, values } = await timed(record, 'render', io, () =>
    renderAll(reuse.rest, fetched, tokens),
  );
  await publish(rendered, fetched.secrets, reuse, { record, ready: returning, cluster }, io);
  leases.keep();
  // Only a failed run revokes what its outputs depend on.
  if (kept !== undefined) session.keep(kept);
  return values;
}

/**
 * The same without a server: renders and writes what is given. No cluster is touched.
 * @throws RunError
 */
export async function runWith(
  secrets: Secrets,
  plan: Plan,
  record: RunRecord,
  io: Io,
): Promise<readonly Value[]> {
  return runOffline(secrets, nothingReused({ ...plan, state: undefined }), record, io);
}

async function runOffline(
  secrets: Secrets,
  reuse: Reuse,
  record: RunRecord,
  io: Io,
): Promise<readonly Value[]> {
  const { rest } = reuse;
  checkTargets([...filesOf(rest), ...reuse.outputs.map(({ plan }) => plan)], rest.managed);
  record.secrets = secrets;
  const { rendered, values } = await timed(record, 'render', io, () =>
    renderAll(rest, { secrets, failures: [] }, fixtureTokens(rest.outputs)),
  );
  await publish(rendered, secrets, reuse, { record }, io);
  return values;
}

/** What of a complete run would end with its token. */
function reasonToKeep(
  { revoke }: Config,
  { held }: Leases,
  tokenOutputs: readonly TokenOutput[],
): string | undefined {
  if (tokenOutputs.length > 0) return 'an output holds it';
  return revoke === 'auto' && held ? 'leases of fetched secrets depend on it' : undefined;
}

function filesOf({ outputs, state }: Plan): readonly PlacedOutput[] {
  const files = outputs.filter((output) => !isSecretOutput(output));
  return state === undefined ? files : [...files, state];
}

/** @throws RunError `config` when outputs need a cluster, and there is none */
async function clusterOf({ outputs }: Plan, io: Io): Promise<Cluster | undefined> {
  if (!outputs.some(isSecretOutput)) return undefined;
  const { openCluster } = await import('../publish/cluster/cluster.ts');
  return openCluster(outputs, io);
}

/** Spreads the logins of many that start together. */
async function waitForStart(limitMs: number, io: Io): Promise<void> {
  if (limitMs === 0) return;
  const delay = io.random() * limitMs;
  io.log.write({ event: 'startup_jitter', delay_ms: Math.round(delay) });
  await sleep(delay, io.lifetime.signal);
}

interface RenderedPlan {
  readonly rendered: readonly RenderedOutput[];
  readonly values: readonly Value[];
}

/** Renders even when secrets are missing: keys that are missing too are told in the same run. */
async function renderAll(
  { outputs, values: plans }: Plan,
  { secrets, failures }: Fetched,
  tokens: OutputTokens,
): Promise<RenderedPlan> {
  const rendered = await caught(renderOutputs(outputs, secrets, tokens));
  const { values, failures: missing } = resolveValues(plans, secrets);
  const later = [...(rendered instanceof RunError ? rendered.failures : []), ...missing];
  if (failures.length > 0) {
    const fetchError = new RunError(failures);
    throw later.length === 0 ? fetchError : fetchError.followedBy(new RunError(later));
  }
  throwIfAny(later);
  if (rendered instanceof RunError) throw rendered;
  return { rendered, values };
}

async function caught<T>(work: Promise<T>): Promise<T | RunError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RunError) return error;
    throw error;
  }
}
