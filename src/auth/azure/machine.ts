import { Secret } from '../../base/secret.ts';
import { AbsentCredential } from '../../host/credential-files.ts';
import type { ThirdPartyAnswer } from '../../http/third-party.ts';
import { askMetadata, objectIn, refusedBy, textIn, type MetadataRequest } from '../metadata.ts';
import type { AuthIo } from '../method.ts';
import type { AzureConfig } from './config.ts';

export const WHAT = "Azure's metadata service";
const ADDRESS = 'http://169.254.169.254';

/** The request to it that all others start from. */
export function metadataService(config: AzureConfig, { env }: AuthIo): MetadataRequest {
  const variable = env['AZURE_POD_IDENTITY_AUTHORITY_HOST'] ?? '';
  const address = config.metadata_endpoint ?? (variable === '' ? undefined : variable);
  return {
    method: 'GET',
    url: (address ?? ADDRESS).replace(/\/+$/, ''),
    headers: { Metadata: 'true' },
    what: WHAT,
    named: address !== undefined,
    absent: 'this is not a machine of Azure with an identity',
  };
}

/**
 * The token of the machine's managed identity.
 * @throws AbsentCredential elsewhere, and on a machine without an identity
 * https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
 */
export async function machineToken(config: AzureConfig, io: AuthIo): Promise<Secret> {
  const service = metadataService(config, io);
  const query = new URLSearchParams({ 'api-version': '2018-02-01', resource: config.resource });
  if (config.client_id !== undefined) query.set('client_id', config.client_id);
  if (config.object_id !== undefined) query.set('object_id', config.object_id);
  const answer = await askMetadata(
    { ...service, url: `${service.url}/metadata/identity/oauth2/token?${query.toString()}` },
    io,
  );
  if (answer.status === 400 || answer.status === 404) {
    throw new AbsentCredential('config', 'this machine of Azure has no such identity', {
      where: 'auth',
      hint: 'assign an identity to it; with several user-assigned ones, name one in auth.client_id',
    });
  }
  return tokenOf(answer, WHAT);
}

/** The access token in an answer, which all of these services have under the same name. */
export function tokenOf(answer: ThirdPartyAnswer, what: string, hint?: string): Secret {
  if (answer.status !== 200) throw refusedBy(what, answer.status, hint);
  return new Secret(textIn(objectIn(answer, what), 'access_token', what));
}
