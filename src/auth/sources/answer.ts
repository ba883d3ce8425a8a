import { RunError } from '../../base/errors.ts';
import { parseJsonObject } from '../../base/lossless-json.ts';
import type { Secret } from '../../base/secret.ts';
import { credentialFromText } from '../../host/credential-files.ts';
import type { ThirdPartyAnswer } from '../../http/third-party.ts';

/**
 * The token in the answer of a token service.
 * @param field the one that holds it
 * @throws RunError `auth` for a refusal, and for an answer without a token
 */
export function tokenIn(
  { status, text }: ThirdPartyAnswer,
  field: string,
  what: string,
  hint: string,
): Secret {
  if (status !== 200) {
    throw new RunError('auth', `${what} refused (${String(status)})`, { where: 'auth.source', hint });
  }
  const token = parseJsonObject(text)?.[field];
  if (typeof token === 'string') return credentialFromText(token, `the token of ${what}`, 'auth.source');
  throw new RunError('auth', `${what} answered without a token`, { where: 'auth.source', hint });
}
