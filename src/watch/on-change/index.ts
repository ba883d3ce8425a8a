import type { Failure } from '../../base/errors.ts';
import type { Config, Handler } from '../../config/config.ts';
import type { Scope } from '../../host/scope.ts';
import type { News } from '../work.ts';
import type { HandlerKind, HandlerParts, Surroundings } from './handler-kind.ts';
import { http } from './http.ts';
import { restart } from './restart.ts';
import { run } from './run.ts';
import { signal } from './signal.ts';

const KINDS: { readonly [Kind in Handler['kind']]: HandlerKind<Kind> } = { signal, run, http, restart };

/** The table pairs each handler with its own kind; the compiler cannot see that through the lookup. */
function kindOf({ kind }: Handler): HandlerKind<Handler['kind']> {
  return KINDS[kind] as HandlerKind<Handler['kind']>;
}

/** For messages: `SIGHUP to nginx`. */
export function describeHandler(handler: Handler): string {
  return kindOf(handler).describe(handler);
}

/** @throws RunError why the change was not told; the reason of the scope */
export async function handle(handler: Handler, news: News, parts: HandlerParts, scope: Scope): Promise<void> {
  await kindOf(handler).tell(handler, news, parts, scope);
}

/** What is known before the first request to be wrong with the handlers of a config. */
export function checkHandlers(
  { watch, outputs }: Pick<Config, 'watch' | 'outputs'>,
  around: Surroundings,
): readonly Failure[] {
  const handlers = [...(watch.onChange ?? []), ...outputs.flatMap(({ onChange = [] }) => onChange)];
  return handlers.flatMap((handler) => kindOf(handler).check(handler, around));
}
