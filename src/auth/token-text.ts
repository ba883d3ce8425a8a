import { RunError } from '../base/errors.ts';
import { parseJsonObject } from '../base/lossless-json.ts';
import type { Secret } from '../base/secret.ts';
import { credentialFromText } from '../host/credential-files.ts';

/** What a text that should hold a token is, for messages. */
interface TokenText {
  /** `the token` */
  readonly what: string;
  /** The file, variable or key it came from. */
  readonly where: string;
  readonly isWrapped: boolean;
}

/**
 * The token in a text. Of a wrapping token this may also be the JSON that a sink of Vault Agent with `wrap_ttl` writes, with
 * the token and what is known of it.
 * https://developer.hashicorp.com/vault/docs/agent-and-proxy/autoauth#response-wrapping-tokens
 * @throws RunError `config` for what can be no token
 */
export function tokenIn(text: string, { what, where, isWrapped }: TokenText): Secret {
  const json = text.trimStart().startsWith('{') ? parseJsonObject(text) : undefined;
  const inside = json?.['token'];
  if (isWrapped && typeof inside === 'string') return tokenIn(inside, { what, where, isWrapped: false });
  const found = credentialFromText(json === undefined ? text : JSON.stringify(json), what, where);
  if (/^[^\s{}"<>]+$/.test(found.reveal())) return found;
  throw new RunError('config', `${what} is malformed: it has blanks, quotes, braces or angle brackets`, {
    where,
    hint:
      typeof inside === 'string'
        ? 'it is JSON, as a sink of Vault Agent with `wrap_ttl` writes it: set `wrapped: true`'
        : 'it must contain only the token; of a wrapped one also the JSON of a sink of Vault Agent is understood',
  });
}

/** How many requests open a wrapping token: one, and another to verify where it was made. */
export function unwrapRequests(isWrapped: boolean, creationPath: string | undefined): number {
  if (!isWrapped) return 0;
  return creationPath === undefined ? 1 : 2;
}
