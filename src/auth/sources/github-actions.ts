import { RunError } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import { AbsentCredential } from '../../host/credential-files.ts';
import { askThirdParty } from '../../http/third-party.ts';
import { tokenIn } from './answer.ts';
import type { JwtSource } from './identity-source.ts';

const URL_VARIABLE = 'ACTIONS_ID_TOKEN_REQUEST_URL';
const TOKEN_VARIABLE = 'ACTIONS_ID_TOKEN_REQUEST_TOKEN';
const WHAT = "GitHub's token service";
const PERMISSION_HINT = 'give the job `permissions: { id-token: write }`; a fork’s pull request never has it';

/** https://docs.github.com/en/actions/reference/security/oidc */
export const githubActions: JwtSource = {
  about: 'A job of GitHub Actions.',
  without: ['serviceConnectionId'],
  variables: [URL_VARIABLE, TOKEN_VARIABLE],
  async find({ audience }, io) {
    const { env } = io;
    const url = env[URL_VARIABLE] ?? '';
    const token = env[TOKEN_VARIABLE] ?? '';
    if (url === '' || token === '') {
      if (env['GITHUB_ACTIONS'] !== 'true') {
        throw new AbsentCredential('config', 'this is not a GitHub Actions job', { where: 'auth.source' });
      }
      throw new RunError('config', 'the job may not ask for an identity token', {
        where: 'auth.source',
        hint: PERMISSION_HINT,
      });
    }
    // The address that the runner gives has a query already.
    const query = audience === undefined ? '' : `&audience=${encodeURIComponent(audience)}`;
    const answer = await askThirdParty(
      {
        method: 'GET',
        url: `${url}${query}`,
        headers: { Authorization: new Secret(`bearer ${token}`), Accept: 'application/json' },
        what: WHAT,
      },
      io,
    );
    return tokenIn(answer, 'value', WHAT, PERMISSION_HINT);
  },
};
