import { constants } from 'node:crypto';
import { RunError } from '../../base/errors.ts';
import { AbsentCredential, textFromFile } from '../../host/credential-files.ts';
import type { AuthIo, LoginRequest } from '../method.ts';
import { signRsa } from '../rsa.ts';
import type { CfConfig } from './config.ts';

/**
 * Proves an instance of Cloud Foundry by its identity certificate: RSA-PSS with SHA-256 over the time, the certificate as
 * its file has it, and the role, one after the other. The server takes any length of salt; its own client uses the longest.
 * https://github.com/hashicorp/vault-plugin-auth-cf/blob/main/signatures/version1.go
 */
export function cfLogin({ mount, role, ...config }: CfConfig, io: AuthIo): LoginRequest {
  const certFile = fileOf(config.cf_instance_cert, 'CF_INSTANCE_CERT', io);
  const keyFile = fileOf(config.cf_instance_key, 'CF_INSTANCE_KEY', io);
  const cert = textFromFile(certFile, 'the certificate of the instance').reveal();
  if (!cert.includes('-----BEGIN CERTIFICATE-----')) {
    throw new RunError('config', 'the file holds no certificate', { where: certFile });
  }
  const signingTime = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const signature = signRsa(
    `${signingTime}${cert}${role}`,
    textFromFile(keyFile, 'the key of the instance').reveal(),
    keyFile,
    {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_MAX_SIGN,
    },
  );
  return {
    kind: 'login',
    path: `${mount}/login`,
    body: { role, cf_instance_cert: cert, signing_time: signingTime, signature: `v1:${signature}` },
  };
}

function fileOf(configured: string | undefined, variable: string, { env }: AuthIo): string {
  const file = configured ?? env[variable] ?? '';
  if (file !== '') return file;
  throw new AbsentCredential('config', `this is not an instance of Cloud Foundry: $${variable} is not set`, {
    where: 'auth',
  });
}
