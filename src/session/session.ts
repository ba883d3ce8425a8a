import type { PreparedLogin } from './prepare.ts';
import type { RevokePolicy } from '../config/config.ts';
import type { Io } from '../host/io.ts';
import { logIn, openGiven } from './post-login.ts';
import type { Secret } from '../base/secret.ts';
import type { VaultRequest } from '../vault/request.ts';
import { readLogin } from '../vault/responses.ts';
import { isBareRefusal, type Sender } from '../vault/sender.ts';
import { gracefulSignal } from '../http/grace.ts';

/** How long giving the token back may take after SIGTERM or the deadline; both together stay below 2 s. */
const REVOKE_GRACE_MS = 1000;
/** How long it may take at most: a server that hangs must not hold up a run that has all it needs. */
const REVOKE_LIMIT_MS = 5000;

/** A token, and the duty to give it back. */
export interface Session {
  readonly token: Secret;
  readonly namespace: string | undefined;
  readonly method: string;
  /** This run logged in; the token was not given to it. */
  readonly minted: boolean;
  readonly token_type: string | undefined;
  /** Its TTL in seconds, as the login said; 0: it has no end. */
  readonly lease_duration: number | undefined;
  /** How many requests it may make, as the login said; undefined: any number. */
  readonly num_uses: number | undefined;
  /** Whether `giveBack` will revoke it. */
  readonly revocable: boolean;
  /** Whether the server has confirmed that the token is revoked. */
  readonly revoked: boolean;
  /**
   * Revokes the token, unless the policy or its kind say otherwise. A failure is a warning: the secrets are
   * complete without it. Calling it again awaits the same revocation.
   */
  giveBack(): Promise<void>;
  /** Leaves the token alive for what depends on it, from now on. */
  keep(reason: string): void;
  /** Gives the token back, unless it is kept. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Logs in, once. A refusal is final: five bad AppRole logins lock the role on the server.
 * @throws RunError `auth` for a refusal, `unavailable` for an outage
 */
export async function openSession(
  login: PreparedLogin,
  revoke: RevokePolicy,
  sender: Sender,
  io: Io,
): Promise<Session> {
  const { first } = login;
  if (first.kind === 'given') {
    const token = await openGiven(first, login, sender);
    if (first.renew === true) await renewSelf(token, login.namespace, sender, io);
    const unknown = { token_type: undefined, lease_duration: undefined, num_uses: undefined };
    return createSession({ token, minted: false, ...unknown }, login, revoke, sender, io);
  }
  io.log.progress('logging in');
  const issued = await logIn(first, login, sender, io);
  io.log.write({
    event: 'logged_in',
    method: login.name,
    path: login.path,
    policies: issued.policies,
    token_type: issued.token_type,
    lease_duration: issued.lease_duration,
  });
  const session = createSession({ ...issued, minted: true }, login, revoke, sender, io);
  if (io.lifetime.signal.aborted) {
    await session[Symbol.asyncDispose]();
    io.lifetime.throwIfEnded();
  }
  return session;
}

type HeldToken = Pick<Session, 'token' | 'minted' | 'token_type' | 'lease_duration' | 'num_uses'>;

function createSession(
  held: HeldToken,
  login: PreparedLogin,
  policy: RevokePolicy,
  sender: Sender,
  io: Io,
): Session {
  let ending: Promise<void> | undefined;
  let revoked = false;
  const keep = (reason: string): Promise<void> => {
    io.log.write({ event: 'token_kept', reason });
    return Promise.resolve();
  };
  const revoke = async (): Promise<void> => {
    revoked = await revokeSelf(held.token, login.namespace, sender, io);
  };
  const giveBack = (): Promise<void> => {
    const reason = reasonToKeep(held, policy);
    ending ??= reason === undefined ? revoke() : keep(reason);
    return ending;
  };
  return {
    ...held,
    method: login.name,
    namespace: login.namespace,
    revocable: reasonToKeep(held, policy) === undefined,
    get revoked() {
      return revoked;
    },
    giveBack,
    keep(reason) {
      ending ??= keep(reason);
    },
    [Symbol.asyncDispose]: giveBack,
  };
}

function reasonToKeep({ minted, token_type }: HeldToken, policy: RevokePolicy): string | undefined {
  if (policy === 'never') return 'revoke: never';
  if (token_type === 'batch') return 'a batch token cannot be revoked; it ends with its TTL';
  return minted || policy === 'always' ? undefined : 'it was given to this run, not minted by it';
}

/** https://openbao.org/api-docs/auth/token/#renew-a-token-self */
async function renewSelf(
  token: Secret,
  namespace: string | undefined,
  sender: Sender,
  io: Io,
): Promise<void> {
  const request: VaultRequest = {
    method: 'POST',
    path: 'auth/token/renew-self',
    namespace,
    token,
    mints: false,
  };
  const answer = await sender.send(request);
  if (answer.kind === 'answer' && answer.status < 300) {
    const renewed = readLogin(answer.body);
    const lease_duration = renewed.kind === 'token' ? renewed.issued.lease_duration : undefined;
    io.log.write({ event: 'token_renewed', lease_duration });
    return;
  }
  const reason = answer.kind === 'answer' ? answer.errors.join('; ') : answer.failure.message;
  io.log.write({ event: 'renew_failed', reason });
}

/** https://openbao.org/api-docs/auth/token/#revoke-a-token-self */
async function revokeSelf(
  token: Secret,
  namespace: string | undefined,
  sender: Sender,
  io: Io,
): Promise<boolean> {
  using grace = gracefulSignal(io.lifetime.signal, REVOKE_GRACE_MS, REVOKE_LIMIT_MS);
  const request: VaultRequest = {
    method: 'POST',
    path: 'auth/token/revoke-self',
    namespace,
    token,
    mints: false,
  };
  try {
    const answer = await sender.send(request, { signal: grace.signal });
    if (answer.kind === 'answer' && answer.status < 300) {
      io.log.write({ event: 'token_revoked' });
      return true;
    }
    io.log.write({ event: 'revoke_failed', reason: whyNotRevoked(answer) });
  } catch {
    io.log.write({ event: 'revoke_failed', reason: 'the server did not answer in time' });
  }
  return false;
}

function whyNotRevoked(answer: Awaited<ReturnType<Sender['send']>>): string {
  if (answer.kind === 'unavailable') return answer.failure.message;
  if (isBareRefusal(answer)) return 'the server no longer accepts it: its uses or its TTL have run out';
  const said = answer.errors.join('; ');
  return `the server answered ${String(answer.status)} ${said}; its policy has to allow update on auth/token/revoke-self`;
}
