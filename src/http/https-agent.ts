import https from 'node:https';
import type { SecureContext } from 'node:tls';
import type { TlsSettings } from './server.ts';
import { secureContextOf } from './tls.ts';

/**
 * In a file of its own, so that TLS is loaded only for it.
 * @param secureContext made from the same settings for another connection
 * @throws RunError `config` for unusable TLS files
 */
export function createHttpsAgent(
  tls: TlsSettings,
  options: https.AgentOptions,
  secureContext: SecureContext = secureContextOf(tls),
): https.Agent {
  return new https.Agent({
    ...options,
    secureContext,
    rejectUnauthorized: !tls.skipVerify,
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  });
}
