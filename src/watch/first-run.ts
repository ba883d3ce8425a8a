import type { Config } from '../config/config.ts';
import type { LogEvent } from '../host/log-events.ts';
import type { Log } from '../host/log.ts';
import type { Scope } from '../host/scope.ts';
import type { Plan } from '../plan/plan.ts';
import type { Outcome, Stopwatch } from '../report/outcome.ts';
import { knownFromFiles, type KnownOutput } from '../reuse/known-outputs.ts';
import { whatIsDue, type Due } from '../reuse/what-is-due.ts';
import { runDue } from '../run/run.ts';
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
  using part = scope.child({ log: without(({ event }) => event === 'token_ends_first', scope.log) });
  const outcome = await runDue({ config, plan, due }, () => keeper.prepare(part), part, stopwatch);
  const { session } = keeper;
  if (outcome.failure !== undefined) await keeper.close(scope);
  const revoked = session?.revoked ?? false;
  return {
    due,
    known,
    outcome: { ...outcome, session: outcome.session && { ...outcome.session, revoked } },
  };
}

/** A log that leaves out what is not true, or of no interest, of somebody who stays. */
export function without(isLeftOut: (event: LogEvent) => boolean, log: Log): Log {
  return {
    ...log,
    write(event) {
      if (!isLeftOut(event)) log.write(event);
    },
  };
}
