import type { Failure } from '../base/errors.ts';
import type { KeyValues, SecretMetadata } from '../base/secret-data.ts';
import type { SecretPlan } from '../plan/plan.ts';
import type { PlannedRead } from './planned-reads.ts';

/** Limits on the life of a secret that are not in its answer. */
export interface Clock {
  /** Seconds since 1970. */
  readonly now: number;
  /** TTL of the token that leases depend on, in seconds; undefined: unknown, or it never expires. */
  readonly tokenTtl: number | undefined;
}

/** The parts of an answer that may say when it ends. */
interface Answered {
  readonly keys: KeyValues;
  readonly metadata: Omit<SecretMetadata, 'path'>;
}

/** @returns undefined when the secret lasts as long as its `min_ttl`, or has none */
export function tooShort(
  { minTtlMs, where, reuse, isKept }: SecretPlan,
  read: Pick<PlannedRead, 'request' | 'engine'>,
  answered: Answered,
  clock: Clock,
): Failure | undefined {
  if (minTtlMs === undefined) return undefined;
  const ends = endsOf(read, answered, isKept ? { ...clock, tokenTtl: undefined } : clock);
  const { path } = read.request;
  const needed = Math.ceil(minTtlMs / 1000);
  if (ends.length === 0) {
    return {
      kind: 'policy',
      message: `min_ttl is ${String(needed)} s, but the answer of ${path} does not say when it ends`,
      where,
      hint: `${reuse ? 'set `max_age` in place of min_ttl' : 'leave min_ttl out'}: there is no lease, certificate, expiration or ttl in the answer`,
    };
  }
  const [first] = ends.toSorted((a, b) => a.seconds - b.seconds);
  if (first === undefined || first.seconds >= needed) return undefined;
  return {
    kind: 'policy',
    message: `${first.what} of ${path} ends in ${String(Math.floor(first.seconds))} s, sooner than min_ttl (${String(needed)} s)`,
    where,
    hint: first.hint,
  };
}

/**
 * The earliest end in an answer.
 * @returns seconds since 1970; undefined: the answer has none
 */
export function expiryOf(
  read: Pick<PlannedRead, 'request' | 'engine'>,
  answered: Answered,
  clock: Clock,
): number | undefined {
  const ends = endsOf(read, answered, clock).map(({ seconds }) => seconds);
  return ends.length === 0 ? undefined : Math.floor(clock.now + Math.min(...ends));
}

interface End {
  readonly what: string;
  readonly seconds: number;
  readonly hint: string;
}

const HINT = 'ask for a longer TTL in `write:` or in the role on the server, or lower min_ttl';

/** Everything in the answer that ends; the earliest counts. */
function endsOf(
  { request, engine }: Pick<PlannedRead, 'request' | 'engine'>,
  answered: Answered,
  clock: Clock,
): End[] {
  const { keys, metadata } = answered;
  const end = (what: string, seconds: number | undefined, hint = HINT): End[] =>
    seconds === undefined ? [] : [{ what, seconds, hint }];
  if (request.wrapTtl !== undefined)
    return end('the wrapping token', numberOf(keys, 'ttl'), 'raise wrap_ttl, or lower min_ttl');
  const certificate = certificateSeconds(keys, clock);
  // In KV the other names are ordinary keys of the user.
  if (engine.name === 'kv1' || engine.name === 'kv2')
    return end('the certificate', certificate, 'store one that lasts longer, or lower min_ttl');
  const expiration = numberOf(keys, 'expiration');
  const leased = metadata.lease_id !== undefined;
  return [
    ...end('the lease', leased ? metadata.lease_duration : undefined),
    ...end(
      'the token that holds the lease',
      leased ? clock.tokenTtl : undefined,
      'raise token_ttl of the role that logs in, or lower min_ttl',
    ),
    ...end('the credential', expiration === undefined ? undefined : expiration - clock.now),
    ...end('the credential', numberOf(keys, 'ttl')),
    ...end('the certificate', certificate),
  ];
}

function numberOf(keys: KeyValues, key: string): number | undefined {
  const value = keys.get(key);
  return typeof value === 'number' && value > 0 ? value : undefined;
}

function certificateSeconds(keys: KeyValues, { now }: Clock): number | undefined {
  const pem = keys.get('certificate');
  if (typeof pem !== 'string' || !pem.includes('-----BEGIN CERTIFICATE-----')) return undefined;
  // Slow to load, and few runs inspect a certificate.
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  try {
    return Date.parse(new X509Certificate(pem).validTo) / 1000 - now;
  } catch {
    return undefined;
  }
}
