import { traitsOf } from '../auth/index.ts';
import type { Config } from '../config/config.ts';
import type { Scope } from '../host/scope.ts';
import { openWire } from '../http/open.ts';
import type { Wire } from '../http/wire.ts';

type Considered = Pick<Config, 'server' | 'auth' | 'secrets' | 'startupJitterMs' | 'concurrency'>;

/**
 * Connects while the rest of the config is still being checked.
 * @returns undefined where that is too early: a login by certificate needs TLS settings of its own, a server closes idle
 *   connections, and with `reuse` the server may not be needed. The run itself reports unusable TLS files.
 */
export async function connectAhead(
  { server, auth, secrets, startupJitterMs, concurrency }: Considered,
  io: Pick<Scope, 'env' | 'now'>,
): Promise<Wire | undefined> {
  if (startupJitterMs > 0 || secrets.some(({ reuse }) => reuse)) return undefined;
  const logins = await Promise.all(auth.map(traitsOf));
  if (logins.some(({ ownCertificate }) => ownCertificate)) return undefined;
  const wire = await openWire(server, concurrency, io).catch(() => undefined);
  wire?.connect();
  await wire?.flush();
  return wire;
}
