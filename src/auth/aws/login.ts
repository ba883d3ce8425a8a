import { RunError } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import { credentialOf } from '../../host/credential-files.ts';
import { loginPath } from '../login-mounts.ts';
import type { AuthIo, LoginRequest } from '../method.ts';
import type { AwsConfig } from './config.ts';
import { foundCredentials } from './found-credentials.ts';
import { signedHeaders, type AwsCredentials } from './signature.ts';

const DEFAULT_REGION = 'us-east-1';
const BODY = 'Action=GetCallerIdentity&Version=2011-06-15';

/**
 * Proves an IAM principal by a signed request to STS that the server sends in its stead. Nothing is asked of STS here.
 * https://developer.hashicorp.com/vault/docs/auth/aws#iam-auth-method
 */
export async function awsLogin(config: AwsConfig, io: AuthIo): Promise<LoginRequest> {
  const region = regionOf(config, io);
  const url = stsAddress(config, region);
  const credentials = givenCredentials(config) ?? (await foundCredentials(config.profile, region, io));
  const headers = signedHeaders(
    {
      method: 'POST',
      url,
      headers: {
        'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8',
        ...(config.header_value === undefined ? {} : { 'X-Vault-AWS-IAM-Server-ID': config.header_value }),
      },
      body: BODY,
    },
    credentials,
    { region, service: 'sts', date: new Date() },
  );
  return {
    kind: 'login',
    path: loginPath(config),
    body: {
      role: config.role,
      iam_http_request_method: 'POST',
      iam_request_url: base64(url.href),
      iam_request_body: base64(BODY),
      // Until it expires, it is as good as a credential.
      iam_request_headers: new Secret(base64(JSON.stringify(headers))),
    },
  };
}

function regionOf({ region }: AwsConfig, { env }: AuthIo): string {
  const named = [region, env['AWS_REGION'], env['AWS_DEFAULT_REGION']];
  return named.find((name) => name !== undefined && name !== '') ?? DEFAULT_REGION;
}

/** The global address takes signatures for us-east-1, and a server that is not set up otherwise asks there. */
function stsAddress({ sts_endpoint: endpoint }: AwsConfig, region: string): URL {
  if (!/^[a-z0-9-]+$/.test(region)) {
    throw new RunError('config', 'the region is not the name of a region', { where: 'auth.region' });
  }
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const host = region === DEFAULT_REGION ? `sts.${domain}` : `sts.${region}.${domain}`;
  const url = URL.parse(endpoint ?? `https://${host}`);
  if (url?.protocol === 'https:' && url.search === '') return url;
  throw new RunError('config', 'not an https address', { where: 'auth.sts_endpoint' });
}

function givenCredentials(config: AwsConfig): AwsCredentials | undefined {
  if (config.access_key_id === undefined) return undefined;
  const { secret_access_key_file: keyFile, session_token_file: tokenFile } = config;
  const secretAccessKey = credentialOf(config.secret_access_key, keyFile, 'secret_access_key');
  const sessionToken = credentialOf(config.session_token, tokenFile, 'session_token');
  return secretAccessKey && { accessKeyId: config.access_key_id, secretAccessKey, sessionToken };
}

function base64(value: string): string {
  return Buffer.from(value).toString('base64');
}
