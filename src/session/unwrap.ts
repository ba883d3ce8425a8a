import type { Wrapped } from '../auth/method.ts';
import { RunError } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/lossless-json.ts';
import { Secret } from '../base/secret.ts';
import type { VaultRequest } from '../vault/request.ts';
import type { Answer, Sender } from '../vault/sender.ts';

/** What a wrapping token contains, and where it is opened. */
export interface UnwrapContext {
  /** What is inside, for messages: `the secret_id`. */
  readonly what: string;
  /** The wrapping token, for messages: `the wrapping token of the secret_id`. */
  readonly name: string;
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
 * @throws RunError `auth` when it was opened before, has expired, or was made elsewhere; `unavailable`
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
  return bodyOf(await answerTo(request, context, sender), context);
}

async function checkCreationPath(
  token: Secret,
  expected: string,
  context: UnwrapContext,
  sender: Sender,
): Promise<void> {
  const request: VaultRequest = {
    method: 'POST',
    path: 'sys/wrapping/lookup',
    namespace: context.namespace,
    token: undefined,
    body: new Secret(JSON.stringify({ token: token.reveal() })),
    sensitive: [token],
    mints: false,
  };
  const answer = await answerTo(request, context, sender);
  const { data } = bodyOf(answer, context);
  const path = isJsonObject(data) ? data['creation_path'] : undefined;
  if (path === expected) return;
  throw new RunError('auth', `${context.name} was not made at ${expected}`, {
    where: context.where,
    details: typeof path === 'string' ? [`it was made at ${answer.shown(path)}`] : [],
    hint: 'it was not opened; somebody may have replaced it, or the creation path in the config is wrong',
  });
}

async function answerTo(request: VaultRequest, { where }: UnwrapContext, sender: Sender): Promise<Answer> {
  const answer = await sender.send(request);
  if (answer.kind === 'answer') return answer;
  throw new RunError([{ ...answer.failure, where }]);
}

function bodyOf({ status, body, errors }: Answer, { name, where }: UnwrapContext): JsonObject {
  if (status < 400 && isJsonObject(body)) return body;
  throw new RunError('auth', `${name} does not open: it was used before, or has expired`, {
    where,
    details: errors,
    hint: INTERCEPTED,
  });
}
