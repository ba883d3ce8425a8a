import { RunError } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import { askThirdParty } from '../../http/third-party.ts';
import type { AuthIo } from '../method.ts';
import type { AzureConfig } from './config.ts';
import { tokenOf } from './machine.ts';

const WHAT = "Azure's identity service";
const HINT = 'does the app have the identity? name a user-assigned one in auth.client_id';

/**
 * The token of the managed identity of an app: App Service, Functions, Container Apps; and the older interface, which
 * Cloud Shell still has.
 * @returns undefined elsewhere
 * https://learn.microsoft.com/en-us/azure/app-service/overview-managed-identity#rest-endpoint-reference
 */
export function platformToken(config: AzureConfig, io: AuthIo): Promise<Secret> | undefined {
  const variable = (name: string): string => io.env[name] ?? '';
  const url = variable('IDENTITY_ENDPOINT');
  const header = variable('IDENTITY_HEADER');
  if (url !== '' && header !== '') return askApp(url, header, config, io);
  const older = variable('MSI_ENDPOINT');
  return older === '' ? undefined : askOlder(older, variable('MSI_SECRET'), config, io);
}

async function askApp(url: string, header: string, config: AzureConfig, io: AuthIo): Promise<Secret> {
  const query = new URLSearchParams({ 'api-version': '2019-08-01', resource: config.resource });
  if (config.client_id !== undefined) query.set('client_id', config.client_id);
  // Its name for the object id.
  if (config.object_id !== undefined) query.set('principal_id', config.object_id);
  const answer = await askThirdParty(
    {
      method: 'GET',
      url: `${url}?${query.toString()}`,
      headers: { 'X-IDENTITY-HEADER': new Secret(header) },
      what: WHAT,
      direct: true,
    },
    io,
  );
  return tokenOf(answer, WHAT, HINT);
}

async function askOlder(url: string, secret: string, config: AzureConfig, io: AuthIo): Promise<Secret> {
  if ((config.client_id ?? config.object_id) !== undefined && secret === '') {
    throw new RunError('config', 'this identity service of Azure has a single identity', {
      where: 'auth',
      hint: 'leave out client_id and object_id',
    });
  }
  const request = { what: WHAT, direct: true } as const;
  if (secret === '') {
    const body = new URLSearchParams({ resource: config.resource }).toString();
    const headers = { Metadata: 'true', 'Content-Type': 'application/x-www-form-urlencoded' };
    return tokenOf(await askThirdParty({ ...request, method: 'POST', url, headers, body }, io), WHAT, HINT);
  }
  const query = new URLSearchParams({ 'api-version': '2017-09-01', resource: config.resource });
  if (config.client_id !== undefined) query.set('clientid', config.client_id);
  const answer = await askThirdParty(
    {
      ...request,
      method: 'GET',
      url: `${url}?${query.toString()}`,
      headers: { secret: new Secret(secret) },
    },
    io,
  );
  return tokenOf(answer, WHAT, HINT);
}
