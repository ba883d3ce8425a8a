import { prepareLogin } from './auth/prepare.ts';
import type { Config } from './config/config.ts';
import { RunError, throwIfAny } from './errors.ts';
import { fetchSecrets, type Fetched } from './fetch.ts';
import type { Io } from './io.ts';
import type { Cluster } from './kubernetes/cluster.ts';
import { isSecretOutput } from './kubernetes/target.ts';
import type { ManagedDirectory, OutputPlan, RenderedOutput } from './outputs.ts';
import type { Plan } from './plan.ts';
import { renderOutputs } from './render.ts';
import { timed, type RunRecord } from './report.ts';
import type { Secrets } from './secrets.ts';
import { holdLeases, type Leases } from './leases.ts';
import { openSession } from './session.ts';
import { fixtureTokens, prepareSinks, sinksOf, type SinkPlan, type SinkTokens } from './token-sinks.ts';
import { createClient } from './vault/client.ts';
import { sleep } from './vault/delay.ts';
import { resolveValues, type Value } from './values.ts';
import { createSender } from './vault/sender.ts';
import { checkTargets, stageOutputs } from './write.ts';

/**
 * A run: log in once, fetch, render, write all or nothing, give the token back.
 * @returns the single values that the plan asks for
 * @throws RunError with every failure of the stage that failed; the outputs are then as they were before
 */
export async function run(config: Config, plan: Plan, record: RunRecord, io: Io): Promise<readonly Value[]> {
  const login = await prepareLogin(config, io);
  checkTargets(filesOf(plan), plan.managed);
  const cluster = await clusterOf(plan, io);
  const connections = { most: config.concurrency, expected: plan.secrets.length };
  using client = await createClient(login.server, connections, io);
  record.wire = client.counters;
  const sender = createSender(client, config.server, io);

  await waitForStart(config.startupJitterMs, io);
  await using session = await timed(record, 'login', io, () => openSession(login, config.revoke, sender, io));
  record.session = session;
  await using leases = holdLeases(session, sender, io);
  const parts = { session, sender, leases, concurrency: config.concurrency };
  const fetched = await timed(record, 'fetch', io, () => fetchSecrets(plan.secrets, parts, io));
  record.secrets = fetched.secrets;
  const sinks = fetched.failures.length > 0 ? [] : sinksOf(plan.outputs);
  const tokens = await prepareSinks(sinks, session, sender);
  const kept = reasonToKeep(config, leases, sinks);
  // As soon as nothing needs the token any more: what follows goes on meanwhile.
  const returning = kept === undefined ? session.giveBack() : Promise.resolve();
  const { rendered, values } = await timed(record, 'render', io, () => renderAll(plan, fetched, tokens));
  io.log.progress('writing');
  const published = await timed(record, 'write', io, () =>
    writeOutputs(rendered, { managed: plan.managed, ready: returning, cluster }, io),
  );
  leases.keep();
  // Only a failed run revokes what its outputs depend on.
  if (kept !== undefined) session.keep(kept);
  Object.assign(record, published);
  return values;
}

/** What of a complete run would end with its token. */
function reasonToKeep({ revoke }: Config, { held }: Leases, sinks: readonly SinkPlan[]): string | undefined {
  if (sinks.length > 0) return 'an output holds it';
  return revoke === 'auto' && held ? 'leases of fetched secrets depend on it' : undefined;
}

function filesOf({ outputs }: Plan): readonly OutputPlan[] {
  return outputs.filter((output) => !isSecretOutput(output));
}

/** @throws RunError `config` when outputs need a cluster, and there is none */
async function clusterOf({ outputs }: Plan, io: Io): Promise<Cluster | undefined> {
  if (!outputs.some(isSecretOutput)) return undefined;
  const { openCluster } = await import('./kubernetes/cluster.ts');
  return openCluster(outputs, io);
}

/** Spreads the logins of many that start together. */
async function waitForStart(limitMs: number, io: Io): Promise<void> {
  if (limitMs === 0) return;
  const delay = io.random() * limitMs;
  io.log.write({ event: 'startup_jitter', delay_ms: Math.round(delay) });
  await sleep(delay, io.lifetime.signal);
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
  checkTargets(filesOf(plan), plan.managed);
  record.secrets = secrets;
  const { rendered, values } = await timed(record, 'render', io, () =>
    renderAll(plan, { secrets, failures: [] }, fixtureTokens(plan.outputs)),
  );
  const published = await timed(record, 'write', io, () =>
    writeOutputs(rendered, { managed: plan.managed }, io),
  );
  Object.assign(record, published);
  return values;
}

interface RenderedPlan {
  readonly rendered: readonly RenderedOutput[];
  readonly values: readonly Value[];
}

/** Renders even when secrets are missing: keys that are missing too are told in the same run. */
async function renderAll(
  { outputs, values: plans }: Plan,
  { secrets, failures }: Fetched,
  tokens: SinkTokens,
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

interface Publication {
  readonly managed: ManagedDirectory | undefined;
  /** Has to be over before anything is visible. */
  readonly ready?: Promise<void>;
  /** Where Secrets are applied, if anywhere. */
  readonly cluster?: Cluster | undefined;
}

/** Stages the files, and renames them last: until then a signal changes nothing, but for Secrets of a cluster. */
async function writeOutputs(
  rendered: readonly RenderedOutput[],
  { managed, ready, cluster }: Publication,
  io: Io,
): Promise<Pick<RunRecord, 'files' | 'pruned' | 'applied'>> {
  const files = rendered.filter(({ plan }) => !isSecretOutput(plan));
  const staged = await stageOutputs(files, io, managed);
  try {
    await ready;
    io.lifetime.throwIfEnded();
    // The last thing that may fail. What follows is not interrupted any more.
    const applied = (await cluster?.apply(rendered)) ?? [];
    return { files: staged.commit(), pruned: staged.pruned, applied };
  } finally {
    staged.discard();
  }
}
