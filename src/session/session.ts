import { Secret } from '../base/secret.ts';
import type { RevokePolicy } from '../config/config.ts';
import type { Scope } from '../host/scope.ts';
import { SHUTDOWN } from '../host/shutdown-budget.ts';
import type { VaultRequest } from '../vault/request.ts';
import { readLogin } from '../vault/responses.ts';
import { isBareRefusal, type Answer, type Unavailable } from '../vault/vault-answer.ts';
import type { Sender, SendOptions } from '../vault/sender.ts';
import { sendWithin } from './give-back.ts';
import { logIn, openGiven } from './post-login.ts';
import type { PreparedLogin } from './prepare.ts';

/** A token and its lifetime. It is given back (revoked, or left alive) at the end. */
export interface Session {
  readonly token: Secret;
  readonly namespace: string | undefined;
  readonly method: string;
  /** True: this run logged in; false: the token was given to it. */
  readonly minted: boolean;
  /** Where a given token came from, for messages: `$VAULT_TOKEN`, a file; undefined: from a login. */
  readonly source: string | undefined;
  readonly token_type: string | undefined;
  /** Its TTL in seconds, from the login or the latest renewal; 0: it never expires. */
  readonly lease_duration: number | undefined;
  /** Seconds since 1970; undefined: it never expires, or its TTL is unknown. */
  readonly expiresAt: number | undefined;
  readonly renewable: boolean | undefined;
  /** How many requests it may make, from the login; undefined: any number. */
  readonly num_uses: number | undefined;
  readonly revoke: RevokePolicy;
  /** Whether `giveBack` will revoke it. */
  readonly revocable: boolean;
  /** Whether the server has confirmed that the token is revoked. */
  readonly revoked: boolean;
  /**
   * Asks the server for a new TTL.
   * @param incrementS the requested TTL, in seconds; undefined: the default of the role
   * @param by a sender of a piece of work; otherwise that of the login
   */
  renew(incrementS?: number, by?: Sender): Promise<Renewal>;
  /**
   * Revokes the token, unless `revoke` or its type forbid that. A failure is only a warning, because the secrets are
   * complete without it. Another call awaits the same revocation.
   * @param by a sender of a piece of work, and its scope; otherwise those of the login
   */
  giveBack(by?: { readonly sender: Sender; readonly scope: Scope }): Promise<void>;
  /** Keeps the token alive for what depends on it; it is no longer revoked. */
  keepAlive(reason: string): void;
  /** Gives the token back, unless it is kept alive. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** The result of a renewal. */
export type Renewal =
  | { readonly kind: 'renewed'; readonly lease_duration: number | undefined }
  | { readonly kind: 'refused'; readonly answer: Answer }
  | Unavailable;

/**
 * Logs in, once. A refusal is final: five bad AppRole logins lock the role on the server.
 * @throws RunError `auth` for a refusal, `unavailable` for an outage
 */
export async function openSession(
  login: PreparedLogin,
  revoke: RevokePolicy,
  sender: Sender,
  scope: Scope,
): Promise<Session> {
  const { first } = login;
  if (first.kind === 'given') {
    const token = await openGiven(first, login, sender);
    const unknown = { token_type: undefined, lease_duration: undefined, renewable: undefined };
    const given = { token, minted: false, source: first.source, ...unknown, num_uses: undefined };
    const session = createSession(given, login, revoke, sender, scope);
    if (first.renew === true) logRenewal(await session.renew(), scope);
    return session;
  }
  scope.log.progress('logging in');
  const issued = await logIn(first, login, sender, scope);
  scope.log.write({
    event: 'logged_in',
    method: login.name,
    path: login.path,
    policies: issued.policies,
    token_type: issued.token_type,
    lease_duration: issued.lease_duration,
  });
  const session = createSession({ ...issued, minted: true, source: undefined }, login, revoke, sender, scope);
  if (scope.signal.aborted) {
    await session[Symbol.asyncDispose]();
    scope.throwIfEnded();
  }
  return session;
}

function logRenewal(renewal: Renewal, { log }: Scope): void {
  if (renewal.kind === 'renewed') {
    log.write({ event: 'token_renewed', lease_duration: renewal.lease_duration });
    return;
  }
  const reason = renewal.kind === 'refused' ? renewal.answer.errors.join('; ') : renewal.failure.message;
  log.write({ event: 'renew_failed', reason });
}

type ObtainedToken = Pick<
  Session,
  'token' | 'minted' | 'source' | 'token_type' | 'lease_duration' | 'renewable' | 'num_uses'
>;

function createSession(
  obtained: ObtainedToken,
  login: PreparedLogin,
  policy: RevokePolicy,
  sender: Sender,
  scope: Scope,
): Session {
  const { token } = obtained;
  const { namespace } = login;
  let ending: Promise<void> | undefined;
  let revoked = false;
  let life = lifeOf(obtained.lease_duration);
  const whyAlive = reasonToKeepAlive(obtained, policy);
  const leaveAlive = (reason: string): Promise<void> => {
    scope.log.write({ event: 'token_kept', reason });
    return Promise.resolve();
  };
  const own = { sender, scope };
  const end = async (by: typeof own): Promise<void> => {
    revoked = await revokeSelf({ token, namespace }, retryWhileUnknown(obtained), by.sender, by.scope);
  };
  const giveBack = (by = own): Promise<void> =>
    (ending ??= whyAlive === undefined ? end(by) : leaveAlive(whyAlive));
  return {
    ...obtained,
    method: login.name,
    namespace,
    get lease_duration() {
      return life.lease_duration;
    },
    get expiresAt() {
      return life.expiresAt;
    },
    revoke: policy,
    revocable: whyAlive === undefined,
    get revoked() {
      return revoked;
    },
    async renew(incrementS, by = sender) {
      const renewal = await renewSelf({ token, namespace }, incrementS, by);
      if (renewal.kind === 'renewed') life = lifeOf(renewal.lease_duration ?? life.lease_duration);
      return renewal;
    },
    giveBack,
    keepAlive(reason) {
      ending ??= leaveAlive(reason);
    },
    [Symbol.asyncDispose]: () => giveBack(),
  };
}

/** A token that never expires has a TTL of 0. */
function lifeOf(lease_duration: number | undefined): Pick<Session, 'lease_duration' | 'expiresAt'> {
  const hasEnd = lease_duration !== undefined && lease_duration > 0;
  return { lease_duration, expiresAt: hasEnd ? Date.now() / 1000 + lease_duration : undefined };
}

function reasonToKeepAlive({ minted, token_type }: ObtainedToken, policy: RevokePolicy): string | undefined {
  if (policy === 'never') return 'revoke: never';
  if (token_type === 'batch') return 'a batch token cannot be revoked; it ends with its TTL';
  return minted || policy === 'always' ? undefined : 'it was given to this run, not minted by it';
}

type TokenAt = Pick<VaultRequest, 'token' | 'namespace'>;

/** https://openbao.org/api-docs/auth/token/#renew-a-token-self */
async function renewSelf(token: TokenAt, incrementS: number | undefined, sender: Sender): Promise<Renewal> {
  const path = 'auth/token/renew-self';
  const body =
    incrementS === undefined
      ? {}
      : { body: new Secret(JSON.stringify({ increment: `${String(incrementS)}s` })) };
  const answer = await sender.send({ method: 'POST', path, ...token, ...body, mints: false });
  if (answer.kind === 'unavailable') return answer;
  if (answer.status >= 300) return { kind: 'refused', answer };
  const renewed = readLogin(answer.body, answer.shown);
  return {
    kind: 'renewed',
    lease_duration: renewed.kind === 'token' ? renewed.issued.lease_duration : undefined,
  };
}

/** https://openbao.org/api-docs/auth/token/#revoke-a-token-self */
async function revokeSelf(
  token: TokenAt,
  options: Pick<SendOptions, 'alsoRetry'>,
  sender: Sender,
  scope: Scope,
): Promise<boolean> {
  const request: VaultRequest = { method: 'POST', path: 'auth/token/revoke-self', ...token, mints: false };
  // The outputs are published after it.
  const limit = { graceMs: SHUTDOWN.tokenMs, share: 1 / 2 };
  const answer = await sendWithin(request, limit, sender, scope, options);
  const isRevoked = answer.kind === 'answer' && answer.status < 300;
  scope.log.write(
    isRevoked ? { event: 'token_revoked' } : { event: 'revoke_failed', ...whyNotRevoked(answer) },
  );
  return isRevoked;
}

/** How often a token of this run is retried where it is not known yet. */
const REFUSALS_RETRIED = 3;

/**
 * A standby or replica that does not know a new token yet answers as if it did not exist. A token that was given to the
 * run is not new, and a token with limited uses gets the same answer once they run out.
 */
export function retryWhileUnknown({
  minted,
  num_uses,
}: Pick<Session, 'minted' | 'num_uses'>): Pick<SendOptions, 'alsoRetry'> {
  return minted && num_uses === undefined
    ? { alsoRetry: { when: isBareRefusal, limit: REFUSALS_RETRIED } }
    : {};
}

function whyNotRevoked(answer: Answer | Unavailable): { readonly reason: string; readonly ended?: boolean } {
  if (answer.kind === 'unavailable') return { reason: answer.failure.message };
  if (isBareRefusal(answer)) return { reason: 'the server no longer accepts it', ended: true };
  const said = answer.errors.join('; ');
  return {
    reason: `the server answered ${String(answer.status)} ${said}; its policy must allow update on auth/token/revoke-self`,
  };
}
