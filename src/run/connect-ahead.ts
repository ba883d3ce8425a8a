import { traitsOf } from '../auth/index.ts';
import type { ConfigFile } from '../config/config-definition.ts';
import type { Merged } from '../config/merge.ts';
import { resolveAccess, reusedSecrets } from '../config/resolve-access.ts';
import type { Surroundings } from '../config/surroundings.ts';
import type { Scope } from '../host/scope.ts';
import { closeFirst } from '../http/first-connection.ts';
import { openWire } from '../http/open.ts';
import type { Wire } from '../http/wire.ts';
import { headOfLogin } from '../vault/request-head.ts';

/**
 * Connects while the rest of the config is still being checked: that takes as long as a handshake.
 * @returns undefined where that is too early: a login by certificate needs TLS settings of its own, a server closes idle
 *   connections, and with `reuse` the server may not be needed. What is wrong with these settings is reported by who resolves all.
 */
export async function connectAhead(
  file: ConfigFile,
  merged: Merged,
  around: Surroundings,
  scope: Pick<Scope, 'env' | 'now'>,
): Promise<Wire | undefined> {
  try {
    if (reusedSecrets(file).length > 0) return undefined;
    const { server, auth, startupJitterMs, concurrency } = resolveAccess(file, merged, around);
    if (startupJitterMs > 0) return undefined;
    const logins = await Promise.all(auth.map(traitsOf));
    if (logins.some(({ ownCertificate }) => ownCertificate)) return undefined;
    const [only] = auth.length === 1 ? logins : [];
    const wire = await openWire(server, concurrency, scope, { connects: true });
    const path = only?.postsTo;
    const namespace = auth[0].namespace ?? server.namespace;
    wire.connect(path === undefined ? {} : { first: headOfLogin(path, namespace, server.address) });
    await wire.flush();
    return wire;
  } catch {
    return undefined;
  } finally {
    closeFirst();
  }
}
