import type { FlagDefinitions } from '../commands/command.ts';
import { LOG_FORMATS, LOG_LEVELS } from '../host/log-events.ts';

/** Those that a command of its own kind takes, too. */
export const DEFAULTS = {
  '--defaults': {
    value: 'file',
    description:
      'file with defaults below the config, such as those of a platform team (default: $VAULTONCE_DEFAULTS)',
  },
} satisfies FlagDefinitions;
export const AUTH_MOUNT = {
  '--auth-mount': {
    value: 'mount',
    description: 'mount of the login method, without `auth/` (default: its name)',
  },
} satisfies FlagDefinitions;
export const SERVER = {
  '--address': { value: 'url', description: 'server address (default: $VAULT_ADDR, then vault.address)' },
  '--namespace': {
    value: 'path',
    description: 'namespace (default: $VAULT_NAMESPACE, then vault.namespace)',
  },
} satisfies FlagDefinitions;

/** Of every command that logs. */
export const LOG = {
  '--log-level': { value: 'level', choices: LOG_LEVELS, description: 'log level (default: info)' },
  '--log-format': {
    value: 'format',
    choices: LOG_FORMATS,
    description: 'log format (default: text on a terminal and in a CI job, otherwise json)',
  },
  '--quiet': { short: '-q', description: 'log errors only' },
} satisfies FlagDefinitions;

/** Of every command that reads a config. */
export const COMMON = {
  '--config': {
    short: '-c',
    value: 'file',
    repeats: true,
    description:
      'config file, `-` for stdin; repeatable: config files are merged; conflicting values are an error (default: $VAULTONCE_CONFIG, then ./vaultonce.yaml)',
  },
  '--no-config': {
    excludes: '--config',
    description:
      'no config file, not even $VAULTONCE_CONFIG, $VAULTONCE_CONFIG_INLINE or ./vaultonce.yaml; defaults apply',
  },
  ...DEFAULTS,
  '--secret': { value: 'name=path', repeats: true, description: 'another secret, as NAME=PATH; repeatable' },
  '--auth': { value: 'method', description: 'login method; overrides `auth` in the config' },
  '--role': { value: 'role', description: 'role to log in with, for kubernetes, jwt and others' },
  ...AUTH_MOUNT,
  '--set': {
    value: 'key=value',
    repeats: true,
    description: 'override a config key, e.g. timeout=10s; repeatable',
  },
  ...SERVER,
  '--timeout': { value: 'duration', description: 'time limit for the whole run (default: 60s)' },
  '--startup-jitter': {
    value: 'duration',
    description: 'wait up to this long, at random, before the login (default: none)',
  },
  ...LOG,
} satisfies FlagDefinitions;

/** Of `render`, `check` and `manifest`. */
export const OUT = {
  '--out': {
    value: 'path=ref',
    repeats: true,
    description: 'another file that holds a single value, as PATH=path#key; repeatable',
  },
} satisfies FlagDefinitions;

/** Of `env` and `exec`. */
export const VARIABLES = {
  '--env': {
    value: 'name=ref',
    repeats: true,
    description: 'another variable, as NAME=path#key; repeatable',
  },
  '--env-from': {
    value: 'secret',
    repeats: true,
    description: 'all keys of a secret as variables; repeatable',
  },
  '--env-lines': {
    value: 'text',
    description:
      'variables as vault-action has them, a line each: PATH KEY | NAME, PATH KEY, PATH *, PATH * | PREFIX',
  },
} satisfies FlagDefinitions;

/** Of those that start a command. */
export const PASSING_ON = {
  '--clear-env': { description: 'do not pass on the inherited environment, except PATH' },
  '--keep-env': { value: 'name', repeats: true, description: 'always pass on this variable; repeatable' },
  '--redact': { description: 'black out values of 4 or more characters in the output of COMMAND' },
  '--pass-token': { description: 'pass on VAULT_TOKEN and the other credentials of this run' },
} satisfies FlagDefinitions;
