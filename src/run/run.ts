import type { Config } from '../config/config.ts';
import { fetchSecrets } from '../fetch/fetch.ts';
import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import { sleep } from '../http/delay.ts';
import type { Wire } from '../http/wire.ts';
import { isSecretOutput } from '../plan/cluster-outputs.ts';
import { placesOf, type Plan } from '../plan/plan.ts';
import { tokenOutputsOf, type TokenOutput } from '../plan/token-outputs.ts';
import type { Change, Destination } from '../publish/destination.ts';
import { fileDestination } from '../publish/files/file-destination.ts';
import { checkDestinations, publish } from '../publish/publish.ts';
import {
  createStopwatch,
  NOTHING_DONE,
  withRemains,
  type Outcome,
  type Stopwatch,
} from '../report/outcome.ts';
import { knownFromFiles } from '../reuse/known-outputs.ts';
import { whatIsDue, type Due } from '../reuse/what-is-due.ts';
import { trackLeases, type Lease, type Leases } from '../session/leases.ts';
import type { Session } from '../session/session.ts';
import { prepareTokens } from '../session/tokens-for-outputs.ts';
import { prepareAccess, type Access, type PreparedAccess } from './access.ts';
import { renderAll } from './render-all.ts';
import { runOffline } from './run-offline.ts';
import { whatStands } from './what-stands.ts';

/**
 * The one-shot run: outputs of earlier runs that are still valid are reused, and if those are all, nothing is requested.
 * Otherwise it logs in once, fetches, renders, writes all or nothing, and gives the token back.
 * @param wire opened while the config was still being checked, if possible
 * @returns the outcome, which includes a failure
 */
export async function run(
  config: Config,
  plan: Plan,
  scope: Scope,
  stopwatch: Stopwatch,
  wire?: Wire,
): Promise<Outcome> {
  const due = whatIsDue(config, plan, knownFromFiles(plan), Date.now() / 1000);
  return await runDue({ config, plan, due }, () => prepareAccess(config, scope, wire), scope, stopwatch);
}

interface DueRun {
  readonly config: Config;
  readonly plan: Plan;
  readonly due: Due;
}

/**
 * The same where it is known what is due.
 * @param prepare reads the credentials; called if something is to be requested
 * @returns the outcome, which includes a failure
 */
export async function runDue(
  { config, plan, due }: DueRun,
  prepare: () => Promise<PreparedAccess>,
  scope: Scope,
  stopwatch: Stopwatch,
): Promise<Outcome> {
  let known: Outcome = { ...NOTHING_DONE, stageMs: stopwatch.stageMs, reused: due.reused };
  try {
    const destinations = await destinationsOf(plan, scope);
    if (due.isNothing)
      return await runOffline({ plan, due, secrets: new Map(), destinations }, scope, stopwatch);
    using prepared = await prepare();
    known = { ...known, wire: prepared.counters };
    await checkDestinations(placesOf(plan), destinations);
    await waitForStart(config.startupJitterMs, scope);
    await using access = await stopwatch.time('login', () => prepared.open(due.rest.secrets.length));
    return await runOnce(due, access, destinations, scope, stopwatch);
  } catch (error) {
    return { ...known, wire: { ...known.wire }, failure: withRemains(asRunError(error), []) };
  }
}

/**
 * A run after the login: fetches what is due, renders, and publishes all or nothing.
 * @param access its token is given back as soon as nothing depends on it, unless it is shared
 * @returns the outcome, which includes all failures of a failed stage
 */
export async function runOnce(
  due: Due,
  access: Access,
  destinations: readonly Destination[],
  scope: Scope,
  stopwatch: Stopwatch = createStopwatch(scope),
): Promise<Outcome> {
  const { session, sender } = access;
  const changes: Change[] = [];
  const issued: Lease[] = [];
  let outcome: Outcome = { ...NOTHING_DONE, reused: due.reused, leases: issued, changes };
  let kept: readonly string[] = [];
  try {
    await using leases = trackLeases(session, sender, scope, issued);
    const parts = { session, sender, leases };
    const fetched = await stopwatch.time('fetch', () => fetchSecrets(due.rest.secrets, parts, scope));
    outcome = { ...outcome, secrets: fetched.secrets };
    const tokenOutputs = fetched.failures.length > 0 ? [] : tokenOutputsOf(due.rest);
    const tokens = await prepareTokens(tokenOutputs, session, sender);
    const whyAlive = reasonToKeepAlive(session, leases, tokenOutputs);
    // As soon as nothing needs the token any longer: rendering goes on meanwhile.
    const returning = whyAlive === undefined ? session.giveBack() : Promise.resolve();
    await access.flush();
    const { rendered, values } = await stopwatch.time('render', () =>
      renderAll(due.rest, fetched, tokens, scope),
    );
    const outputs = due.outputsAfter(rendered, fetched.secrets);
    const publication = { ready: returning, note: (change: Change) => changes.push(change) };
    try {
      await stopwatch.time('write', () => publish(outputs, destinations, publication, scope));
    } catch (error) {
      kept = whatStands(due.rest, { changes, secrets: fetched.secrets, leases: issued }, session);
      if (kept.length > 0) keepPublished(session, leases);
      throw error;
    }
    leases.keepAlive();
    // A failed run revokes the token even if outputs depend on it.
    if (whyAlive !== undefined) session.keepAlive(whyAlive);
    outcome = { ...outcome, values, tokens };
  } catch (error) {
    outcome = { ...outcome, failure: withRemains(asRunError(error), changes, kept) };
    await session.giveBack();
  }
  const { method, minted, token_type, revoked } = session;
  return {
    ...outcome,
    stageMs: stopwatch.stageMs,
    wire: { ...sender.counters },
    session: { method, minted, token_type, revoked },
  };
}

/** It is in use: ending it would lock out whoever uses it. */
function keepPublished(session: Session, leases: Leases): void {
  leases.keepAlive();
  session.keepAlive('what was published depends on it');
}

/** Where outputs go. The code for clusters is loaded only if an output needs it. */
export async function destinationsOf(plan: Plan, scope: Scope): Promise<readonly Destination[]> {
  const files = fileDestination(plan, scope);
  if (!plan.outputs.some(isSecretOutput)) return [files];
  const { clusterDestination } = await import('../publish/cluster/cluster-destination.ts');
  return [files, clusterDestination(scope)];
}

/** Why the token of a complete run must live on; undefined: nothing depends on it. */
function reasonToKeepAlive(
  { revoke }: Session,
  { dependOnToken }: Leases,
  tokenOutputs: readonly TokenOutput[],
): string | undefined {
  const [holder] = tokenOutputs;
  if (holder !== undefined) return `${holder.what === 'output' ? 'an output' : 'a variable'} holds it`;
  return revoke === 'auto' && dependOnToken ? 'leases of fetched secrets depend on it' : undefined;
}

/** Spreads the logins of many runs that start together. */
async function waitForStart(limitMs: number, scope: Scope): Promise<void> {
  if (limitMs === 0) return;
  const delay = scope.random() * limitMs;
  scope.log.write({ event: 'startup_jitter', delay_ms: Math.round(delay) });
  await sleep(delay, scope.signal);
}
