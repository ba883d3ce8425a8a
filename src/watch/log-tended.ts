import type { Scope } from '../host/scope.ts';
import { secondsUntil, type LifeClock } from './life-clock.ts';
import type { TokenKeeper } from './token-keeper.ts';

/** That the token is good again, and until when it is left alone. */
export function logTended(
  by: 'renewal' | 'login',
  { dueAtS, session }: Pick<TokenKeeper, 'dueAtS' | 'session'>,
  { clock, whole }: { readonly clock: LifeClock; readonly whole: Scope },
): void {
  const next_in = secondsUntil(dueAtS, clock.now());
  whole.log.write({ event: 'token_tended', by, lease_duration: session?.lease_duration, next_in });
}
