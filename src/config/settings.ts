import { parseTimeLimit, parseWait } from '../base/duration.ts';
import { RunError } from '../base/errors.ts';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../host/log-events.ts';
import { parseRateLimit, type RateLimit } from '../shape/rate-limit.ts';
import { checkMountPath } from '../shape/vault-paths.ts';
import { currentKey } from './old-names.ts';

/** The flags that all commands share, as the command line gives them. */
export interface Flags {
  readonly config?: readonly string[];
  readonly noConfig?: true;
  readonly defaults?: string;
  readonly address?: string;
  readonly namespace?: string;
  readonly timeout?: string;
  readonly startupJitter?: string;
  /** `NAME=PATH` each. */
  readonly secret?: readonly string[];
  /** `KEY=VALUE` each, by the dotted path of a config key. */
  readonly set?: readonly string[];
  readonly auth?: string;
  readonly role?: string;
  readonly authMount?: string;
  readonly allowDisk?: true;
  readonly report?: string;
  readonly logLevel?: LogLevel;
  readonly logFormat?: LogFormat;
  readonly quiet?: true;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** One setting: where it can come from, in order of precedence, and how its text is read. */
export interface Setting<T> {
  readonly flag?: keyof Flags;
  /** Variables, the one that wins first. */
  readonly env: readonly string[];
  /** The key in a config file, for the reference. */
  readonly file?: string;
  /** For messages and the reference: `a duration`. */
  readonly expected: string;
  /** Undefined: not valid. */
  parse(text: string): T | undefined;
}

/** The variables of OpenBao's client and of Vault's; OpenBao's wins. */
function client(name: string): string[] {
  return [`BAO_${name}`, `VAULT_${name}`];
}

/** Go's strconv.ParseBool, which the official clients use: `VAULT_SKIP_VERIFY=false` means false. */
function parseBoolean(text: string): boolean | undefined {
  if (/^(?:1|t|T|TRUE|true|True)$/.test(text)) return true;
  return /^(?:0|f|F|FALSE|false|False)$/.test(text) ? false : undefined;
}

function parseCount(text: string): number | undefined {
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

function parseNamespace(text: string): string | undefined {
  const checked = checkMountPath(text);
  return 'value' in checked ? checked.value : undefined;
}

function parseChoice<T extends string>(choices: readonly T[]): (text: string) => T | undefined {
  return (text) => choices.find((choice) => choice === text);
}

const asIs = (text: string): string => text;
const BOOLEAN = 'a boolean (true or false)';
const DURATION = 'a duration (`90s`, `1h30m`, or seconds)';
const TIME_LIMIT = `${DURATION} above 0, and of 24d20h at most`;

/** Precedence in one place: flag (one of its own, then `--set`), then environment, then file, then default. */
export const SETTINGS = {
  // Where an agent is meant, the official clients go to it rather than to the server; the last one is GitLab's.
  address: {
    flag: 'address',
    env: [...client('AGENT_ADDR'), ...client('ADDR'), 'VAULT_SERVER_URL'],
    file: 'vault.address',
    expected: 'a URL',
    parse: asIs,
  },
  namespace: {
    flag: 'namespace',
    env: client('NAMESPACE'),
    file: 'vault.namespace',
    expected: 'a namespace path, such as `team-a`, or `root`',
    parse: parseNamespace,
  },
  caCertBytes: { env: client('CACERT_BYTES'), file: 'vault.tls.ca_cert_bytes', expected: 'PEM', parse: asIs },
  caCert: { env: client('CACERT'), file: 'vault.tls.ca_cert', expected: 'a file', parse: asIs },
  caPath: { env: client('CAPATH'), file: 'vault.tls.ca_path', expected: 'a directory', parse: asIs },
  clientCert: { env: client('CLIENT_CERT'), file: 'vault.tls.client_cert', expected: 'a file', parse: asIs },
  clientKey: { env: client('CLIENT_KEY'), file: 'vault.tls.client_key', expected: 'a file', parse: asIs },
  serverName: {
    env: client('TLS_SERVER_NAME'),
    file: 'vault.tls.server_name',
    expected: 'a host name',
    parse: asIs,
  },
  skipVerify: {
    env: client('SKIP_VERIFY'),
    file: 'vault.tls.skip_verify',
    expected: BOOLEAN,
    parse: parseBoolean,
  },
  clientTimeoutMs: {
    env: client('CLIENT_TIMEOUT'),
    file: 'vault.client_timeout',
    expected: TIME_LIMIT,
    parse: parseTimeLimit,
  },
  maxRetries: {
    env: client('MAX_RETRIES'),
    file: 'vault.max_retries',
    expected: 'a number',
    parse: parseCount,
  },
  rateLimit: {
    env: client('RATE_LIMIT'),
    file: 'vault.rate_limit',
    expected: 'RATE or RATE:BURST',
    parse: parseRateLimit,
  },
  proxyAddress: {
    env: [...client('PROXY_ADDR'), ...client('HTTP_PROXY')],
    file: 'vault.proxy_address',
    expected: 'a URL',
    parse: asIs,
  },
  timeoutMs: {
    flag: 'timeout',
    env: ['VAULTONCE_TIMEOUT'],
    file: 'timeout',
    expected: TIME_LIMIT,
    parse: parseTimeLimit,
  },
  startupJitterMs: {
    flag: 'startupJitter',
    env: ['VAULTONCE_STARTUP_JITTER'],
    file: 'startup_jitter',
    expected: DURATION,
    parse: parseWait,
  },
  allowDisk: {
    flag: 'allowDisk',
    env: ['VAULTONCE_ALLOW_DISK'],
    file: 'output.allow_disk',
    expected: BOOLEAN,
    parse: parseBoolean,
  },
  defaults: { flag: 'defaults', env: ['VAULTONCE_DEFAULTS'], expected: 'a file', parse: asIs },
  report: { flag: 'report', env: ['VAULTONCE_REPORT'], expected: 'a file, or `-`', parse: asIs },
  logLevel: {
    flag: 'logLevel',
    env: ['VAULTONCE_LOG_LEVEL'],
    expected: `one of ${LOG_LEVELS.join(', ')}`,
    parse: parseChoice(LOG_LEVELS),
  },
  logFormat: {
    flag: 'logFormat',
    env: ['VAULTONCE_LOG_FORMAT'],
    expected: `one of ${LOG_FORMATS.join(', ')}`,
    parse: parseChoice(LOG_FORMATS),
  },
} as const satisfies Record<string, Setting<string | number | boolean | RateLimit>>;

export type SettingName = keyof typeof SETTINGS;
export type SettingValue<Name extends SettingName> = NonNullable<
  ReturnType<(typeof SETTINGS)[Name]['parse']>
>;

/**
 * The value of a setting, from the first place that has one.
 * @param fromFile the value of the config file, already validated
 * @throws RunError `usage` for a bad flag, `config` for a bad variable. Neither is quoted.
 */
export function resolveSetting<Name extends SettingName>(
  name: Name,
  flags: Flags,
  env: Environment,
  fromFile: SettingValue<Name> | undefined,
): SettingValue<Name> | undefined {
  return overrideOf(name, flags, env) ?? fromFile;
}

/** The value of a setting from flags and environment only. */
export function overrideOf<Name extends SettingName>(
  name: Name,
  flags: Flags,
  env: Environment,
): SettingValue<Name> | undefined {
  const setting = SETTINGS[name] as Setting<SettingValue<Name>>;
  if (setting.flag !== undefined && flags[setting.flag] === true) return true as SettingValue<Name>;
  const given = givenText(setting, flags, env);
  return given === undefined ? undefined : parseOrThrow(setting, given);
}

interface GivenText {
  readonly text: string;
  readonly kind: 'usage' | 'config';
  readonly where: string;
}

function givenText(
  setting: Pick<Setting<unknown>, 'flag' | 'env' | 'file'>,
  flags: Flags,
  env: Environment,
): GivenText | undefined {
  const flag = setting.flag === undefined ? undefined : flags[setting.flag];
  if (typeof flag === 'string') return { text: flag, kind: 'usage', where: flagText(setting.flag) };
  const set = setting.file === undefined ? undefined : textOfSet(setting.file, flags);
  if (set !== undefined) return { text: set, kind: 'usage', where: `--set ${setting.file ?? ''}` };
  // An empty variable counts as unset, as for the official clients.
  const variable = setting.env.find((candidate) => (env[candidate] ?? '') !== '');
  if (variable === undefined) return undefined;
  return { text: env[variable] ?? '', kind: 'config', where: `$${variable}` };
}

/** The value of `--set KEY=VALUE` for this key. */
function textOfSet(key: string, { set = [] }: Flags): string | undefined {
  const given = set.find((text) => currentKey(keyOfSet(text)) === key);
  return given?.slice(given.indexOf('=') + 1);
}

/** The key in the text of `--set KEY=VALUE`; empty: there is none. */
export function keyOfSet(text: string): string {
  return text.slice(0, Math.max(text.indexOf('='), 0));
}

/** Where the value of a setting stands, for messages: `--timeout`, `$VAULT_CLIENT_KEY`, `vault.tls.client_key`. */
export function placeOfSetting(name: SettingName, flags: Flags, env: Environment): string {
  const setting: Setting<unknown> = SETTINGS[name];
  return givenText(setting, flags, env)?.where ?? setting.file ?? '';
}

/** The key in a config that says the same; undefined: none. */
export function settingKeyOf(name: SettingName): string | undefined {
  const setting: Setting<unknown> = SETTINGS[name];
  return setting.file;
}

/**
 * What flags and variables say in place of keys of a config, by those keys. Of CAs, the one that counts.
 * @throws RunError as `overrideOf`
 */
export function givenKeys(flags: Flags, env: Environment): readonly { key: string; text: string }[] {
  const found: { key: string; text: string }[] = [];
  for (const [name, setting] of Object.entries<Setting<unknown>>(SETTINGS)) {
    const { file: key } = setting;
    if (key === undefined || overrideOf(name as SettingName, flags, env) === undefined) continue;
    const isSecondCa = key.includes('.ca_') && found.some((one) => one.key.includes('.ca_'));
    const text = givenText(setting, flags, env)?.text;
    if (text !== undefined && !isSecondCa) found.push({ key, text });
  }
  return found;
}

/** As it is typed: `--startup-jitter`. */
function flagText(flag = ''): string {
  return `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function parseOrThrow<T>(setting: Setting<T>, { text, kind, where }: GivenText): T {
  const value = setting.parse(text);
  if (value !== undefined) return value;
  throw new RunError(kind, `${where} is not valid: it must be ${setting.expected}`, {
    hint: kind === 'usage' ? 'see `vaultonce --help`' : 'correct the variable, or unset it',
  });
}

/** How to log; needed before the config is read. `--quiet` is short for the level `error`. */
export function logSettings(
  flags: Flags,
  env: Environment,
): { level: LogLevel; format: LogFormat | undefined } {
  return {
    level: flags.quiet === true ? 'error' : (overrideOf('logLevel', flags, env) ?? 'info'),
    format: overrideOf('logFormat', flags, env),
  };
}
