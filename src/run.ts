import { prepareLogin } from './auth/prepare.ts';
import type { Config } from './config/config.ts';
import { RunError } from './errors.ts';
import { fetchSecrets, type Fetched } from './fetch.ts';
import type { Io } from './io.ts';
import type { OutputPlan, RenderedOutput, WrittenFile } from './outputs.ts';
import type { Plan } from './plan.ts';
import { renderOutputs } from './render.ts';
import { timed, type RunRecord } from './report.ts';
import { openSession, type Session } from './session.ts';
import { createClient } from './vault/client.ts';
import { createSender } from './vault/sender.ts';
import { checkTargets, stageOutputs } from './write.ts';

/**
 * A run: log in once, fetch, render, write all or nothing, give the token back.
 * @throws RunError with every failure of the stage that failed; the outputs are then as they were before
 */
export async function run(config: Config, plan: Plan, record: RunRecord, io: Io): Promise<void> {
  const login = prepareLogin(config, io);
  checkTargets(plan.outputs);
  using client = await createClient(config.server, config.concurrency, io);
  record.wire = client.counters;
  const sender = createSender(client, config.server, io);

  await using session = await timed(record, 'login', io, () => openSession(login, config.revoke, sender, io));
  record.session = session;
  const fetched = await timed(record, 'fetch', io, () =>
    fetchSecrets(plan.secrets, session, sender, config.concurrency, io),
  );
  record.secrets = fetched.secrets;
  const rendered = await timed(record, 'render', io, () => renderAll(plan.outputs, fetched));
  record.files = await timed(record, 'write', io, () => publish(rendered, fetched, session, config, io));
}

/** Renders even when secrets are missing: keys that are missing too are told in the same run. */
function renderAll(
  outputs: readonly OutputPlan[],
  { secrets, failures }: Fetched,
): readonly RenderedOutput[] {
  const fetchError = failures.length === 0 ? undefined : new RunError(failures);
  try {
    const rendered = renderOutputs(outputs, secrets);
    if (fetchError === undefined) return rendered;
  } catch (error) {
    if (fetchError === undefined || !(error instanceof RunError)) throw error;
    throw fetchError.followedBy(error);
  }
  throw fetchError;
}

/**
 * Stages the files while the token is revoked, and renames them last: until then a signal changes nothing.
 * The token of leased secrets lives on, because revoking it would revoke them.
 */
async function publish(
  rendered: readonly RenderedOutput[],
  { secrets }: Fetched,
  session: Session,
  { revoke }: Config,
  io: Io,
): Promise<readonly WrittenFile[]> {
  io.log.progress('writing');
  const leased = [...secrets.values()].some(
    (secret) => secret.kind === 'found' && secret.metadata.lease_id !== undefined,
  );
  const keep = leased && revoke === 'auto';
  const returning = keep ? Promise.resolve() : session.giveBack();
  const staged = await stageOutputs(rendered, io);
  try {
    await returning;
    io.lifetime.throwIfEnded();
    const written = staged.commit();
    if (keep) session.keep('leases of fetched secrets depend on it');
    return written;
  } finally {
    staged.discard();
  }
}
