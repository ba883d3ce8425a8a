import { credentialFromFile, credentialFromText, credentialFromVariable } from '../host/credential-files.ts';
import { literal, object, optional, required } from '../shape/definition.ts';
import { secretText, text } from '../shape/fields.ts';
import { oneOf } from '../shape/combination.ts';
import { loginFields } from './common.ts';
import { loginPath } from './login-mounts.ts';
import { defineMethod } from './method.ts';

const source = oneOf(['token', 'token_file', 'token_env'], true);

const fields = object(
  {
    method: required(literal('github'), 'With a personal access token of GitHub.'),
    ...loginFields('github'),
    token: optional(secretText, 'The personal access token; better is a file or a variable.'),
    token_file: optional(text, 'File that holds the personal access token.'),
    token_env: optional(text, 'Name of the environment variable that holds the personal access token.'),
  },
  [source],
);

const WHAT = 'the GitHub token';

/** https://developer.hashicorp.com/vault/api-docs/auth/github#login */
export const github = defineMethod({
  fields,
  login({ mount, token, token_file: file, token_env: variable }, io) {
    const found =
      token !== undefined
        ? credentialFromText(token.reveal(), WHAT, 'auth.token')
        : file !== undefined
          ? credentialFromFile({ path: file, what: WHAT, field: 'auth.token_file' })
          : credentialFromVariable(variable ?? '', WHAT, io, { where: 'auth.token_env' });
    return { kind: 'login', path: loginPath({ mount }), body: { token: found } };
  },
  isSelfContained: true,
  variables: ({ token_env: name }) => (name === undefined ? [] : [name]),
  refusedHint:
    'the token needs the scope read:org, and its user must be in the organization of the mount; the token of a GitHub Actions job cannot log in: use `method: jwt` with `source: github-actions`',
});
