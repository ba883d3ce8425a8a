import { join } from 'node:path';
import type { Secret } from '../base/secret.ts';
import {
  AbsentCredential,
  credentialFromFile,
  credentialFromText,
  credentialFromVariable,
  fileExists,
} from '../host/credential-files.ts';
import { homeOfUser } from '../host/home.ts';
import { literal, object, optional, required, type TypeOf } from '../shape/definition.ts';
import { boolean, namespace, secretText, text } from '../shape/fields.ts';
import { oneOf } from '../shape/one-of.ts';
import { defineMethod, type AuthIo, type GivenToken } from './method.ts';

const source = oneOf(['token', 'token_file', 'token_env'], false);

const fields = object(
  {
    method: required(literal('token')),
    token: optional(secretText, 'The token itself; better is a file or the environment.'),
    token_file: optional(text, 'File that holds the token, such as one that an earlier step wrote.'),
    token_env: optional(text, 'Name of the environment variable that holds the token.'),
    namespace: optional(namespace, 'Namespace of the token, where it differs from `vault.namespace`.'),
    wrapped: optional(
      boolean,
      'The token is a wrapping token, and the one to use is inside. One that does not open is reported as a possible interception. Default: false.',
    ),
    creation_path: optional(
      text,
      'With `wrapped`: where it must have been wrapped, such as `auth/token/create`. Otherwise it is not opened.',
    ),
    renew: optional(
      boolean,
      'Renew the token once before it is used, so that its TTL starts again. If it cannot be renewed, a warning is logged. Default: false.',
    ),
  },
  [
    [source.check, source.message],
    [
      ({ creation_path: path, wrapped }) => path === undefined || wrapped === true,
      '`creation_path` needs `wrapped: true`',
    ],
  ],
);

type TokenConfig = TypeOf<typeof fields>;

/** A token that exists already. It is used as it is, and not revoked. */
export const token = defineMethod({
  fields,
  login(config, io): GivenToken {
    const found = findToken(config, io);
    return {
      kind: 'given',
      ...found,
      ...(config.wrapped === true
        ? { wrapped: { token: found.token, creationPath: config.creation_path } }
        : {}),
      renew: config.renew ?? false,
    };
  },
  posts: false,
  renews: ({ renew = false }) => renew,
  variables: ({ token_env: name }) => (name === undefined ? [] : [name]),
  refusedHint: 'get a new token',
});

type FoundToken = Pick<GivenToken, 'token' | 'source'>;

function findToken(config: TokenConfig, io: AuthIo): FoundToken {
  const { token_file: file, token_env: variable } = config;
  if (config.token !== undefined) return found(config.token.reveal(), 'auth.token');
  if (file !== undefined) return { token: credentialFromFile(file, 'the token'), source: file };
  if (variable === undefined) return fromEnvironment(io) ?? fromHome(io);
  const context = { where: 'auth.token_env' };
  return { token: credentialFromVariable(variable, 'the token', io, context), source: `$${variable}` };
}

function found(value: string, where: string): FoundToken {
  return { token: credentialFromText(value, 'the token', where), source: where };
}

function fromEnvironment({ env }: AuthIo): FoundToken | undefined {
  for (const name of ['BAO_TOKEN', 'VAULT_TOKEN']) {
    const value = env[name];
    if (value !== undefined && value !== '') return found(value, `$${name}`);
  }
  return undefined;
}

/** Where `bao login` and `vault login` leave their token. */
function fromHome({ env }: AuthIo): FoundToken {
  const path = join(env['HOME'] ?? (homeOfUser() || '/'), '.vault-token');
  if (!fileExists(path)) {
    throw new AbsentCredential('config', 'there is no token and no auth method', {
      where: 'auth',
      hint: 'declare `auth:` with a method, or provide a token: auth.token_file, $VAULT_TOKEN, $BAO_TOKEN or ~/.vault-token',
    });
  }
  const value: Secret = credentialFromFile(path, 'the token');
  return { token: value, source: '~/.vault-token' };
}
