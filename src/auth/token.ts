import { join } from 'node:path';
import {
  AbsentCredential,
  placeOf,
  textFromFile,
  textFromVariable,
  whyUnreachable,
  type CredentialFile,
} from '../host/credential-files.ts';
import { homeOfUser } from '../host/home.ts';
import { literal, object, optional, required, type TypeOf } from '../shape/definition.ts';
import { boolean, namespace, secretText, text } from '../shape/fields.ts';
import { needs, oneOf } from '../shape/combination.ts';
import { defineMethod, type AuthIo, type GivenToken } from './method.ts';
import { tokenIn, unwrapRequests } from './token-text.ts';

const WHAT = 'the token';
const HOME_FILE = '~/.vault-token';

const source = oneOf(['token', 'token_file', 'token_env'], false);

const fields = object(
  {
    method: required(literal('token'), 'A token that exists already.'),
    token: optional(secretText, 'The token itself; better is a file or the environment.'),
    token_file: optional(text, 'File that holds the token, such as one that an earlier step wrote.'),
    token_env: optional(text, 'Name of the environment variable that holds the token.'),
    namespace: optional(namespace, 'Namespace of the token, where it differs from `vault.namespace`.'),
    wrapped: optional(
      boolean,
      'The token is a wrapping token, or the JSON that a sink of Vault Agent with `wrap_ttl` writes, and the one to use is inside. One that does not open is reported as a possible interception. Default: false.',
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
  [source, needs(['creation_path'], ['wrapped'], '`creation_path` needs `wrapped: true`')],
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
  isSelfContained: true,
  posts: false,
  elsewhere: ({ token: literal, token_file: file, token_env: variable }) =>
    (literal ?? file ?? variable) === undefined
      ? 'a token of the environment or of ~/.vault-token'
      : undefined,
  worksOnce: ({ wrapped = false }) => (wrapped ? 'wrapped' : undefined),
  renews: ({ renew = false }) => renew,
  unwraps: ({ wrapped = false, creation_path: path }) => unwrapRequests(wrapped, path),
  variables: ({ token_env: name }) => (name === undefined ? [] : [name]),
  refusedHint: 'get a new token',
});

type FoundToken = Pick<GivenToken, 'token' | 'source'>;

function findToken(config: TokenConfig, io: AuthIo): FoundToken {
  const { token_file: path, token_env: variable } = config;
  const isWrapped = config.wrapped === true;
  const found = (text: string, where: string): FoundToken => ({
    token: tokenIn(text, { what: WHAT, where, isWrapped }),
    source: where,
  });
  const inFile = (file: CredentialFile): FoundToken =>
    found(textFromFile(file).reveal(), placeOf(file, true));
  if (config.token !== undefined) return found(config.token.reveal(), 'auth.token');
  if (path !== undefined) return inFile({ path, what: WHAT, field: 'auth.token_file' });
  if (variable !== undefined) {
    const context = { where: 'auth.token_env' };
    return found(textFromVariable(variable, WHAT, io, context), `$${variable}`);
  }
  const name = ['BAO_TOKEN', 'VAULT_TOKEN'].find((candidate) => (io.env[candidate] ?? '') !== '');
  if (name !== undefined) return found(io.env[name] ?? '', `$${name}`);
  return { ...inFile({ path: fileAtHome(io), what: WHAT, field: HOME_FILE }), source: HOME_FILE };
}

/** Where `bao login` and `vault login` leave their token. */
function fileAtHome({ env }: AuthIo): string {
  const path = join(env['HOME'] ?? (homeOfUser() || '/'), '.vault-token');
  const reason = whyUnreachable(path);
  if (reason === undefined) return path;
  throw new AbsentCredential('config', 'there is no token and no auth method', {
    where: 'auth',
    details: reason === 'ENOENT' ? [] : [`${HOME_FILE} cannot be reached (${reason})`],
    hint: 'declare `auth:` with a method, or provide a token: auth.token_file, $VAULT_TOKEN, $BAO_TOKEN or ~/.vault-token',
  });
}
