import type { CancelSignal } from '../base/cancellation.ts';
import type { Io } from '../host/io.ts';
import { Secret } from '../base/secret.ts';
import type { Session } from './session.ts';
import { gracefulSignal } from '../http/grace.ts';
import type { Sender } from '../vault/sender.ts';

/** How long revoking may take after SIGTERM or the deadline: what is left of the 2 s after the token's turn. */
const REVOKE_GRACE_MS = 700;
/** How long it may take at most: a server that hangs must not hold up the bad news. */
const REVOKE_LIMIT_MS = 5000;

/** A credential that the server will end. */
export interface Lease {
  readonly lease_id: string;
  /** Seconds. */
  readonly lease_duration: number | undefined;
  readonly namespace: string | undefined;
}

/** The leases that a run has taken, and the duty to end them if it fails. */
export interface Leases {
  /** Whether anything that was fetched ends with the token. */
  readonly held: boolean;
  /** Notes a lease as soon as it is known. */
  add(lease: Lease): void;
  /** Notes a wrapped answer: only who unwraps it learns whether there is a lease. */
  addWrapped(path: string): void;
  /** From now on they live, because the run is complete. */
  keep(): void;
  /** Revokes what is not kept. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Revoking the token ends its leases in the same request; each needs a request of its own only where the token stays.
 * A failure is a warning that names the lease.
 */
export function holdLeases(session: Session, sender: Sender, io: Io): Leases {
  const leases: Lease[] = [];
  const wrapped: string[] = [];
  let kept = false;
  return {
    get held() {
      return leases.length + wrapped.length > 0;
    },
    add(lease) {
      leases.push(lease);
    },
    addWrapped(path) {
      wrapped.push(path);
    },
    keep() {
      kept = true;
      for (const lease of leases) warnOfToken(lease, session, io);
    },
    async [Symbol.asyncDispose]() {
      if (kept || leases.length + wrapped.length === 0) return;
      await session.giveBack();
      if (session.revoked) return;
      using grace = gracefulSignal(io.lifetime.signal, REVOKE_GRACE_MS, REVOKE_LIMIT_MS);
      await Promise.all(leases.map((lease) => revokeLease(lease, session.token, grace.signal, sender, io)));
      for (const path of wrapped) io.log.write({ event: 'wrapped_left', path });
    },
  };
}

/** The server ends a lease together with its token. */
function warnOfToken({ lease_id, lease_duration }: Lease, { lease_duration: ttl }: Session, io: Io): void {
  // A token without an end has a TTL of 0.
  if (ttl === undefined || ttl === 0 || lease_duration === undefined || lease_duration <= ttl) return;
  io.log.write({ event: 'token_ends_first', lease_id, lease_duration, token_ttl: ttl });
}

/** https://openbao.org/api-docs/system/leases/#revoke-lease */
async function revokeLease(
  { lease_id, namespace }: Lease,
  token: Secret,
  signal: CancelSignal,
  sender: Sender,
  io: Io,
): Promise<void> {
  const body = new Secret(JSON.stringify({ lease_id }));
  const request = {
    method: 'POST',
    path: 'sys/leases/revoke',
    namespace,
    token,
    body,
    mints: false,
  } as const;
  const reason = await sender.send(request, { signal }).then(
    (answer) => {
      if (answer.kind === 'unavailable') return answer.failure.message;
      if (answer.status < 300) return undefined;
      return `the server answered ${String(answer.status)} ${answer.errors.join('; ')}; a policy of the token has to allow update on sys/leases/revoke`;
    },
    () => 'the server did not answer in time',
  );
  if (reason === undefined) io.log.write({ event: 'lease_revoked', lease_id });
  else io.log.write({ event: 'lease_left', lease_id, reason });
}
