import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import type { Cluster } from './cluster.ts';

/** What versions are made with, in bytes. */
const KEY_BYTES = 32;

/** Before the API is asked again for what it did not give, in milliseconds. */
const AGAIN_AFTER_MS = 60_000;

/** The key that all nodes make the versions with: so they tell nothing of what is in a file, and are the same on each. */
export interface VersionKey {
  /** Never throws: without a key, versions are empty, which is told. */
  get(): Promise<Uint8Array | undefined>;
}

/** Of all mounts that wait for it. */
const LIMIT_MS = 5000;

/**
 * @param secret its name, beside this provider
 * @param scope that of the process: who asks first may be gone before there is an answer
 */
export function createVersionKey(cluster: Cluster | undefined, secret: string, scope: Scope): VersionKey {
  let known: Uint8Array | undefined;
  let asking: Promise<Uint8Array | undefined> | undefined;
  let askedAtMs = -Infinity;
  return {
    get() {
      const isTooSoon = asking === undefined && scope.now() - askedAtMs < AGAIN_AFTER_MS;
      if (known !== undefined || cluster === undefined || isTooSoon) return Promise.resolve(known);
      askedAtMs = scope.now();
      asking ??= keyIn(cluster, secret, scope).then((key) => {
        asking = undefined;
        return (known = key);
      });
      return asking;
    },
  };
}

async function keyIn(cluster: Cluster, secret: string, whole: Scope): Promise<Uint8Array | undefined> {
  using scope = whole.child({ timeoutMs: LIMIT_MS });
  try {
    const bytes = Buffer.from((await cluster.entryOf(secret, 'key', madeKey, scope)).reveal(), 'base64');
    if (bytes.length === KEY_BYTES) return bytes;
    const reason = `the key in the Secret ${secret} has not ${String(KEY_BYTES)} bytes`;
    scope.log.write({ event: 'versions_missing', reason });
  } catch (error) {
    const texts = asRunError(error).failures.map(({ message, details = [] }) =>
      [message, ...details].join(': '),
    );
    scope.log.write({ event: 'versions_missing', reason: texts.join('; ') });
  }
  return undefined;
}

function madeKey(): string {
  const bytes = new Uint8Array(KEY_BYTES);
  crypto.getRandomValues(bytes);
  return Buffer.from(bytes).toString('base64');
}
