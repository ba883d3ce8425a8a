import type { FetchedSecret } from '../base/secret-data.ts';
import { Secret } from '../base/secret.ts';
import type { Scope } from '../host/scope.ts';
import { SHUTDOWN } from '../host/shutdown-budget.ts';
import type { VaultRequest } from '../vault/request.ts';
import { readEnvelope } from '../vault/responses.ts';
import type { Answer, Unavailable } from '../vault/vault-answer.ts';
import type { Sender } from '../vault/sender.ts';
import { sendWithin } from './give-back.ts';
import type { Session } from './session.ts';

/** A credential that the server ends in time. */
export interface Lease {
  readonly lease_id: string;
  /** Seconds, counted from `issuedAt`. */
  readonly lease_duration: number | undefined;
  readonly renewable: boolean;
  /** Seconds since 1970. */
  readonly issuedAt: number;
  /** Seconds since 1970; undefined: the server did not say. */
  readonly expiresAt: number | undefined;
  /** The path that issued it, without `/v1/`. */
  readonly path: string;
  readonly namespace: string | undefined;
}

/** The leases of a run, which end with it if it fails. */
export interface Leases {
  /** Whether any fetched credential ends with the token. */
  readonly dependOnToken: boolean;
  /** Notes a lease as soon as it is known. */
  add(lease: Lease): void;
  /** Notes a wrapped answer: whether it contains a lease shows only when it is unwrapped. */
  addWrapped(path: string): void;
  /** Keeps them alive, because the run is complete. */
  keepAlive(): void;
  /** Revokes them, unless they are kept alive. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Revoking the token ends its leases in the same request; each needs a request of its own only if the token stays alive.
 * A failure is a warning that names the lease.
 * @param leases the list that they are added to
 */
export function trackLeases(session: Session, sender: Sender, scope: Scope, leases: Lease[] = []): Leases {
  const wrapped: string[] = [];
  let keptAlive = false;
  return {
    get dependOnToken() {
      return leases.length + wrapped.length > 0;
    },
    add(lease) {
      leases.push(lease);
    },
    addWrapped(path) {
      wrapped.push(path);
    },
    keepAlive() {
      keptAlive = true;
      for (const lease of leases) warnOfToken(lease, session, scope);
    },
    async [Symbol.asyncDispose]() {
      if (keptAlive || leases.length + wrapped.length === 0) return;
      await session.giveBack();
      if (session.revoked) return;
      await Promise.all(leases.map((lease) => revokeLease(lease, session.token, sender, scope)));
      for (const path of wrapped) scope.log.write({ event: 'wrapped_left', path });
    },
  };
}

/** The server ends a lease together with its token. */
function warnOfToken(
  { lease_id, lease_duration }: Lease,
  { lease_duration: ttl }: Session,
  { log }: Scope,
): void {
  // A token that never expires has a TTL of 0.
  if (ttl === undefined || ttl === 0 || lease_duration === undefined || lease_duration <= ttl) return;
  log.write({ event: 'token_ends_first', lease_id, lease_duration, token_ttl: ttl });
}

/** Notes leases only: what becomes of them is decided by whoever has the list. */
export function noteLeases(leases: Lease[]): Leases {
  return {
    get dependOnToken() {
      return leases.length > 0;
    },
    add(lease) {
      leases.push(lease);
    },
    addWrapped: () => undefined,
    keepAlive: () => undefined,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The one that a secret came with; undefined: it has none. */
export function leaseOf(fetched: FetchedSecret, issued: readonly Lease[]): Lease | undefined {
  const id = fetched.kind === 'found' ? fetched.metadata.lease_id : undefined;
  return id === undefined ? undefined : issued.find(({ lease_id }) => lease_id === id);
}

/** What a renewal of a lease came to. */
export type LeaseRenewal =
  | { readonly kind: 'renewed'; readonly lease: Lease }
  | { readonly kind: 'refused'; readonly answer: Answer }
  | Unavailable;

/** https://openbao.org/api-docs/system/leases/#renew-lease */
export async function renewLease(lease: Lease, token: Secret, sender: Sender): Promise<LeaseRenewal> {
  const answer = await sender.send(leaseRequest('sys/leases/renew', lease, token));
  if (answer.kind === 'unavailable') return answer;
  if (answer.status >= 300) return { kind: 'refused', answer };
  const { lease_duration, renewable } = readEnvelope(answer.body);
  return { kind: 'renewed', lease: { ...lease, renewable, ...termFromNow(lease_duration) } };
}

/** @param lease_duration of an answer that has just come, in seconds */
export function termFromNow(
  lease_duration: number | undefined,
): Pick<Lease, 'lease_duration' | 'issuedAt' | 'expiresAt'> {
  const issuedAt = Date.now() / 1000;
  const expiresAt = lease_duration === undefined ? undefined : issuedAt + lease_duration;
  return { lease_duration, issuedAt, expiresAt };
}

function leaseRequest(path: string, { lease_id, namespace }: Lease, token: Secret): VaultRequest {
  const body = new Secret(JSON.stringify({ lease_id }));
  return { method: 'POST', path, namespace, token, body, mints: false };
}

/** https://openbao.org/api-docs/system/leases/#revoke-lease */
export async function revokeLease(lease: Lease, token: Secret, sender: Sender, scope: Scope): Promise<void> {
  const { lease_id } = lease;
  const request = leaseRequest('sys/leases/revoke', lease, token);
  const answer = await sendWithin(request, { graceMs: SHUTDOWN.leasesMs, share: 1 }, sender, scope);
  const isRevoked = answer.kind === 'answer' && answer.status < 300;
  scope.log.write(
    isRevoked
      ? { event: 'lease_revoked', lease_id }
      : { event: 'lease_left', lease_id, reason: whyLeft(answer) },
  );
}

function whyLeft(answer: Answer | Unavailable): string {
  if (answer.kind === 'unavailable') return answer.failure.message;
  return `the server answered ${String(answer.status)} ${answer.errors.join('; ')}; a policy of the token must allow update on sys/leases/revoke`;
}
