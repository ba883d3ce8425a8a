import { RunError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { credentialFromFile, credentialFromText, credentialFromVariable } from '../host/credential-files.ts';
import { enumeration, literal, object, optional, required, type TypeOf } from '../shape/definition.ts';
import { secretText, text } from '../shape/fields.ts';
import { oneOf } from '../shape/combination.ts';
import { checkLoginMount } from '../shape/vault-paths.ts';
import { handedIn, loginFields } from './common.ts';
import { loginPath } from './login-mounts.ts';
import { defineMethod, type AuthIo } from './method.ts';
import { JWT_SOURCES, sourceMeanings, type SourceName } from './sources/index.ts';

const origin = oneOf(['jwt', 'jwt_file', 'jwt_env', 'source'], true);

const fields = object(
  {
    method: required(literal('jwt'), 'With a JWT, such as the identity token of a CI job.'),
    ...loginFields('jwt'),
    role: optional(text, "The role to log in with; without it the mount's default role."),
    jwt: optional(secretText, 'The JWT itself; better is a file or a variable.'),
    jwt_file: optional(text, 'File that holds the JWT.'),
    jwt_env: optional(text, 'Name of the environment variable that holds the JWT.'),
    source: optional(
      enumeration(sourceMeanings()),
      'The CI system whose identity token of the job is the JWT. With `gitlab`, `VAULT_AUTH_ROLE` and `VAULT_AUTH_PATH` override `role` and `mount`.',
    ),
    audience: optional(
      text,
      'With `source: github-actions` or `buildkite`: the `aud` of the token; elsewhere the job’s own file sets it. Default: that of the system; `vault` for Buildkite.',
    ),
    service_connection_id: optional(
      text,
      'With `source: azure-pipelines`: the service connection that the token is for.',
    ),
  },
  [origin],
  [
    [
      ({ source, audience }) => audience === undefined || takes(source, 'audience'),
      '`audience` is for `source: github-actions` and `source: buildkite`; elsewhere the job’s own file sets it',
    ],
    [
      ({ source, service_connection_id: id }) => id === undefined || takes(source, 'serviceConnectionId'),
      '`service_connection_id` is for `source: azure-pipelines` only',
    ],
  ],
);

type JwtConfig = TypeOf<typeof fields>;

/** https://openbao.org/api-docs/auth/jwt/#jwt-login */
export const jwt = defineMethod({
  fields,
  async login(config, io, { credential }) {
    const token = handedIn(credential, 'the JWT') ?? (await findJwt(config, io));
    const { mount, role } = settingsOf(config, io);
    return {
      kind: 'login',
      path: loginPath({ mount }),
      body: { ...(role === undefined ? {} : { role }), jwt: token },
      jwt: token,
    };
  },
  // A CI system may name another mount.
  postsTo: (config) => (config.source === undefined ? loginPath(config) : undefined),
  takesCredential: 'jwt_file',
  identityFile: ({ jwt_file: path }) => (path === undefined ? undefined : { field: 'jwt_file', path }),
  elsewhere: ({ source }) => (source === undefined ? undefined : 'the identity token of a CI job'),
  variables: ({ jwt_env: name, source }) => [
    ...(name === undefined ? [] : [name]),
    ...(source === undefined ? [] : JWT_SOURCES[source].variables),
  ],
  refusedHint:
    "compare the claims with the role: bound_audiences must contain aud (servers since 1.16.3 insist), bound_subject and bound_claims the rest, the mount's bound_issuer iss",
});

function takes(source: SourceName | undefined, option: 'audience' | 'serviceConnectionId'): boolean {
  return source !== undefined && !JWT_SOURCES[source].without.includes(option);
}

function settingsOf({ mount, role, source }: JwtConfig, { env }: AuthIo): Pick<JwtConfig, 'mount' | 'role'> {
  const settings = source === undefined ? undefined : JWT_SOURCES[source].settings;
  const set = (name: string | undefined): string | undefined =>
    (name === undefined ? undefined : env[name]) || undefined;
  const named = set(settings?.mount);
  return {
    mount: named === undefined ? mount : mountOf(named, settings?.mount ?? ''),
    role: set(settings?.role) ?? role,
  };
}

/** @throws RunError `config` for what is no mount */
function mountOf(text: string, variable: string): string {
  const checked = checkLoginMount(text);
  if ('value' in checked) return checked.value;
  throw new RunError('config', `$${variable} ${checked.problem}`, {
    where: 'auth.source',
    hint: checked.hint,
  });
}

function findJwt(config: JwtConfig, io: AuthIo): Secret | Promise<Secret> {
  if (config.jwt !== undefined) return credentialFromText(config.jwt.reveal(), 'the JWT', 'auth.jwt');
  if (config.jwt_file !== undefined)
    return credentialFromFile({ path: config.jwt_file, what: 'the JWT', field: 'auth.jwt_file' });
  if (config.source !== undefined) {
    const { audience, service_connection_id: serviceConnectionId } = config;
    return JWT_SOURCES[config.source].find({ audience, serviceConnectionId }, io);
  }
  return credentialFromVariable(config.jwt_env ?? '', 'the JWT', io, {
    where: 'auth.jwt_env',
    hint: 'let the CI job request an identity token, and pass it on under this name',
  });
}
