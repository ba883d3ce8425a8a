import { templateLanguageOf, type Finding } from '../template/other-languages.ts';
import { lineAt } from '../template/tags.ts';

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

/** The methods of Vault Agent by their names there, and the start of `auth:` for each. */
const LOGINS: ReadonlyMap<string, string> = new Map([
  ['token_file', 'method: token, token_file: FILE'],
  ['approle', 'method: approle, role_id_file: FILE, secret_id_file: FILE'],
  ['cert', 'method: cert'],
  ['ldap', 'method: ldap'],
  ...['kubernetes', 'jwt', 'aws', 'azure', 'gcp', 'alicloud', 'cf', 'oci'].map(
    (name) => [name, `method: ${name}, role: ROLE`] as const,
  ),
]);

function authIn(text: string): string {
  const named = /\bmethod\s*(?:"([a-z_]+)"|\{[^}]*?\btype\s*=\s*"([a-z_]+)")/.exec(text);
  const login = LOGINS.get(named?.[1] ?? named?.[2] ?? '') ?? LOGINS.get('kubernetes') ?? '';
  return `auth: { ${login} }`;
}

/**
 * Why a config does not parse, if it is HCL or a template; undefined when it is YAML or JSON with a mistake.
 * @param mistakes what the parser said
 */
export function recogniseConfig(text: string, mistakes: readonly string[]): Finding | undefined {
  return hcl(text) ?? template(text, mistakes);
}

function hcl(text: string): Finding | undefined {
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
  return {
    message:
      'this looks like HCL, such as a config of Vault Agent or consul-template; vaultonce reads YAML or JSON',
    line: lineAt(text, first.position),
    details: found.map(
      (one) => `line ${String(lineAt(text, one.position))}: \`${one.name}\` ${one.here(text)}`,
    ),
    hint: 'let `vaultonce migrate FILE` make a config of it, and of its templates; `vaultonce schema --markdown` lists all keys',
  };
}

/** Tags at the start of a line or in place of a value: those in a text are of a template inside the config. */
const TAG = /^(?:[^\n"'#]*?[\w-]:[ \t]+)?(?=\{\{|\{%)(.*)$/gm;

function template(text: string, mistakes: readonly string[]): Finding | undefined {
  for (const match of text.matchAll(TAG)) {
    const language = templateLanguageOf(match[1] ?? '');
    if (language === undefined) continue;
    return {
      message: `this looks like a ${language}; a config is not a template`,
      line: lineAt(text, match.index),
      details: mistakes,
      hint: 'write `${VAR}` or `${VAR:-default}` for the value of an environment variable',
    };
  }
  return undefined;
}
