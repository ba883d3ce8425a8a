import { RunError } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import { AbsentCredential } from '../../host/credential-files.ts';
import { askThirdParty } from '../../http/third-party.ts';
import { tokenIn } from './answer.ts';
import type { JwtSource } from './identity-source.ts';

const URL_VARIABLE = 'SYSTEM_OIDCREQUESTURI';
const TOKEN_VARIABLE = 'SYSTEM_ACCESSTOKEN';
const API_VERSION = '7.1-preview.1';
const WHAT = "Azure Pipelines' token service";
const HINT = 'map the token in the step: `env: { SYSTEM_ACCESSTOKEN: $(System.AccessToken) }`';

/** https://learn.microsoft.com/en-us/rest/api/azure/devops/distributedtask/oidctoken/create */
export const azurePipelines: JwtSource = {
  about: 'A job of Azure Pipelines.',
  without: ['audience'],
  variables: [TOKEN_VARIABLE],
  async find({ serviceConnectionId }, io) {
    const { env } = io;
    const url = env[URL_VARIABLE] ?? '';
    const token = env[TOKEN_VARIABLE] ?? '';
    if (url === '') {
      throw new AbsentCredential('config', 'this is not an Azure Pipelines job', { where: 'auth.source' });
    }
    if (token === '') {
      throw new RunError('config', `the variable $${TOKEN_VARIABLE} is not set`, {
        where: 'auth.source',
        hint: HINT,
      });
    }
    const query = new URLSearchParams({ 'api-version': API_VERSION });
    if (serviceConnectionId !== undefined) query.set('serviceConnectionId', serviceConnectionId);
    const answer = await askThirdParty(
      {
        method: 'POST',
        url: `${url}?${query.toString()}`,
        headers: {
          Authorization: new Secret(`bearer ${token}`),
          Accept: 'application/json',
          'Content-Type': 'application/json',
        },
        body: '',
        what: WHAT,
      },
      io,
    );
    return tokenIn(answer, 'oidcToken', WHAT, HINT);
  },
};
