import type { GivenToken, LoginRequest } from '../auth/method.ts';
import { RunError } from '../base/errors.ts';
import { isJsonObject } from '../base/lossless-json.ts';
import { Secret } from '../base/secret.ts';
import type { Scope } from '../host/scope.ts';
import { SHUTDOWN } from '../host/shutdown-budget.ts';
import { headerValueOf } from '../http/header-value.ts';
import { gracefulSignal } from '../http/grace.ts';
import type { VaultRequest } from '../vault/request.ts';
import { readLogin, type IssuedToken } from '../vault/responses.ts';
import { isBareRefusal, type Answer } from '../vault/vault-answer.ts';
import type { Sender, SendOptions } from '../vault/sender.ts';
import type { PreparedLogin } from './prepare.ts';
import { unwrap, type UnwrapContext } from './unwrap.ts';

/** The part of the time that is left for which a bare 403 is tried again that may pass; the rest is for the run. */
const PART_FOR_REFUSALS = 4;
/** The same without a deadline, in milliseconds. */
const FOR_REFUSALS_MS = 15_000;

/**
 * Posts a login, once. A refusal is final: five bad AppRole logins lock the role on the server.
 * @throws RunError `auth` for a refusal, `unavailable` for an outage
 */
export async function logIn(
  first: LoginRequest,
  login: PreparedLogin,
  sender: Sender,
  scope: Scope,
): Promise<IssuedToken> {
  const issued = await postLogin(await openWrapped(first, login, sender), login, sender, scope);
  first.accepted?.();
  return issued;
}

/**
 * A token that exists already, unwrapped if necessary.
 * @throws RunError `auth` for a wrapping token that does not open, `config` for a token that is none, `unavailable` for an outage
 */
export async function openGiven(
  { token, wrapped }: GivenToken,
  { path, namespace }: PreparedLogin,
  sender: Sender,
): Promise<Secret> {
  if (wrapped === undefined) return token;
  const context = {
    what: 'the token',
    name: 'the wrapping token',
    option: 'wrapped',
    where: path,
    namespace,
  };
  const { auth, data } = await unwrap(wrapped, context, sender);
  // A token of a login or of auth/token/create is in `auth`; one that was wrapped as plain data is in `data`.
  const inside = textIn(auth, 'client_token') ?? textIn(data, 'token') ?? nothingInside(context);
  if (headerValueOf(inside.reveal()) === undefined) throw unusableToken(path);
  return inside;
}

async function openWrapped(
  login: LoginRequest,
  { path, namespace }: PreparedLogin,
  sender: Sender,
): Promise<LoginRequest> {
  const { wrapped } = login;
  if (wrapped === undefined) return login;
  const what = `the ${wrapped.field}`;
  const name = `the wrapping token of ${what}`;
  const context = { what, name, option: `${wrapped.field}_wrapped`, where: path, namespace };
  const { data } = await unwrap(wrapped, context, sender);
  const value = textIn(data, wrapped.field) ?? nothingInside(context);
  return { ...login, body: { ...login.body, [wrapped.field]: value } };
}

function textIn(fields: unknown, key: string): Secret | undefined {
  const value = isJsonObject(fields) ? fields[key] : undefined;
  return typeof value === 'string' && value !== '' ? new Secret(value) : undefined;
}

function nothingInside({ what, name, where }: UnwrapContext): never {
  throw new RunError('auth', `${name} contains something other than ${what}`, {
    where,
    hint: 'wrap the answer of the request that makes it, as with `-wrap-ttl`',
  });
}

async function postLogin(
  first: LoginRequest,
  login: PreparedLogin,
  sender: Sender,
  scope: Scope,
): Promise<IssuedToken> {
  // The token of a login under way must be revoked.
  using grace = gracefulSignal(scope.signal, SHUTDOWN.loginMs);
  let sent = first;
  const answer = await sender.send(loginRequest(first, login), {
    attemptSignal: grace.signal,
    rebuild: async () => {
      const again = await login.again();
      // A wrapping token can be read only once.
      if (again.kind === 'login' && again.wrapped === undefined) sent = again;
      return loginRequest(sent, login);
    },
    ...retryWhatMayPass(login, scope),
  });
  if (answer.kind === 'unavailable') throw new RunError([answer.failure]);
  if (answer.status >= 400) throw await refused(answer, sent, login);
  return issuedToken(answer, login);
}

function unusableToken(where: string): RunError {
  return new RunError('auth', 'the server returned a token that no HTTP header carries', {
    where,
    hint: 'check whether a proxy in between alters the answer: a token is one line of printable characters',
  });
}

function loginRequest({ path, body, sensitive = [] }: LoginRequest, login: PreparedLogin): VaultRequest {
  const plain = Object.entries(body).map(([key, value]) => [
    key,
    value instanceof Secret ? value.reveal() : value,
  ]);
  return {
    method: 'POST',
    path: `auth/${path}`,
    namespace: login.namespace,
    token: undefined,
    body: new Secret(JSON.stringify(Object.fromEntries(plain))),
    sensitive: [...Object.values(body).filter((value) => value instanceof Secret), ...sensitive],
    // A login without an answer is repeated: no run is possible without it, and a lost token ends with its TTL.
    mints: false,
  };
}

/** A bare 403 of a method whose server depends on something that may be down for a moment. */
function retryWhatMayPass(
  { path, method: { waitsFor } }: PreparedLogin,
  scope: Scope,
): Pick<SendOptions, 'alsoRetry'> {
  if (waitsFor === undefined) return {};
  const remainingMs = scope.remainingMs();
  const forMs = Number.isFinite(remainingMs) ? remainingMs / PART_FOR_REFUSALS : FOR_REFUSALS_MS;
  const onFirst = ({ errors }: Answer): void => {
    scope.log.write({
      event: 'login_waits',
      path,
      reason: errors.join('; '),
      waits_for: waitsFor,
      limit_ms: Math.round(forMs),
    });
  };
  return { alsoRetry: { when: isBareRefusal, forMs, onFirst } };
}

async function refused(answer: Answer, { jwt }: LoginRequest, login: PreparedLogin): Promise<RunError> {
  const { status, errors } = answer;
  const said = errors.length === 0 ? '' : `: ${errors.join('; ')}`;
  const { explainRefusal } = await import('./refusals.ts');
  const inNamespace = login.namespace === undefined ? '' : ` in namespace ${login.namespace}`;
  return new RunError(
    'auth',
    `the ${login.name} login${inNamespace} was refused (${String(status)})${said}`,
    {
      where: login.path,
      ...explainRefusal({ ...answer, jwt }, login.method),
    },
  );
}

function issuedToken(answer: Answer, login: PreparedLogin): IssuedToken {
  const result = readLogin(answer.body, answer.shown);
  switch (result.kind) {
    case 'token':
      return result.issued;
    case 'mfa_required':
      throw new RunError('auth', `the login needs a second factor (MFA: ${result.constraints.join(', ')})`, {
        where: login.path,
        hint: 'an unattended run cannot provide it: use a method or role without MFA',
      });
    case 'unusable_token':
      throw unusableToken(login.path);
    case 'no_token':
      throw new RunError('auth', 'the server accepted the login but returned no token', {
        where: login.path,
        hint: 'check that this is the path of a login, and whether a proxy in between drops the answer',
      });
  }
}
