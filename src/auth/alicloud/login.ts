import { Secret } from '../../base/secret.ts';
import { loginPath } from '../login-mounts.ts';
import type { AuthIo, LoginRequest } from '../method.ts';
import type { AlicloudConfig } from './config.ts';
import { findKey } from './key.ts';
import { assumeRole, signedUrl } from './sts.ts';

/** Proves a role of Alibaba Cloud by a signed request to STS that the server sends in its stead. */
export async function alicloudLogin(config: AlicloudConfig, io: AuthIo): Promise<LoginRequest> {
  const { key, isRole } = await findKey(config, io);
  const role = config.role_arn;
  const caller = role === undefined || isRole ? key : await assumeRole(config, key, role, io);
  const url = signedUrl(config, caller, { Action: 'GetCallerIdentity' });
  const headers = {
    'Accept-Encoding': ['identity'],
    'Content-Type': ['application/x-www-form-urlencoded'],
  };
  return {
    kind: 'login',
    path: loginPath(config),
    body: {
      role: config.role,
      // Until it expires, it is as good as a credential.
      identity_request_url: new Secret(base64(url)),
      identity_request_headers: base64(JSON.stringify(headers)),
    },
  };
}

function base64(value: string): string {
  return Buffer.from(value).toString('base64');
}
