import type { Config } from '../config/config.ts';
import type { Scope } from '../host/scope.ts';
import { isSecretOutput } from '../plan/cluster-outputs.ts';
import type { RenderedOutput } from '../plan/outputs.ts';
import { placesOf, secretsOf, type Plan } from '../plan/plan.ts';
import type { Change } from '../publish/destination.ts';
import { checkDestinations, publish } from '../publish/publish.ts';
import type { KnownOutput } from '../reuse/known-outputs.ts';
import { whatIsDue } from '../reuse/what-is-due.ts';
import { destinationsOf } from '../run/run.ts';
import type { Display } from './display.ts';
import type { Stock } from './stock.ts';

/** What was published. */
export interface Published {
  /** Those that differ from before. */
  readonly outputs: readonly RenderedOutput[];
  readonly changes: readonly Change[];
}

export const NOTHING_PUBLISHED: Published = { outputs: [], changes: [] };

interface Parts {
  readonly config: Config;
  readonly plan: Plan;
  readonly stock: Stock;
  readonly display: Display;
  /** What an earlier run has written. */
  readonly known: readonly KnownOutput[];
}

/**
 * Writes what has changed, all or nothing, and with it the record of what can be reused.
 * @param tidies all files are looked at, even if nothing has changed
 * @throws RunError; then everything is as before, but for Secrets of the cluster
 */
export async function publishChanges(
  changed: readonly RenderedOutput[],
  tidies: boolean,
  parts: Parts,
  scope: Scope,
): Promise<Published> {
  if (changed.length === 0 && !tidies) return NOTHING_PUBLISHED;
  const { plan, display } = parts;
  const shown = display.together(changed, plan.managed, tidies);
  const places = new Set(shown.map((output) => output.plan.where));
  const destinations = await destinationsOf(plan, scope);
  await checkDestinations(
    placesOf(plan).filter(({ where }) => places.has(where)),
    destinations,
  );
  const changes: Change[] = [];
  const note = (change: Change): void => {
    changes.push(change);
  };
  await publish(
    [...shown, ...recordOf(changed, parts)],
    destinations,
    { ready: Promise.resolve(), note },
    scope,
  );
  display.show(changed);
  return { outputs: changed, changes };
}

/** The record of what a later process can take over; none where nothing may be reused. */
function recordOf(
  changed: readonly RenderedOutput[],
  { config, plan, stock, display, known }: Parts,
): ReturnType<ReturnType<typeof whatIsDue>['outputsAfter']> {
  const { state } = plan;
  if (state === undefined) return [];
  const written = plan.outputs.flatMap((output): RenderedOutput[] => {
    if (isSecretOutput(output) || !secretsOf(output).every((name) => stock.secrets.has(name))) return [];
    const files = (
      changed.find((one) => one.plan.where === output.where) ?? display.outputs.get(output.target.path)
    )?.files;
    return files === undefined ? [] : [{ plan: output, files }];
  });
  const paths = new Set(written.map((output) => output.plan.target.path));
  const unread = known.filter(({ path }) => !paths.has(path));
  const due = whatIsDue(config, plan, unread, Date.now() / 1000);
  const record = due.outputsAfter(written, stock.secrets);
  return record.filter((output) => output.plan.where === state.where);
}
