import type { Scope } from '../host/scope.ts';
import type { Access } from '../run/access.ts';
import { lifeIn, selfLookUp } from '../session/token-look-ups.ts';

/** How long a token lives. */
interface TokenLife {
  /** Seconds; Infinity: it never expires. */
  readonly ttlS: number;
  readonly isRenewable: boolean;
}

/** @param lease_duration of a login, in seconds; 0: it never expires */
export function expiresInS(lease_duration: number): number {
  return lease_duration === 0 ? Infinity : lease_duration;
}

/**
 * From the login, or from the server for a token that was given; an answer that says nothing counts as a token without an end:
 * the first 403 tells. https://openbao.org/api-docs/auth/token/#lookup-a-token-self
 */
export async function lifeOf(access: Access, scope: Scope): Promise<TokenLife> {
  const { session } = access;
  if (session.lease_duration !== undefined)
    return { ttlS: expiresInS(session.lease_duration), isRenewable: session.renewable === true };
  const { sender } = access.share(scope);
  const answer = await sender.send(selfLookUp(session.token, session.namespace));
  const { ttl, renewable } = lifeIn(answer.kind === 'answer' ? answer.body : undefined);
  return { ttlS: ttl === undefined ? Infinity : expiresInS(ttl), isRenewable: renewable };
}
