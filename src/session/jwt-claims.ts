import { isJsonObject } from '../base/lossless-json.ts';
import type { Secret } from '../base/secret.ts';
import { presentable } from '../http/presentable.ts';

/**
 * The claims that decide a login: `iss`, `aud`, `sub`, `exp`, and what lies in the future of `nbf` and `iat`. They identify
 * but do not authorise; the signature, without which they are worthless, is never shown.
 * @param date the server's clock, as its `Date` says; undefined: it did not say, and that of this machine is used
 * @returns lines to show, or one that says that the token is not a JWT
 */
export function describeClaims(jwt: Secret, date: string | undefined): readonly string[] {
  const claims = decodeClaims(jwt.reveal());
  if (claims === undefined) return ['the token that was sent is not a JWT: it has no readable claims'];
  const clock = clockOf(date);
  return Object.entries(CLAIMS).flatMap(([name, describe]) => {
    const text = describe(claims[name], clock);
    return text === undefined ? [] : [`the token's ${name}: ${text}`];
  });
}

/** The clock that the token is compared with. */
interface Clock {
  readonly whose: string;
  readonly nowMs: number;
}

function clockOf(date = ''): Clock {
  const serverMs = Date.parse(date);
  return Number.isNaN(serverMs)
    ? { whose: 'this machine', nowMs: Date.now() }
    : { whose: 'the server', nowMs: serverMs };
}

/** How each is described; undefined: it says nothing. */
const CLAIMS: Readonly<Record<string, (claim: unknown, clock: Clock) => string | undefined>> = {
  iss: plain,
  aud: plain,
  sub: plain,
  nbf: describeStart,
  iat: describeStart,
  exp: describeExpiry,
};

function plain(claim: unknown): string | undefined {
  return claim === undefined ? undefined : presentable(JSON.stringify(claim), []);
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

/** Seconds since 1970 (RFC 7519 §4.1.4-6). A start in the past refuses nothing. */
function describeStart(claim: unknown, { whose, nowMs }: Clock): string | undefined {
  if (typeof claim !== 'number' || claim * 1000 <= nowMs) return undefined;
  const seconds = Math.ceil(claim - nowMs / 1000);
  return `${isoOf(claim * 1000)}, ${String(seconds)} s after the clock of ${whose} (${isoOf(nowMs)})`;
}

function describeExpiry(claim: unknown, { nowMs }: Clock): string | undefined {
  if (typeof claim !== 'number') return undefined;
  return `${isoOf(claim * 1000)}${claim * 1000 < nowMs ? ', which is in the past' : ''}`;
}

function isoOf(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? 'not a date' : date.toISOString();
}
