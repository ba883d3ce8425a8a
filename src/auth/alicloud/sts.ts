import { randomUUID } from 'node:crypto';
import { RunError } from '../../base/errors.ts';
import { isJsonObject, type JsonObject } from '../../base/lossless-json.ts';
import { Secret } from '../../base/secret.ts';
import { credentialFromFile } from '../../host/credential-files.ts';
import { askThirdParty, type ThirdPartyAnswer } from '../../http/third-party.ts';
import { objectIn, refusedBy, textIn } from '../metadata.ts';
import type { AuthIo } from '../method.ts';
import type { AlicloudConfig } from './config.ts';
import { queryOf, signatureOf, type AlicloudKey, type Parameters } from './signature.ts';

const WHAT = 'STS of Alibaba Cloud';

/** The address of STS without a path. */
export function stsAddress({ sts_endpoint: endpoint, region }: AlicloudConfig): string {
  const url = URL.parse(endpoint ?? `https://sts.${region}.aliyuncs.com`);
  if (url?.protocol === 'https:') return url.origin;
  throw new RunError('config', 'not an https address', { where: 'auth.sts_endpoint' });
}

/** The address of a signed POST, with everything in its query. */
export function signedUrl(config: AlicloudConfig, key: AlicloudKey, action: Parameters): string {
  const parameters = {
    ...commonParameters(),
    ...action,
    AccessKeyId: key.id,
    RegionId: config.region,
    SignatureMethod: 'HMAC-SHA1',
    SignatureVersion: '1.0',
    ...(key.token === undefined ? {} : { SecurityToken: key.token.reveal() }),
  };
  const Signature = signatureOf('POST', parameters, key.secret);
  return `${stsAddress(config)}/?${queryOf({ ...parameters, Signature })}`;
}

/** A key of a role, by another key. */
export async function assumeRole(
  config: AlicloudConfig,
  key: AlicloudKey,
  role: string,
  io: AuthIo,
): Promise<AlicloudKey> {
  const action = { Action: 'AssumeRole', RoleArn: role, RoleSessionName: config.role_session_name };
  const url = signedUrl(config, key, action);
  return keyIn(await askThirdParty({ method: 'POST', url, body: '', what: WHAT }, io));
}

/** A key of a role, by the token of a service account (RRSA); nothing is signed. */
export async function assumeRoleWithToken(
  config: AlicloudConfig,
  { role, provider, file }: { readonly role: string; readonly provider: string; readonly file: string },
  io: AuthIo,
): Promise<AlicloudKey> {
  const token = credentialFromFile({
    path: file,
    what: 'the token of the service account',
    field: '$ALIBABA_CLOUD_OIDC_TOKEN_FILE',
  });
  const body = new URLSearchParams({
    RoleArn: role,
    OIDCProviderArn: provider,
    OIDCToken: token.reveal(),
    RoleSessionName: config.role_session_name,
  });
  const answer = await askThirdParty(
    {
      method: 'POST',
      url: `${stsAddress(config)}/?${queryOf({ ...commonParameters(), Action: 'AssumeRoleWithOIDC' })}`,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new Secret(body.toString()),
      what: WHAT,
    },
    io,
  );
  return keyIn(answer);
}

function commonParameters(): Parameters {
  return {
    Format: 'JSON',
    SignatureNonce: randomUUID(),
    Timestamp: new Date().toISOString().replace(/\.\d+/, ''),
    Version: '2015-04-01',
  };
}

function keyIn(answer: ThirdPartyAnswer): AlicloudKey {
  if (answer.status !== 200) {
    throw refusedBy(
      WHAT,
      answer.status,
      'look at the trust policy of the role, and whether the caller may assume it',
    );
  }
  const { Credentials: credentials } = objectIn(answer, WHAT);
  return keyOf(isJsonObject(credentials) ? credentials : {}, WHAT);
}

/** A temporary key, in the names that all services of Alibaba Cloud use. */
export function keyOf(object: JsonObject, what: string): AlicloudKey {
  return {
    id: textIn(object, 'AccessKeyId', what),
    secret: new Secret(textIn(object, 'AccessKeySecret', what)),
    token: new Secret(textIn(object, 'SecurityToken', what)),
  };
}
