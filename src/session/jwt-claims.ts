import { isJsonObject } from '../base/lossless-json.ts';
import type { Secret } from '../base/secret.ts';
import { presentable } from '../http/presentable.ts';

/**
 * The claims that decide a login: `iss`, `aud`, `sub`, `exp`. They identify but do not authorise; the signature, without
 * which they are worthless, is never shown.
 * @returns lines to show, or one that says that the token is not a JWT
 */
export function describeClaims(jwt: Secret): readonly string[] {
  const claims = decodeClaims(jwt.reveal());
  if (claims === undefined) return ['the token that was sent is not a JWT: it has no readable claims'];
  const lines = ['iss', 'aud', 'sub'].flatMap((name) => {
    const value = claims[name];
    return value === undefined ? [] : [`the token's ${name}: ${presentable(JSON.stringify(value), [])}`];
  });
  const { exp } = claims;
  return typeof exp === 'number' ? [...lines, `the token's exp: ${describeExpiry(exp)}`] : lines;
}

function decodeClaims(jwt: string): Readonly<Record<string, unknown>> | undefined {
  const payload = jwt.split('.')[1];
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return isJsonObject(claims) ? claims : undefined;
  } catch {
    return undefined;
  }
}

/** @param exp seconds since 1970 (RFC 7519 §4.1.4) */
function describeExpiry(exp: number): string {
  const date = new Date(exp * 1000);
  if (Number.isNaN(date.getTime())) return 'not a date';
  const expired = date.getTime() < Date.now() ? ', which is in the past' : '';
  return `${date.toISOString()}${expired}`;
}
