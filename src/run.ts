import { prepareLogin } from './auth/prepare.ts';
import type { Config } from './config/config.ts';
import { RunError, throwIfAny } from './errors.ts';
import { fetchSecrets, type Fetched } from './fetch.ts';
import type { Io } from './io.ts';
import type { ManagedDirectory, RenderedOutput } from './outputs.ts';
import type { Plan } from './plan.ts';
import { renderOutputs } from './render.ts';
import { timed, type RunRecord } from './report.ts';
import type { Secrets } from './secrets.ts';
import { holdLeases } from './leases.ts';
import { openSession } from './session.ts';
import { createClient } from './vault/client.ts';
import { sleep } from './vault/delay.ts';
import type { Http2Sessions } from './vault/http2-sessions.ts';
import { resolveValues, type Value } from './values.ts';
import { createSender } from './vault/sender.ts';
import { checkTargets, stageOutputs } from './write.ts';

/**
 * A run: log in once, fetch, render, write all or nothing, give the token back.
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
  const login = await prepareLogin(config, io);
  checkTargets(plan.outputs, plan.managed);
  const connections = { most: config.concurrency, expected: plan.secrets.length };
  using client = await createClient(login.server, connections, io, ahead);
  record.wire = client.counters;
  const sender = createSender(client, config.server, io);

  await waitForStart(config.startupJitterMs, io);
  await using session = await timed(record, 'login', io, () => openSession(login, config.revoke, sender, io));
  record.session = session;
  await using leases = holdLeases(session, sender, io);
  const parts = { session, sender, leases };
  const fetched = await timed(record, 'fetch', io, () => fetchSecrets(plan.secrets, parts, io));
  record.secrets = fetched.secrets;
  const keepsToken = config.revoke === 'auto' && leases.held;
  // As soon as nothing needs the token any more: what follows goes on meanwhile.
  const returning = keepsToken ? Promise.resolve() : session.giveBack();
  const { rendered, values } = await timed(record, 'render', io, () => renderAll(plan, fetched));
  io.log.progress('writing');
  const published = await timed(record, 'write', io, () =>
    writeOutputs(rendered, plan.managed, returning, io),
  );
  leases.keep();
  // Revoking the token would revoke the leases too, so that only a failed run does.
  if (keepsToken) session.keep('leases of fetched secrets depend on it');
  Object.assign(record, published);
  return values;
}

/** Spreads the logins of many that start together. */
async function waitForStart(limitMs: number, io: Io): Promise<void> {
  if (limitMs === 0) return;
  const delay = io.random() * limitMs;
  io.log.write({ event: 'startup_jitter', delay_ms: Math.round(delay) });
  await sleep(delay, io.lifetime.signal);
}

/**
 * The same without a server: renders and writes what is given.
 * @throws RunError
 */
export async function runWith(
  secrets: Secrets,
  plan: Plan,
  record: RunRecord,
  io: Io,
): Promise<readonly Value[]> {
  checkTargets(plan.outputs, plan.managed);
  record.secrets = secrets;
  const { rendered, values } = await timed(record, 'render', io, () =>
    renderAll(plan, { secrets, failures: [] }),
  );
  const published = await timed(record, 'write', io, () =>
    writeOutputs(rendered, plan.managed, Promise.resolve(), io),
  );
  Object.assign(record, published);
  return values;
}

interface RenderedPlan {
  readonly rendered: readonly RenderedOutput[];
  readonly values: readonly Value[];
}

/** Renders even when secrets are missing: keys that are missing too are told in the same run. */
function renderAll({ outputs, values: plans }: Plan, { secrets, failures }: Fetched): RenderedPlan {
  const rendered = caught(() => renderOutputs(outputs, secrets));
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

function caught<T>(work: () => T): T | RunError {
  try {
    return work();
  } catch (error) {
    if (error instanceof RunError) return error;
    throw error;
  }
}

/**
 * Stages the files, and renames them last: until then a signal changes nothing.
 * @param ready what has to be over before anything is visible
 */
async function writeOutputs(
  rendered: readonly RenderedOutput[],
  managed: ManagedDirectory | undefined,
  ready: Promise<void>,
  io: Io,
): Promise<Pick<RunRecord, 'files' | 'pruned'>> {
  const staged = await stageOutputs(rendered, io, managed);
  try {
    await ready;
    io.lifetime.throwIfEnded();
    return { files: staged.commit(), pruned: staged.pruned };
  } finally {
    staged.discard();
  }
}
