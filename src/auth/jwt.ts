import * as z from 'zod/mini';
import { optional, secretText, text } from '../config/fields.ts';
import { RunError } from '../errors.ts';
import type { Secret } from '../secret-string.ts';
import { loginFields, oneOf } from './common.ts';
import { credentialFromFile, credentialFromText } from './credential.ts';
import { defineMethod, type AuthIo } from './method.ts';

const source = oneOf(['jwt', 'jwt_file', 'jwt_env'], true);

const schema = () =>
  z
    .strictObject({
      method: z.literal('jwt'),
      ...loginFields('jwt'),
      role: optional(text, "The role to log in with; without it the mount's default role."),
      jwt: optional(secretText, 'The JWT itself; better is a file or a variable.'),
      jwt_file: optional(text, 'File that holds the JWT.'),
      jwt_env: optional(text, 'Name of the environment variable that holds the JWT.'),
    })
    .check(z.refine(source.check, source.message));

/** https://openbao.org/api-docs/auth/jwt/#jwt-login */
export const jwt = defineMethod({
  schema,
  login(config, io) {
    const token = findJwt(config, io);
    return {
      kind: 'login',
      path: 'login',
      body: { ...(config.role === undefined ? {} : { role: config.role }), jwt: token },
      jwt: token,
    };
  },
  refusedHint:
    "compare the claims with the role: bound_audiences has to hold aud (servers since 1.16.3 insist), bound_subject and bound_claims the rest, the mount's bound_issuer iss",
});

function findJwt(config: z.output<ReturnType<typeof schema>>, { env }: AuthIo): Secret {
  if (config.jwt !== undefined) return credentialFromText(config.jwt.reveal(), 'the JWT', 'auth.jwt');
  if (config.jwt_file !== undefined) return credentialFromFile(config.jwt_file, 'the JWT');
  const name = config.jwt_env ?? '';
  const value = env[name];
  if (value !== undefined) return credentialFromText(value, 'the JWT', `$${name}`);
  throw new RunError('config', `the variable $${name} with the JWT is not set`, {
    where: 'auth.jwt_env',
    hint: 'let the CI job request an identity token, and pass it on under this name',
  });
}
