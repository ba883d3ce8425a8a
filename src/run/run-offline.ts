import type { Secrets } from '../base/secret-data.ts';
import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import { placesOf, type Plan } from '../plan/plan.ts';
import type { Change, Destination } from '../publish/destination.ts';
import { fileDestination } from '../publish/files/file-destination.ts';
import { checkDestinations, publish } from '../publish/publish.ts';
import { NOTHING_DONE, withRemains, type Outcome, type Stopwatch } from '../report/outcome.ts';
import { everythingIsDue, type Due } from '../reuse/what-is-due.ts';
import { fixtureTokens } from '../session/tokens-for-outputs.ts';
import { renderAll } from './render-all.ts';

/** A run without a server: renders and writes the given secrets. No cluster is touched. */
export async function runWithFixtures(
  secrets: Secrets,
  plan: Plan,
  scope: Scope,
  stopwatch: Stopwatch,
): Promise<Outcome> {
  const stateless = { ...plan, state: undefined };
  const destinations = [fileDestination(stateless, scope)];
  return runOffline(
    { plan: stateless, due: everythingIsDue(stateless), secrets, destinations },
    scope,
    stopwatch,
  );
}

interface OfflineWork {
  /** All outputs, those that are not due included. */
  readonly plan: Plan;
  readonly due: Due;
  readonly secrets: Secrets;
  readonly destinations: readonly Destination[];
}

/** A run that asks nobody for anything: renders and publishes what is known. */
export async function runOffline(
  { plan, due, secrets, destinations }: OfflineWork,
  scope: Scope,
  stopwatch: Stopwatch,
): Promise<Outcome> {
  const changes: Change[] = [];
  const outcome = { ...NOTHING_DONE, stageMs: stopwatch.stageMs, secrets, reused: due.reused, changes };
  try {
    await checkDestinations(placesOf(plan), destinations);
    const { rendered, values } = await stopwatch.time('render', () =>
      renderAll(due.rest, { secrets, failures: [] }, fixtureTokens(due.rest), scope),
    );
    const publication = { ready: Promise.resolve(), note: (change: Change) => changes.push(change) };
    const outputs = due.outputsAfter(rendered, secrets);
    await stopwatch.time('write', () => publish(outputs, destinations, publication, scope));
    return { ...outcome, values };
  } catch (error) {
    return { ...outcome, failure: withRemains(asRunError(error), changes) };
  }
}
