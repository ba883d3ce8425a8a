import { homedir } from 'node:os';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import * as z from 'zod/mini';
import { namespace, optional, secretText, text } from '../config/fields.ts';
import type { Secret } from '../secret-string.ts';
import { oneOf } from './common.ts';
import { credentialFromFile, credentialFromText } from './credential.ts';
import { AbsentCredential, defineMethod, type AuthIo, type GivenToken } from './method.ts';

const source = oneOf(['token', 'token_file'], false);

const schema = () =>
  z
    .strictObject({
      method: z.literal('token'),
      token: optional(secretText, 'The token itself; better is a file or the environment.'),
      token_file: optional(text, 'File that holds the token.'),
      namespace: optional(namespace, 'Namespace of the token, where it differs from `vault.namespace`.'),
    })
    .check(z.refine(source.check, source.message));

/** A token that exists already. It is used as it is, and not revoked. */
export const token = defineMethod({
  schema,
  login(config, io): GivenToken {
    if (config.token !== undefined) return given(config.token.reveal(), 'auth.token');
    if (config.token_file !== undefined) {
      return {
        kind: 'given',
        token: credentialFromFile(config.token_file, 'the token'),
        source: config.token_file,
      };
    }
    return fromEnvironment(io) ?? fromHome(io);
  },
  refusedHint: 'get a new token',
});

function given(value: string, where: string): GivenToken {
  return { kind: 'given', token: credentialFromText(value, 'the token', where), source: where };
}

function fromEnvironment({ env }: AuthIo): GivenToken | undefined {
  for (const name of ['BAO_TOKEN', 'VAULT_TOKEN']) {
    const value = env[name];
    if (value !== undefined && value !== '') return given(value, `$${name}`);
  }
  return undefined;
}

/** Where `bao login` and `vault login` leave their token. */
function fromHome({ env }: AuthIo): GivenToken {
  const home = env['HOME'] ?? homedir();
  const path = join(home, '.vault-token');
  if (!existsSync(path)) {
    throw new AbsentCredential('config', 'there is no token and no auth method', {
      where: 'auth',
      hint: 'declare `auth:` with a method, or provide a token: auth.token_file, $VAULT_TOKEN, $BAO_TOKEN or ~/.vault-token',
    });
  }
  const value: Secret = credentialFromFile(path, 'the token');
  return { kind: 'given', token: value, source: '~/.vault-token' };
}
