import { allOrFailures, RunError, throwIfAny } from '../base/errors.ts';
import { isJsonObject } from '../base/lossless-json.ts';
import { Secret } from '../base/secret.ts';
import { tokenOutputsOf, type TokenHolders, type TokenOutput } from '../plan/token-outputs.ts';
import type { VaultRequest } from '../vault/request.ts';
import type { Answer } from '../vault/vault-answer.ts';
import type { Sender } from '../vault/sender.ts';
import type { Session } from './session.ts';
import { lifeIn } from './token-look-ups.ts';

/** The token for each output, by its `where`. */
export type OutputTokens = ReadonlyMap<string, Secret>;

/**
 * Ensures that the token lives as long as the outputs require, and wraps it for those that ask for a wrapped one.
 * @throws RunError `policy` when it ends sooner and cannot be renewed that far; `denied`, `unavailable`
 */
export async function prepareTokens(
  tokenOutputs: readonly TokenOutput[],
  session: Session,
  sender: Sender,
): Promise<OutputTokens> {
  if (tokenOutputs.length === 0) return new Map();
  checkUnlimited(tokenOutputs, session);
  await ensureTtl(tokenOutputs, session, sender);
  return new Map(
    await allOrFailures(
      tokenOutputs.map(async (output) => [output.where, await tokenFor(output, session, sender)] as const),
    ),
  );
}

/** Without a server, every token output has the same text. */
export function fixtureTokens(plan: TokenHolders): OutputTokens {
  return new Map(tokenOutputsOf(plan).map(({ where }) => [where, new Secret('fixture-token')]));
}

/** This run consumes uses itself, and how many are left for a reader of the output is unknown. */
function checkUnlimited(tokenOutputs: readonly TokenOutput[], { num_uses }: Session): void {
  if (num_uses === undefined) return;
  throwIfAny(
    tokenOutputs.map(({ where }) => ({
      kind: 'policy',
      message: `the token may make only ${String(num_uses)} requests (num_uses), which this run needs itself`,
      where,
      hint: 'set token_num_uses of the role to 0',
    })),
  );
}

/** Renews once, if the token would end before the longest `min_ttl`. */
async function ensureTtl(
  tokenOutputs: readonly TokenOutput[],
  session: Session,
  sender: Sender,
): Promise<void> {
  const asking = tokenOutputs.filter(({ content }) => content.minTtlMs !== undefined);
  const wantedS = Math.max(...asking.map(({ content }) => (content.minTtlMs ?? 0) / 1000));
  if (asking.length === 0) return;
  const knownS = session.lease_duration ?? (await lookUpTtl(session, sender));
  // 0: it never expires, such as a root token.
  if (knownS === 0 || knownS >= wantedS) return;
  const ttlS = (await renewed(Math.ceil(wantedS), session)) ?? knownS;
  throwIfAny(
    asking
      .filter(({ content }) => (content.minTtlMs ?? 0) / 1000 > ttlS)
      .map(({ what, where }) => ({
        kind: 'policy',
        message: `the token ends in ${String(ttlS)} s, before the min_ttl of the ${what}`,
        where,
        hint: 'raise token_ttl and token_max_ttl of the role, or lower min_ttl',
      })),
  );
}

/** https://openbao.org/api-docs/auth/token/#lookup-a-token-self */
async function lookUpTtl(session: Session, sender: Sender): Promise<number> {
  const answer = await ask({ method: 'GET', path: 'auth/token/lookup-self' }, session, sender);
  return lifeIn(answer.body).ttl ?? 0;
}

/** @returns seconds; undefined: the token is not renewable */
async function renewed(incrementS: number, session: Session): Promise<number | undefined> {
  const renewal = await session.renew(incrementS);
  if (renewal.kind === 'renewed') return renewal.lease_duration;
  if (renewal.kind === 'unavailable') throw new RunError([renewal.failure]);
  // The answer for a token that is not renewable.
  if (renewal.answer.status === 400) return undefined;
  throw refused('auth/token/renew-self', renewal.answer);
}

/** https://openbao.org/api-docs/system/wrapping-wrap/ */
async function tokenFor({ content, where }: TokenOutput, session: Session, sender: Sender): Promise<Secret> {
  const { wrapTtlMs } = content;
  if (wrapTtlMs === undefined) return session.token;
  const answer = await ask(
    {
      method: 'POST',
      path: 'sys/wrapping/wrap',
      body: { token: session.token.reveal() },
      wrapTtlS: Math.ceil(wrapTtlMs / 1000),
    },
    session,
    sender,
  );
  const info = isJsonObject(answer.body) ? answer.body['wrap_info'] : undefined;
  const token = isJsonObject(info) ? info['token'] : undefined;
  if (typeof token === 'string' && token !== '') return new Secret(token);
  throw new RunError('unavailable', 'the server returned no wrapping token', { where });
}

interface TokenRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: Readonly<Record<string, string>>;
  readonly wrapTtlS?: number;
}

async function ask(
  { method, path, body, wrapTtlS }: TokenRequest,
  { token, namespace }: Session,
  sender: Sender,
): Promise<Answer> {
  const request: VaultRequest = {
    method,
    path,
    namespace,
    token,
    ...(body === undefined ? {} : { body: new Secret(JSON.stringify(body)) }),
    ...(wrapTtlS === undefined ? {} : { wrapTtl: wrapTtlS }),
    mints: wrapTtlS !== undefined,
  };
  const answer = await sender.send(request);
  if (answer.kind === 'unavailable') throw new RunError([answer.failure]);
  if (answer.status < 400) return answer;
  throw refused(path, answer, method === 'GET' ? 'read' : 'update');
}

function refused(path: string, { status, errors }: Answer, capability = 'update'): RunError {
  return new RunError('denied', `the server refused ${path} (${String(status)})`, {
    details: errors,
    hint: `a policy of the token must allow ${capability} on ${path}; the default policy does`,
  });
}
