import https from 'node:https';
import type { TlsSettings } from '../config/config.ts';
import { secureContextOf } from './tls.ts';

/**
 * In a file of its own, so that TLS is loaded only for it.
 * @throws RunError `config` for unusable TLS files
 */
export function createHttpsAgent(tls: TlsSettings, options: https.AgentOptions): https.Agent {
  return new https.Agent({
    ...options,
    secureContext: secureContextOf(tls),
    rejectUnauthorized: !tls.skipVerify,
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  });
}
