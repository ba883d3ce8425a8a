import { Secret } from '../../base/secret.ts';
import { baseOf } from '../../http/proxy.ts';
import type { AuthIo, LoginRequest, LoginServer } from '../method.ts';
import { findApiKey } from './api-key.ts';
import type { OciConfig } from './config.ts';
import { machineKey } from './machine.ts';
import { authorization } from './signature.ts';

/**
 * Proves a user or machine of Oracle by the signed headers of a request that is never sent: the server has Oracle check
 * them. They name the role, in small letters as the server does.
 */
export async function ociLogin(
  config: OciConfig,
  io: AuthIo,
  { address }: LoginServer,
): Promise<LoginRequest> {
  const path = `${config.mount}/login/${config.role.toLowerCase()}`;
  const key = config.type === 'instance' ? await machineKey(config, io) : findApiKey(config, io);
  const signed = [
    ['date', new Date().toUTCString()],
    ['(request-target)', `get /v1/auth/${path}`],
    ['host', new URL(baseOf(address)).host],
  ] as const;
  const signature = authorization(signed, key);
  const headers = [...signed, ['authorization', signature] as const];
  return {
    kind: 'login',
    path,
    body: {
      request_headers: Object.fromEntries(headers.map(([name, value]) => [name, [value]])),
    },
    // Until it expires, it is as good as a credential.
    sensitive: [new Secret(signature)],
  };
}
