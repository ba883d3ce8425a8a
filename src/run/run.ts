import { RunError, throwIfAny } from '../base/errors.ts';
import type { Secrets } from '../base/secret-data.ts';
import type { Config } from '../config/config.ts';
import { fetchSecrets, type Fetched } from '../fetch/fetch.ts';
import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import { sleep } from '../http/delay.ts';
import type { Wire } from '../http/wire.ts';
import { isSecretOutput } from '../plan/cluster-outputs.ts';
import type { PlacedOutput, RenderedOutput } from '../plan/outputs.ts';
import type { Plan } from '../plan/plan.ts';
import { tokenOutputsOf, type TokenOutput } from '../plan/token-outputs.ts';
import type { Change, Destination } from '../publish/destination.ts';
import { fileDestination } from '../publish/files/file-destination.ts';
import { checkDestinations, publish } from '../publish/publish.ts';
import { resolveValues, type Value } from '../render/found-values.ts';
import { renderOutputs } from '../render/render-outputs.ts';
import {
  createStopwatch,
  NOTHING_DONE,
  withRemains,
  type Outcome,
  type Stopwatch,
} from '../report/outcome.ts';
import { knownFromFiles } from '../reuse/known-outputs.ts';
import { everythingIsDue, whatIsDue, type Due } from '../reuse/what-is-due.ts';
import { trackLeases, type Lease, type Leases } from '../session/leases.ts';
import type { Session } from '../session/session.ts';
import { fixtureTokens, prepareTokens, type OutputTokens } from '../session/tokens-for-outputs.ts';
import { prepareAccess, type Access } from './access.ts';

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
  let known: Outcome = { ...NOTHING_DONE, stageMs: stopwatch.stageMs };
  try {
    const due = whatIsDue(config, plan, knownFromFiles(plan), Date.now() / 1000);
    known = { ...known, reused: due.reused };
    const destinations = await destinationsOf(plan, scope);
    if (due.isNothing) {
      await checkDestinations(placesOf(plan), destinations);
      return await runOffline(due, new Map(), destinations, scope, stopwatch);
    }
    using prepared = await prepareAccess(config, scope, wire);
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
  try {
    await using leases = trackLeases(session, sender, scope, issued);
    const parts = { session, sender, leases };
    const fetched = await stopwatch.time('fetch', () => fetchSecrets(due.rest.secrets, parts, scope));
    outcome = { ...outcome, secrets: fetched.secrets };
    const tokenOutputs = fetched.failures.length > 0 ? [] : tokenOutputsOf(due.rest.outputs);
    const tokens = await prepareTokens(tokenOutputs, session, sender);
    const whyAlive = reasonToKeepAlive(session, leases, tokenOutputs);
    // As soon as nothing needs the token any longer: rendering goes on meanwhile.
    const returning = whyAlive === undefined ? session.giveBack() : Promise.resolve();
    await access.flush();
    const { rendered, values } = await stopwatch.time('render', () => renderAll(due.rest, fetched, tokens));
    const outputs = outputsAfter(due, rendered, fetched.secrets);
    const publication = { ready: returning, note: noteIn(changes) };
    await stopwatch.time('write', () => publish(outputs, destinations, publication, scope));
    leases.keepAlive();
    // A failed run revokes the token even if outputs depend on it.
    if (whyAlive !== undefined) session.keepAlive(whyAlive);
    outcome = { ...outcome, values };
  } catch (error) {
    outcome = { ...outcome, failure: withRemains(asRunError(error), changes) };
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

/** The same without a server: renders and writes the given secrets. No cluster is touched. */
export async function runWithFixtures(
  secrets: Secrets,
  plan: Plan,
  scope: Scope,
  stopwatch: Stopwatch,
): Promise<Outcome> {
  const due = everythingIsDue({ ...plan, state: undefined });
  try {
    const destinations = [fileDestination(due.rest, scope)];
    await checkDestinations(placesOf(due.rest), destinations);
    return await runOffline(due, secrets, destinations, scope, stopwatch);
  } catch (error) {
    const failure = withRemains(asRunError(error), []);
    return { ...NOTHING_DONE, stageMs: stopwatch.stageMs, secrets, failure };
  }
}

async function runOffline(
  due: Due,
  secrets: Secrets,
  destinations: readonly Destination[],
  scope: Scope,
  stopwatch: Stopwatch,
): Promise<Outcome> {
  const changes: Change[] = [];
  const outcome = { ...NOTHING_DONE, stageMs: stopwatch.stageMs, secrets, reused: due.reused, changes };
  try {
    const { rendered, values } = await stopwatch.time('render', () =>
      renderAll(due.rest, { secrets, failures: [] }, fixtureTokens(due.rest.outputs)),
    );
    const publication = { ready: Promise.resolve(), note: noteIn(changes) };
    const outputs = outputsAfter(due, rendered, secrets);
    await stopwatch.time('write', () => publish(outputs, destinations, publication, scope));
    return { ...outcome, values };
  } catch (error) {
    return { ...outcome, failure: withRemains(asRunError(error), changes) };
  }
}

/** The code for clusters is loaded only if an output needs it. */
async function destinationsOf(plan: Plan, scope: Scope): Promise<readonly Destination[]> {
  const files = fileDestination(plan, scope);
  if (!plan.outputs.some(isSecretOutput)) return [files];
  const { clusterDestination } = await import('../publish/cluster/cluster-destination.ts');
  return [files, clusterDestination(scope)];
}

function placesOf({ outputs, state }: Plan): readonly PlacedOutput[] {
  return state === undefined ? outputs : [...outputs, state];
}

/** The new outputs, the reused ones, and the record of both. */
function outputsAfter(due: Due, rendered: readonly RenderedOutput[], secrets: Secrets) {
  return [...rendered, ...due.unchanged, ...due.stateAfter(rendered, secrets)];
}

function noteIn(changes: Change[]): (change: Change) => void {
  return (change) => {
    changes.push(change);
  };
}

/** Why the token of a complete run must live on; undefined: nothing depends on it. */
function reasonToKeepAlive(
  { revoke }: Session,
  { dependOnToken }: Leases,
  tokenOutputs: readonly TokenOutput[],
): string | undefined {
  if (tokenOutputs.length > 0) return 'an output holds it';
  return revoke === 'auto' && dependOnToken ? 'leases of fetched secrets depend on it' : undefined;
}

/** Spreads the logins of many runs that start together. */
async function waitForStart(limitMs: number, scope: Scope): Promise<void> {
  if (limitMs === 0) return;
  const delay = scope.random() * limitMs;
  scope.log.write({ event: 'startup_jitter', delay_ms: Math.round(delay) });
  await sleep(delay, scope.signal);
}

interface RenderedPlan {
  readonly rendered: readonly RenderedOutput[];
  readonly values: readonly Value[];
}

/** Renders even if secrets are missing, so that missing keys are reported in the same run. */
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
