import { isMethod } from '../auth/index.ts';
import { RunError } from '../base/errors.ts';
import { templateLanguageOf } from '../template/other-languages.ts';
import type { SourceText } from './source.ts';

/** A block or argument of HCL, and what takes its place in YAML. */
interface Translation {
  readonly name: string;
  readonly here: (text: string) => string;
}

const always = (here: string) => (): string => here;

const NO_DAEMON = 'has no counterpart: this is not a daemon';

const TRANSLATIONS: readonly Translation[] = [
  { name: 'vault', here: always('becomes `vault: { address: https://vault.example.com:8200 }`') },
  { name: 'auto_auth', here: (text) => `becomes \`${authIn(text)}\`` },
  {
    name: 'template',
    here: always(
      'becomes an entry of `outputs:`, as `{ path: /run/secrets/app.conf, template: app.conf.mustache }`; templates are Mustache',
    ),
  },
  { name: 'env_template', here: always('becomes `environment: { NAME: secret/app/db#password }`') },
  { name: 'secret', here: always('becomes `secrets: { db: secret/app/db }`') },
  { name: 'exec', here: always('becomes `vaultonce exec -- COMMAND`') },
  { name: 'consul', here: always('has no counterpart: nothing is read from Consul') },
  { name: 'listener', here: always(NO_DAEMON) },
  { name: 'cache', here: always(NO_DAEMON) },
  { name: 'api_proxy', here: always(NO_DAEMON) },
  { name: 'pid_file', here: always(NO_DAEMON) },
  { name: 'exit_after_auth', here: always('is not needed: a run always ends') },
  { name: 'log_level', here: always('becomes `--log-level` or $VAULTONCE_LOG_LEVEL') },
];

/** The `auth:` of the method that Vault Agent logs in with. */
function authIn(text: string): string {
  const named = /\bmethod\s*(?:"([a-z_]+)"|\{[^}]*?\btype\s*=\s*"([a-z_]+)")/.exec(text);
  const name = named?.[1] ?? named?.[2];
  if (name === 'token_file') return 'auth: { method: token, token_file: FILE }';
  if (name === 'approle') return 'auth: { method: approle, role_id_file: FILE, secret_id_file: FILE }';
  const method = isMethod(name) ? name : 'kubernetes';
  const hasRole = ['kubernetes', 'jwt', 'aws', 'azure', 'gcp', 'alicloud', 'cf', 'oci'].includes(method);
  return hasRole ? `auth: { method: ${method}, role: ROLE }` : `auth: { method: ${method} }`;
}

/**
 * The error of a config that does not parse because it is HCL or a template; undefined when it is YAML or JSON with a
 * mistake.
 */
export function otherLanguageError({ text, name }: SourceText, error: RunError): RunError | undefined {
  return hclError(text, name) ?? templateError(text, name, error);
}

function hclError(text: string, name: string): RunError | undefined {
  // A key of YAML at the start of a line is none of HCL, where an argument has a `=`.
  if (/^[\w-]+:(?:\s|$)/m.test(text) || !/^[^#\n]*\w\s*=(?!=)/m.test(text)) return undefined;
  const found = TRANSLATIONS.map((translation) => {
    const start = new RegExp(`^${translation.name}\\s*(?:"[^"\\n]*"\\s*)?(?:\\{|=)`, 'm');
    return { ...translation, position: text.search(start) };
  })
    .filter(({ position }) => position !== -1)
    .sort((a, b) => a.position - b.position);
  const [first] = found;
  if (first === undefined) return undefined;
  return new RunError(
    'config',
    'this looks like HCL, such as a config of Vault Agent or consul-template; vaultonce reads YAML or JSON',
    {
      where: `${name}:${String(lineAt(text, first.position))}`,
      details: found.map(
        (one) => `line ${String(lineAt(text, one.position))}: \`${one.name}\` ${one.here(text)}`,
      ),
      hint: 'write it in YAML: `vault:`, `auth:`, `secrets:` and `outputs:`; `vaultonce schema --markdown` lists all keys',
    },
  );
}

/** Tags at the start of a line or in place of a value: those in a text are of a template inside the config. */
const TAG = /^(?:[^\n"'#]*?[\w-]+:[ \t]+)?(?=\{\{|\{%)(.*)$/gm;

function templateError(text: string, name: string, error: RunError): RunError | undefined {
  for (const match of text.matchAll(TAG)) {
    const language = templateLanguageOf(match[1] ?? '');
    if (language === undefined) continue;
    return new RunError('config', `this looks like a ${language}; a config is not a template`, {
      where: `${name}:${String(lineAt(text, match.index))}`,
      details: error.failures.map(({ message }) => message),
      hint: 'write `${VAR}` or `${VAR:-default}` for the value of an environment variable',
    });
  }
  return undefined;
}

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length;
}
