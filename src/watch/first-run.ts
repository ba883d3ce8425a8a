import type { Config } from '../config/config.ts';
import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import { placesOf, type Plan } from '../plan/plan.ts';
import { checkDestinations } from '../publish/publish.ts';
import { NOTHING_DONE, withRemains, type Outcome, type Stopwatch } from '../report/outcome.ts';
import { knownFromFiles, type KnownOutput } from '../reuse/known-outputs.ts';
import { whatIsDue, type Due } from '../reuse/what-is-due.ts';
import { runOffline } from '../run/run-offline.ts';
import { destinationsOf, runOnce, waitForStart } from '../run/run.ts';
import type { TokenKeeper } from './token-keeper.ts';

/** What there was to do at the start, and what came of it. */
export interface FirstRun {
  readonly due: Due;
  /** The outputs of an earlier run that were taken over. */
  readonly known: readonly KnownOutput[];
  readonly outcome: Outcome;
}

/**
 * Does what `render` does, all or nothing, but keeps the token. If an earlier run has done all of it, nothing is requested.
 * @returns the outcome, which includes a failure; then the token has been given back
 */
export async function firstRun(
  config: Config,
  plan: Plan,
  keeper: TokenKeeper,
  scope: Scope,
  stopwatch: Stopwatch,
): Promise<FirstRun> {
  const found = knownFromFiles(plan);
  const due = whatIsDue(config, plan, found, Date.now() / 1000);
  const rest = new Set(due.rest.outputs.map(({ where }) => where));
  const taken = new Set(
    plan.outputs.filter(({ where }) => !rest.has(where)).map(({ target }) => target.path),
  );
  const known = found.filter(({ path }) => taken.has(path));
  try {
    const destinations = await destinationsOf(plan, scope);
    if (due.isNothing) {
      const outcome = await runOffline({ plan, due, secrets: new Map(), destinations }, scope, stopwatch);
      return { due, known, outcome };
    }
    await checkDestinations(placesOf(plan), destinations);
    await waitForStart(config.startupJitterMs, scope);
    const access = await stopwatch.time('login', () => keeper.access(scope));
    const outcome = await runOnce(due, access, destinations, scope, stopwatch);
    if (outcome.failure !== undefined) await keeper.close(scope);
    return { due, known, outcome };
  } catch (error) {
    await keeper.close(scope);
    return { due, known, outcome: { ...NOTHING_DONE, failure: withRemains(asRunError(error), []) } };
  }
}
