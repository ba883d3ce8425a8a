import { RunError } from '../base/errors.ts';
import type { Session } from '../session/session.ts';

/**
 * Each request uses the token once, the look-up of mounts aside. One that runs out half-way would have minted for
 * nothing, and could not even revoke itself.
 * @param needed how many requests it takes at least
 * @throws RunError `policy`
 */
export function checkUses({ num_uses }: Session, needed: number): void {
  if (num_uses === undefined || num_uses >= needed) return;
  throw new RunError(
    'policy',
    `the token may make ${String(num_uses)} requests (num_uses), and this config needs at least ${String(needed)}`,
    {
      where: 'auth',
      hint: 'raise token_num_uses of the role, or set it to 0; what ends the token after the run is `revoke`',
    },
  );
}
