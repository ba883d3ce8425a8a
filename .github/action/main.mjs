import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { pinnedProgram } from './pinned-program.mjs';
import { mask, Refused, tell } from './workflow-commands.mjs';

/** What vault-action takes, too, and where it belongs here. It would be dangerous to pass over in silence. */
const ELSEWHERE = {
  pki: 'write a secret with `write:` in `config`, and its keys in `environment:`',
  exportToken: 'write `environment: { VAULT_TOKEN: { token: true } }` in `config`',
  outputToken: 'write `environment: { VAULT_TOKEN: { token: true } }` in `config`, with `exportEnv: false`',
  ignoreNotFound: 'write `optional: true` at the secret in `config`',
  secretEncodingType: 'write an output with `decode:` in `config`, and run `vaultonce render`',
  username: 'write `auth:` in `config`, with `password: ${NAME}`, and set NAME by `env:` of the step',
  password: 'write `auth:` in `config`, with `password: ${NAME}`, and set NAME by `env:` of the step',
  authPayload: 'write `method: custom` with its `payload` in `config`',
  jwtPrivateKey: 'write `jwt_env: NAME` in `config`, and set NAME by `env:` of the step',
  jwtKeyPassword: 'sign the JWT elsewhere',
  jwtTtl: 'sign the JWT elsewhere',
  clientCertificate: 'write it into a file, decoded: `vault.tls.client_cert` in `config`',
  clientKey: 'write it into a file, decoded: `vault.tls.client_key` in `config`',
  extraHeaders: 'leave it out',
};
const CREDENTIALS = ['token', 'secretId', 'githubToken'];

/** As the runner passes it on. */
function variableOf(name) {
  return `INPUT_${name.toUpperCase()}`;
}

function input(name) {
  return (process.env[variableOf(name)] ?? '').trim();
}

function isTrue(name, fallback) {
  const text = input(name).toLowerCase();
  if (!['', 'true', 'false'].includes(text))
    throw new Refused(2, `the input \`${name}\` is neither true nor false`);
  return text === '' ? fallback : text === 'true';
}

function refuseOthers() {
  for (const [name, instead] of Object.entries(ELSEWHERE))
    if (!['', 'false'].includes(input(name).toLowerCase()))
      throw new Refused(2, `the input \`${name}\` has no counterpart: ${instead}`);
}

/** A flag, unless its value is empty. */
function flag(name, value) {
  return value === '' ? [] : [name, value];
}

/** A key of the config, unless its value is empty. */
function set(key, value) {
  return value === '' ? [] : ['--set', `${key}=${value}`];
}

/** Credentials stay in the variables that the runner has put them into: flags are visible to others. */
function credential(key, name) {
  return input(name) === '' ? [] : ['--set', `${key}=${variableOf(name)}`];
}

/** The login, unless it is that of `config`. */
function login() {
  const isOfConfig = input('config') !== '' && !['role', 'path', 'jwtGithubAudience'].some(input);
  const method = (input('method') || (input('token') && 'token') || (isOfConfig ? '' : 'jwt')).toLowerCase();
  if (method === '') return [];
  const own = {
    jwt: () => [...set('auth.source', 'github-actions'), ...set('auth.audience', input('jwtGithubAudience'))],
    approle: () => [
      ...credential('auth.role_id_env', 'roleId'),
      ...credential('auth.secret_id_env', 'secretId'),
    ],
    token: () => credential('auth.token_env', 'token'),
    github: () => credential('auth.token_env', 'githubToken'),
    kubernetes: () => set('auth.token_file', input('kubernetesTokenPath')),
  };
  const mount = flag('--auth-mount', input('path'));
  return ['--auth', method, ...flag('--role', input('role')), ...mount, ...(own[method]?.() ?? [])];
}

/** Its text has a line break, or a colon and a blank, as any YAML that says something; no path of a config has. */
function isText(config) {
  return /\n|:\s|^\{/.test(config);
}

function flags() {
  const config = input('config');
  const secrets = input('secrets');
  if (config === '' && secrets === '')
    throw new Refused(2, 'the inputs `secrets` and `config` are both empty: there is nothing to fetch');
  return [
    ...['env', '--format', 'github', '--to', isTrue('exportEnv', true) ? 'both' : 'output'],
    ...(config === '' ? ['--no-config'] : ['--config', isText(config) ? '-' : config]),
    // As it is, for the numbers of its lines.
    ...(secrets === '' ? [] : ['--env-lines', process.env[variableOf('secrets')]]),
    ...flag('--address', input('url')),
    ...flag('--namespace', input('namespace')),
    ...(isTrue('tlsSkipVerify', false) ? set('vault.tls.skip_verify', 'true') : []),
    ...login(),
  ];
}

/** The CA, whether it is PEM or its base64. */
function certificates() {
  const given = input('caCertificate');
  if (given === '') return {};
  const pem = given.includes('-----BEGIN') ? given : Buffer.from(given, 'base64').toString();
  if (pem.includes('-----BEGIN CERTIFICATE')) return { BAO_CACERT_BYTES: pem, VAULT_CACERT_BYTES: pem };
  throw new Refused(2, 'the input `caCertificate` is neither PEM nor the base64 of it');
}

function run(program, args, env) {
  const text = isText(input('config')) ? input('config') : undefined;
  const children = [];
  // It gives its token back then.
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
      for (const child of children) child.kill(signal);
    });
  const child = spawn(program, args, {
    env,
    stdio: [text === undefined ? 'ignore' : 'pipe', 'inherit', 'inherit'],
  });
  children.push(child);
  // Whoever has ended before it has read its config says why.
  child.stdin?.on('error', () => undefined).end(text);
  return new Promise((resolve, reject) => {
    child.once('error', ({ code }) => {
      const [status, what] = code === 'ENOENT' ? [127, 'does not exist'] : [126, 'cannot be executed'];
      reject(
        new Refused(
          status,
          `the program ${what} (${code}): look at the input \`command\`, and whether its file system is mounted \`noexec\``,
        ),
      );
    });
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

async function main() {
  for (const name of CREDENTIALS) mask(input(name));
  refuseOthers();
  const args = flags();
  const env = { ...process.env, ...certificates() };
  const code = await run(input('command') || (await pinnedProgram()), args, env);
  if (code !== 0) throw new Refused(code, `vaultonce has failed with exit code ${code}; the log says why`);
}

main().catch((error) => {
  if (!(error instanceof Refused)) throw error;
  tell(error);
});
