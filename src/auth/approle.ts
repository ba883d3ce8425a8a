import type { Secret } from '../base/secret.ts';
import { credentialFromText, placeOf, textFromFile, textFromVariable } from '../host/credential-files.ts';
import { literal, object, optional, required, type TypeOf } from '../shape/definition.ts';
import { boolean, hiddenText, secretText, text } from '../shape/fields.ts';
import { needs, oneOf } from '../shape/combination.ts';
import { LOCKOUT, loginFields } from './common.ts';
import { loginPath } from './login-mounts.ts';
import { defineMethod, type AuthIo } from './method.ts';
import { tokenIn, unwrapRequests } from './token-text.ts';
import { removeUsedFile } from './used-file.ts';

const ROLE_IDS = ['role_id', 'role_id_file', 'role_id_env'];
const SECRET_IDS = ['secret_id', 'secret_id_file', 'secret_id_env'];

const fields = object(
  {
    method: required(literal('approle'), 'With a role_id and a secret_id.'),
    ...loginFields('approle'),
    role_id: optional(hiddenText, 'The role_id.'),
    role_id_file: optional(text, 'File that holds the role_id.'),
    role_id_env: optional(text, 'Name of the environment variable that holds the role_id.'),
    secret_id: optional(secretText, 'The secret_id; better is a file.'),
    secret_id_file: optional(
      text,
      'File that holds the secret_id. Without any secret_id, the role must not ask for one (`bind_secret_id=false`).',
    ),
    secret_id_env: optional(text, 'Name of the environment variable that holds the secret_id.'),
    secret_id_wrapped: optional(
      boolean,
      'The secret_id is a wrapping token that holds it, or the JSON that a sink of Vault Agent with `wrap_ttl` writes. One that does not open is reported as a possible interception. Default: false.',
    ),
    secret_id_creation_path: optional(
      text,
      'With `secret_id_wrapped`: where it must have been wrapped, such as `auth/approle/role/web/secret-id`. Otherwise it is not opened.',
    ),
    remove_secret_id_file: optional(
      boolean,
      'Remove `secret_id_file` once the login has succeeded, and never before. Default: false.',
    ),
  },
  [
    oneOf(ROLE_IDS, true),
    oneOf(SECRET_IDS, false),
    needs(['secret_id_wrapped'], SECRET_IDS, '`secret_id_wrapped` needs a secret_id'),
    needs(
      ['secret_id_creation_path'],
      ['secret_id_wrapped'],
      '`secret_id_creation_path` needs `secret_id_wrapped: true`',
    ),
    needs(['remove_secret_id_file'], ['secret_id_file'], '`remove_secret_id_file` needs `secret_id_file`'),
  ],
);

type AppRoleConfig = TypeOf<typeof fields>;

/** https://openbao.org/api-docs/auth/approle/#login-with-approle */
export const approle = defineMethod({
  fields,
  login(config, io) {
    const role = find('role_id', config, io);
    const secret = find('secret_id', config, io);
    const file = config.remove_secret_id_file === true ? config.secret_id_file : undefined;
    return {
      kind: 'login',
      path: loginPath(config),
      body: {
        ...(role === undefined ? {} : { role_id: role }),
        ...(secret === undefined ? {} : { secret_id: secret }),
      },
      ...(secret === undefined || config.secret_id_wrapped !== true
        ? {}
        : { wrapped: { field: 'secret_id', token: secret, creationPath: config.secret_id_creation_path } }),
      ...(file === undefined
        ? {}
        : {
            accepted: () => {
              removeUsedFile(file, io);
            },
          }),
    };
  },
  postsTo: (config) => (config.secret_id_wrapped === true ? undefined : loginPath(config)),
  unwraps: ({ secret_id_wrapped: isWrapped = false, secret_id_creation_path: path }) =>
    unwrapRequests(isWrapped, path),
  isSelfContained: true,
  variables: ({ role_id_env: role, secret_id_env: secret }) =>
    [role, secret].filter((name) => name !== undefined),
  refusedHint:
    'check role_id and secret_id: a secret_id may have expired or be used up; the login is not retried, because five refusals lock the role',
  worksOnce: ({ secret_id_wrapped: isWrapped, remove_secret_id_file: isRemoved }) =>
    isWrapped === true ? 'secret_id_wrapped' : isRemoved === true ? 'remove_secret_id_file' : undefined,
  locksOut: true,
  deniedHint: LOCKOUT,
});

function find(name: 'role_id' | 'secret_id', config: AppRoleConfig, io: AuthIo): Secret | undefined {
  const value = config[name];
  const path = config[`${name}_file`];
  const variable = config[`${name}_env`];
  const what = `the ${name}`;
  const isWrapped = name === 'secret_id' && config.secret_id_wrapped === true;
  const read = (text: string, where: string): Secret =>
    isWrapped ? tokenIn(text, { what, where, isWrapped }) : credentialFromText(text, what, where);
  if (value !== undefined) return read(value.reveal(), `auth.${name}`);
  if (path !== undefined) {
    const file = { path, what, field: `auth.${name}_file` };
    return read(textFromFile(file).reveal(), placeOf(file, true));
  }
  if (variable === undefined) return undefined;
  return read(textFromVariable(variable, what, io, { where: `auth.${name}_env` }), `$${variable}`);
}
