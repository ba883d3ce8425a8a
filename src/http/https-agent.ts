import https from 'node:https';
import type { SecureContext } from 'node:tls';
import type { TlsSettings } from './server.ts';
import { expectedIdentity } from './tls.ts';

/**
 * In a file of its own, so that TLS is loaded only for it.
 * @param secureContext made from the same settings
 */
export function createHttpsAgent(
  tls: TlsSettings,
  options: https.AgentOptions,
  secureContext: SecureContext,
): https.Agent {
  return new https.Agent({
    ...options,
    secureContext,
    rejectUnauthorized: !tls.skipVerify,
    ...expectedIdentity(tls),
  });
}
