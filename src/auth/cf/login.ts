import { constants } from 'node:crypto';
import { RunError } from '../../base/errors.ts';
import { AbsentCredential, placeOf, textFromFile, type CredentialFile } from '../../host/credential-files.ts';
import { loginPath } from '../login-mounts.ts';
import type { AuthIo, LoginRequest } from '../method.ts';
import { signRsa } from '../rsa.ts';
import type { CfConfig } from './config.ts';

/**
 * Proves an instance of Cloud Foundry by its identity certificate: RSA-PSS with SHA-256 over the time, the certificate as
 * its file has it, and the role, one after the other. The server takes any length of salt; its own client uses the longest.
 * https://github.com/hashicorp/vault-plugin-auth-cf/blob/main/signatures/version1.go
 */
export function cfLogin({ mount, role, ...config }: CfConfig, io: AuthIo): LoginRequest {
  const certFile = fileOf('cf_instance_cert', config, 'the certificate of the instance', io);
  const keyFile = fileOf('cf_instance_key', config, 'the key of the instance', io);
  const cert = textFromFile(certFile).reveal();
  if (!cert.includes('-----BEGIN CERTIFICATE-----')) {
    throw new RunError('config', 'the file holds no certificate', { where: placeOf(certFile, true) });
  }
  const signingTime = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const signature = signRsa(
    `${signingTime}${cert}${role}`,
    textFromFile(keyFile).reveal(),
    placeOf(keyFile, true),
    {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_MAX_SIGN,
    },
  );
  return {
    kind: 'login',
    path: loginPath({ mount }),
    body: { role, cf_instance_cert: cert, signing_time: signingTime, signature: `v1:${signature}` },
  };
}

function fileOf(
  name: 'cf_instance_cert' | 'cf_instance_key',
  config: Pick<CfConfig, typeof name>,
  what: string,
  { env }: AuthIo,
): CredentialFile {
  const variable = name.toUpperCase();
  const path = config[name] ?? env[variable] ?? '';
  if (path !== '') return { path, what, field: config[name] === undefined ? `$${variable}` : `auth.${name}` };
  throw new AbsentCredential('config', `this is not an instance of Cloud Foundry: $${variable} is not set`, {
    where: 'auth',
  });
}
