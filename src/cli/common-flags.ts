import { Option, type Command } from 'commander';
import { LOG_FORMATS, LOG_LEVELS } from '../host/log-events.ts';

/** For `--out` of `render` and `check`. */
export const OUT_HELP = 'another file that holds a single value, as PATH=path#key; repeatable';

/** For `--env-lines` of `env` and `exec`. */
export const ENV_LINES_HELP =
  'variables as vault-action has them, a line each: PATH KEY | NAME, PATH KEY, PATH *, PATH * | PREFIX';

/** Collects the values of a repeatable flag. */
export function collect(value: string, values: readonly string[] | undefined): readonly string[] {
  return [...(values ?? []), value];
}

/** A flag of its own: to commander, a name that starts with `no-` would empty `--config`, whichever comes last. */
function noConfig(): Option {
  const option = new Option(
    '--no-config',
    'no config file, not even $VAULTONCE_CONFIG, $VAULTONCE_CONFIG_INLINE or ./vaultonce.yaml; defaults apply',
  );
  option.negate = false;
  return option.conflicts('config');
}

/** Those that a command of its own kind takes, too. */
export const DEFAULTS = [
  '--defaults <file>',
  'file with defaults below the config, such as those of a platform team (default: $VAULTONCE_DEFAULTS)',
] as const;
export const AUTH_MOUNT = [
  '--auth-mount <mount>',
  'mount of the login method, without `auth/` (default: its name)',
] as const;
export const ADDRESS = [
  '--address <url>',
  'server address (default: $VAULT_ADDR, then vault.address)',
] as const;
export const NAMESPACE = [
  '--namespace <path>',
  'namespace (default: $VAULT_NAMESPACE, then vault.namespace)',
] as const;

/** The flags of every command that reads a config. */
export function withCommonFlags(command: Command): Command {
  command
    .option(
      '-c, --config <file>',
      'config file, `-` for stdin; repeatable: config files are merged; conflicting values are an error (default: $VAULTONCE_CONFIG, then ./vaultonce.yaml)',
      collect,
    )
    .addOption(noConfig())
    .option(...DEFAULTS)
    .option('--secret <name=path>', 'another secret, as NAME=PATH; repeatable', collect)
    .option('--auth <method>', 'login method; overrides `auth` in the config')
    .option('--role <role>', 'role to log in with, for kubernetes, jwt and others')
    .option(...AUTH_MOUNT)
    .option('--set <key=value>', 'override a config key, e.g. timeout=10s; repeatable', collect)
    .option(...ADDRESS)
    .option(...NAMESPACE)
    .option('--timeout <duration>', 'time limit for the whole run (default: 60s)')
    .option(
      '--startup-jitter <duration>',
      'wait up to this long, at random, before the login (default: none)',
    );
  return withLogFlags(command);
}

/** Of every command that logs. */
export function withLogFlags(command: Command): Command {
  return command
    .addOption(new Option('--log-level <level>', 'log level (default: info)').choices(LOG_LEVELS))
    .addOption(
      new Option(
        '--log-format <format>',
        'log format (default: text on a terminal and in a CI job, otherwise json)',
      ).choices(LOG_FORMATS),
    )
    .option('-q, --quiet', 'log errors only')
    .allowExcessArguments(false);
}
