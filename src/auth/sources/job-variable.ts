import { credentialFromVariable } from '../../host/credential-files.ts';
import type { JwtSource } from './identity-source.ts';

/**
 * A system that puts the token into a variable of the job, with the audience that the job's own file says.
 * @param names the first that is set counts; the last is the one to ask for
 */
function fromVariable(system: string, names: readonly [string, ...string[]], hint: string): JwtSource {
  return {
    about: `A job of ${system}.`,
    without: ['audience', 'serviceConnectionId'],
    variables: names,
    find: (_options, io) => {
      const name = names.find((candidate) => (io.env[candidate] ?? '') !== '') ?? names[0];
      return credentialFromVariable(name, "the job's identity token", io, { where: 'auth.source', hint });
    },
  };
}

/** The variables of its own integration, which not every edition has. https://docs.gitlab.com/ci/secrets/hashicorp_vault/ */
export const gitlab: JwtSource = {
  ...fromVariable(
    'GitLab',
    ['VAULT_ID_TOKEN'],
    'declare `id_tokens: { VAULT_ID_TOKEN: { aud: … } }` for the job; for a variable of another name use `jwt_env`',
  ),
  settings: { role: 'VAULT_AUTH_ROLE', mount: 'VAULT_AUTH_PATH' },
};

/** https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/ */
export const circleci = fromVariable(
  'CircleCI',
  ['CIRCLE_OIDC_TOKEN_V2', 'CIRCLE_OIDC_TOKEN'],
  'CircleCI gives a build of a fork none, unless the project passes secrets to such builds; some servers only give one to jobs with a context',
);

/** https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/ */
export const bitbucket = fromVariable(
  'Bitbucket Pipelines',
  ['BITBUCKET_STEP_OIDC_TOKEN'],
  'set `oidc: true` for the step',
);
