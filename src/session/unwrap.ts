import type { Wrapped } from '../auth/method.ts';
import { RunError } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/lossless-json.ts';
import type { Secret } from '../base/secret.ts';
import type { VaultRequest } from '../vault/request.ts';
import type { Answer } from '../vault/vault-answer.ts';
import type { Sender } from '../vault/sender.ts';
import { selfLookUp, wrappingLookUp } from './token-look-ups.ts';

/** What a wrapping token contains, and where it is opened. */
export interface UnwrapContext {
  /** What is inside, for messages: `the secret_id`. */
  readonly what: string;
  /** The wrapping token, for messages: `the wrapping token of the secret_id`. */
  readonly name: string;
  /** The option that says so: `secret_id_wrapped`. */
  readonly option: string;
  /** For messages: `auth/approle/login`. */
  readonly where: string;
  readonly namespace: string | undefined;
}

const INTERCEPTED =
  'treat it as intercepted: find out who opened it, revoke its content, and wrap a new one; it is also refused when its TTL has run out';

/**
 * Opens a response-wrapping token, which works once. The creation path is verified first: a token made elsewhere could
 * contain anything.
 * https://openbao.org/docs/concepts/response-wrapping/#response-wrapping-token-validation
 * @returns the answer that was wrapped
 * @throws RunError `auth` when it was opened before, has expired, or was made elsewhere; `config` when it is no wrapping token;
 *   `unavailable`
 */
export async function unwrap(
  { token, creationPath }: Wrapped,
  context: UnwrapContext,
  sender: Sender,
): Promise<JsonObject> {
  if (creationPath !== undefined) await checkCreationPath(token, creationPath, context, sender);
  const request: VaultRequest = {
    method: 'POST',
    path: 'sys/wrapping/unwrap',
    namespace: context.namespace,
    token,
    // It opens once: after a lost answer, a second try would find it used and suspect interception.
    mints: true,
  };
  return (await openedBy({ request, token }, context, sender)).body;
}

async function checkCreationPath(
  token: Secret,
  expected: string,
  context: UnwrapContext,
  sender: Sender,
): Promise<void> {
  const request = wrappingLookUp(token, context.namespace);
  const { body, shown } = await openedBy({ request, token }, context, sender);
  const { data } = body;
  const path = isJsonObject(data) ? data['creation_path'] : undefined;
  if (path === expected) return;
  throw new RunError('auth', `${context.name} was not made at ${expected}`, {
    where: context.where,
    details: typeof path === 'string' ? [`it was made at ${shown(path)}`] : [],
    hint: 'it was not opened; somebody may have replaced it, or the creation path in the config is wrong',
  });
}

async function answerTo(request: VaultRequest, { where }: UnwrapContext, sender: Sender): Promise<Answer> {
  const answer = await sender.send(request);
  if (answer.kind === 'answer') return answer;
  throw new RunError([{ ...answer.failure, where }]);
}

async function openedBy(
  { request, token }: { readonly request: VaultRequest; readonly token: Secret },
  context: UnwrapContext,
  sender: Sender,
): Promise<{ readonly body: JsonObject } & Pick<Answer, 'shown'>> {
  const { status, body, errors, shown } = await answerTo(request, context, sender);
  if (status < 400 && isJsonObject(body)) return { body, shown };
  const { what, name, where } = context;
  const kind = await kindOfPlain(token, context, sender);
  if (kind !== undefined) {
    throw new RunError('config', `${what} is not wrapped: it is ${kind}, and not a wrapping token`, {
      where,
      hint: `leave \`${context.option}: true\` out, or wrap ${what}, as with \`-wrap-ttl\``,
    });
  }
  throw new RunError('auth', `${name} does not open: it was used before, or has expired`, {
    where,
    details: errors,
    hint: INTERCEPTED,
  });
}

/**
 * What stands in the place of a wrapping token, if that is what should be inside of it: an id, as the server makes them, or a token
 * that may look itself up, which the policy of a wrapping token does not allow.
 */
async function kindOfPlain(
  token: Secret,
  { namespace }: UnwrapContext,
  sender: Sender,
): Promise<string | undefined> {
  if (/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/.test(token.reveal())) return 'a UUID';
  const answer = await sender.send(selfLookUp(token, namespace));
  return answer.kind === 'answer' && answer.status === 200 ? 'an ordinary token' : undefined;
}
