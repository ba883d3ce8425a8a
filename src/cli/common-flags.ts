import { Option, type Command } from 'commander';
import { LOG_FORMATS, LOG_LEVELS } from '../host/log-events.ts';

/** The end of each command's help. */
export const EXIT_CODES_HELP = `
Exit codes:
  0 every output is complete   1 a bug             2 bad flags or arguments
  3 invalid config             4 login refused     5 denied (403 on a path)
  6 secret or key missing      7 template error    8 cannot write
  9 server unavailable        10 limit not met   124 timeout
  130, 143 stopped by SIGINT, SIGTERM`;

/** For `--out` of `render` and `check`. */
export const OUT_HELP = 'a file more that holds one value, as PATH=path#key; may be repeated';

/** Collects the values of a flag that may be repeated. */
export function collect(value: string, values: readonly string[] | undefined): readonly string[] {
  return [...(values ?? []), value];
}

/** The flags of every command that reads a config. */
export function withCommonFlags(command: Command): Command {
  return command
    .option(
      '-c, --config <file>',
      'config file, `-` for stdin; may be repeated (default: $VAULTONCE_CONFIG, then ./vaultonce.yaml)',
      collect,
    )
    .option('--secret <name=path>', 'a secret more; may be repeated', collect)
    .option('--auth <method>', 'log in by this method, instead of the `auth` of the config')
    .option('--role <role>', 'role to log in with, for kubernetes and jwt')
    .option('--auth-mount <mount>', 'where the method is mounted (default: its name)')
    .option('--set <key=value>', 'a config key by its path, as timeout=10s; may be repeated', collect)
    .option('--address <url>', 'address of the server (default: $VAULT_ADDR, then vault.address)')
    .option('--namespace <path>', 'namespace (default: $VAULT_NAMESPACE, then vault.namespace)')
    .option('--timeout <duration>', 'limit for the whole run (default: 60s)')
    .option('--startup-jitter <duration>', 'wait a random time up to this before the login (default: none)')
    .addOption(new Option('--log-level <level>', 'what to log (default: info)').choices(LOG_LEVELS))
    .addOption(
      new Option('--log-format <format>', 'default: text on a terminal, else json').choices(LOG_FORMATS),
    )
    .option('-q, --quiet', 'log errors only')
    .allowExcessArguments(false);
}
