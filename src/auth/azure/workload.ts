import { RunError } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import { credentialFromFile } from '../../host/credential-files.ts';
import { askThirdParty } from '../../http/third-party.ts';
import type { AuthIo } from '../method.ts';
import type { AzureConfig } from './config.ts';
import { tokenOf } from './machine.ts';

const WHAT = 'Microsoft Entra';
const PUBLIC_CLOUD = 'https://login.microsoftonline.com/';

/**
 * The token of a workload of AKS, for the token of its service account.
 * @returns undefined elsewhere
 * https://learn.microsoft.com/en-us/azure/aks/workload-identity-overview
 */
export function workloadToken(config: AzureConfig, io: AuthIo): Promise<Secret> | undefined {
  const file = io.env['AZURE_FEDERATED_TOKEN_FILE'] ?? '';
  return file === '' ? undefined : exchange(file, config, io);
}

async function exchange(file: string, config: AzureConfig, io: AuthIo): Promise<Secret> {
  const assertion = credentialFromFile({
    path: file,
    what: 'the token of the service account',
    field: '$AZURE_FEDERATED_TOKEN_FILE',
  });
  const authority = io.env['AZURE_AUTHORITY_HOST'] ?? PUBLIC_CLOUD;
  const tenant = variable('AZURE_TENANT_ID', io);
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: config.client_id ?? variable('AZURE_CLIENT_ID', io),
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion.reveal(),
    // The resource unchanged, slash included: it becomes the `aud` that the server compares.
    scope: `${config.resource}/.default`,
  });
  const answer = await askThirdParty(
    {
      method: 'POST',
      url: `${authority.replace(/\/+$/, '')}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new Secret(body.toString()),
      what: WHAT,
    },
    io,
  );
  return tokenOf(
    answer,
    WHAT,
    'compare the federated credential of the identity with issuer, subject and audience of the service account token',
  );
}

function variable(name: string, { env }: AuthIo): string {
  const value = env[name] ?? '';
  if (value !== '') return value;
  throw new RunError('config', `the variable $${name} is not set, but $AZURE_FEDERATED_TOKEN_FILE is`, {
    where: 'auth',
    hint: 'the webhook of workload identity sets both: look at the labels of the pod and the annotations of its service account',
  });
}
