import { Secret } from '../../base/secret.ts';
import { AbsentCredential, credentialFromText, credentialOf } from '../../host/credential-files.ts';
import { askThirdParty } from '../../http/third-party.ts';
import { askMetadata, objectIn, refusedBy, type MetadataRequest } from '../metadata.ts';
import type { AuthIo } from '../method.ts';
import type { AlicloudConfig } from './config.ts';
import type { AlicloudKey } from './signature.ts';
import { assumeRoleWithToken, keyOf } from './sts.ts';

const WHAT = "Alibaba Cloud's metadata service";
const ADDRESS = 'http://100.100.100.200';

interface Found {
  readonly key: AlicloudKey;
  /** It is one of `auth.role_arn` already. */
  readonly isRole?: true;
}

/**
 * The key to sign with: of the config, of the environment, of the service account (RRSA), of the container, of the machine.
 * https://www.alibabacloud.com/help/en/sdk/developer-reference/v2-manage-access-credentials
 */
export async function findKey(config: AlicloudConfig, io: AuthIo): Promise<Found> {
  const given = givenKey(config) ?? environmentKey(io);
  if (given !== undefined) return { key: given };
  const variable = (name: string): string => io.env[name] ?? '';
  const file = variable('ALIBABA_CLOUD_OIDC_TOKEN_FILE');
  const provider = variable('ALIBABA_CLOUD_OIDC_PROVIDER_ARN');
  const role = config.role_arn ?? variable('ALIBABA_CLOUD_ROLE_ARN');
  if (file !== '' && provider !== '' && role !== '') {
    return { key: await assumeRoleWithToken(config, { role, provider, file }, io), isRole: true };
  }
  const url = variable('ALIBABA_CLOUD_CREDENTIALS_URI');
  return { key: url === '' ? await machineKey(config, io) : await containerKey(url, io) };
}

function givenKey(config: AlicloudConfig): AlicloudKey | undefined {
  if (config.access_key === undefined) return undefined;
  const secret = credentialOf(config.access_secret, config.access_secret_file, 'access_secret');
  const token = credentialOf(config.security_token, config.security_token_file, 'security_token');
  return secret && { id: config.access_key, secret, token };
}

/** The names of today's SDKs, then those of Vault's agent. */
const VARIABLES = [
  ['ALIBABA_CLOUD_ACCESS_KEY_ID', 'ALIBABA_CLOUD_ACCESS_KEY_SECRET', 'ALIBABA_CLOUD_SECURITY_TOKEN'],
  ['ALICLOUD_ACCESS_KEY', 'ALICLOUD_SECRET_KEY', 'ALICLOUD_SECURITY_TOKEN'],
] as const;

function environmentKey({ env }: AuthIo): AlicloudKey | undefined {
  for (const [idName, secretName, tokenName] of VARIABLES) {
    const id = env[idName] ?? '';
    const secret = env[secretName] ?? '';
    if (id === '' || secret === '') continue;
    const token = env[tokenName] ?? '';
    return {
      id: id.trim(),
      secret: credentialFromText(secret, 'the access secret', `$${secretName}`),
      token: token === '' ? undefined : new Secret(token.trim()),
    };
  }
  return undefined;
}

async function containerKey(url: string, io: AuthIo): Promise<AlicloudKey> {
  const what = 'the service of $ALIBABA_CLOUD_CREDENTIALS_URI';
  const answer = await askThirdParty({ method: 'GET', url, what, direct: true }, io);
  if (answer.status !== 200) throw refusedBy(what, answer.status);
  return keyOf(objectIn(answer, what), what);
}

/** https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata/ */
async function machineKey(config: AlicloudConfig, io: AuthIo): Promise<AlicloudKey> {
  if (io.env['ALIBABA_CLOUD_ECS_METADATA_DISABLED']?.toLowerCase() === 'true') {
    throw new AbsentCredential(
      'config',
      'there is no key of Alibaba Cloud, and $ALIBABA_CLOUD_ECS_METADATA_DISABLED is set',
      { where: 'auth' },
    );
  }
  const address = (config.metadata_endpoint ?? ADDRESS).replace(/\/+$/, '');
  const request: MetadataRequest = {
    method: 'GET',
    url: address,
    what: WHAT,
    named: config.metadata_endpoint !== undefined,
    absent: 'there is no key of Alibaba Cloud, and this is not one of its machines with a role',
  };
  const session = await askMetadata(
    {
      ...request,
      method: 'PUT',
      url: `${address}/latest/api/token`,
      headers: { 'X-aliyun-ecs-metadata-token-ttl-seconds': '60' },
      body: '',
    },
    io,
  );
  if (session.status !== 200) throw refusedBy(WHAT, session.status);
  const ask = async (path: string): Promise<string> => {
    const headers = { 'X-aliyun-ecs-metadata-token': new Secret(session.text.trim()) };
    const url = `${address}/latest/meta-data/ram/security-credentials/${path}`;
    const { status, text } = await askMetadata({ ...request, url, headers }, io);
    if (status === 200) return text;
    throw refusedBy(WHAT, status, 'does the machine have a RAM role?');
  };
  const named = io.env['ALIBABA_CLOUD_ECS_METADATA'] ?? '';
  const role = named === '' ? (await ask('')).trim() : named;
  return keyOf(objectIn({ status: 200, text: await ask(encodeURIComponent(role)) }, WHAT), WHAT);
}
