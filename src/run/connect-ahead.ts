import { traitsOf } from '../auth/index.ts';
import type { Config } from '../config/config.ts';
import type { Io } from '../host/io.ts';
import type { Http2Sessions } from '../http/http2-sessions.ts';
import { namesProxy, openSessions } from '../http/open.ts';

/** What can be made ready for requests before it is known where they go. */
export async function wakeHttpClient(): Promise<void> {
  if (process.versions['bun'] === undefined || namesProxy({ proxyAddress: undefined })) return;
  const { wakeHttpThread } = await import('../http/bun.ts');
  wakeHttpThread();
}

/**
 * Connects while the rest of the config is still looked at, as far as that is known to pay: nothing is sent but a
 * handshake. What goes wrong is left to those who then need it.
 */
export async function connectAhead(
  { server, auth, secrets, startupJitterMs }: Pick<Config, 'server' | 'auth' | 'secrets' | 'startupJitterMs'>,
  io: Pick<Io, 'env'>,
): Promise<Http2Sessions | undefined> {
  // A login by certificate brings its own, and a server closes what waits for long. With `reuse` it may not be needed.
  const tooEarly = startupJitterMs > 0 || secrets.some(({ reuse }) => reuse);
  if (tooEarly || process.versions['bun'] !== undefined) return undefined;
  const logins = await Promise.all(auth.map(traitsOf));
  if (logins.some(({ ownCertificate }) => ownCertificate)) return undefined;
  return openSessions(server, io).catch(() => undefined);
}
