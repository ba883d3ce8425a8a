import { RunError } from '../base/errors.ts';
import type { Session } from '../session/session.ts';

/**
 * Each request uses the token once, except the mount look-up. A token that runs out half-way would have minted for
 * nothing, and could not even revoke itself.
 * @param needed the lowest number of requests that the run can take
 * @throws RunError `policy`
 */
export function checkUses({ num_uses }: Session, needed: number): void {
  if (num_uses === undefined || num_uses >= needed) return;
  throw new RunError(
    'policy',
    `the token may make ${String(num_uses)} requests (num_uses), and this config needs at least ${String(needed)}`,
    {
      where: 'auth',
      hint: 'raise token_num_uses of the role, or set it to 0: `revoke` ends the token after the run',
    },
  );
}
