import { lifeIn } from '../session/token-look-ups.ts';
import type { Answer, Unavailable } from '../vault/vault-answer.ts';

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
 * https://openbao.org/api-docs/auth/token/#lookup-a-token-self
 * @param answer to `auth/token/lookup-self`; one that says nothing counts as a token without an end: the first 403 tells
 */
export function readLookUp(answer: Answer | Unavailable): TokenLife {
  const { ttl, renewable } = lifeIn(answer.kind === 'answer' ? answer.body : undefined);
  return { ttlS: ttl === undefined ? Infinity : expiresInS(ttl), isRenewable: renewable };
}
