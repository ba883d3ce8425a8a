import type { Command } from 'commander';
import type { WatchOptions } from '../commands/watch.ts';
import type { Flags } from '../config/settings.ts';
import type { Io } from '../host/io.ts';
import { collect, withCommonFlags } from './common-flags.ts';

export function addWatch(program: Command, io: Io): void {
  withCommonFlags(program.command('watch'))
    .description('do what render does, then stay: renew, replace and write again; or look after COMMAND')
    .argument('[command...]', 'the command and its arguments; it gets the variables of `environment:`')
    .passThroughOptions()
    .option('--env <name=ref>', 'with COMMAND: another variable, as NAME=path#key; repeatable', collect)
    .option('--env-from <secret>', 'with COMMAND: all keys of a secret as variables; repeatable', collect)
    .option('--clear-env', 'do not pass on the inherited environment, except PATH')
    .option('--keep-env <name>', 'always pass on this variable; repeatable', collect)
    .option('--redact', 'black out values of 4 or more characters in the output of COMMAND')
    .option('--pass-token', 'pass on VAULT_TOKEN and the other credentials of this run')
    .option('--probe', 'only ask a running one whether it is ready, at `watch.health` of the config')
    .option('--allow-disk', 'allow outputs outside tmpfs')
    .option('--report <file>', 'write a JSON report of the first run to a file')
    .action(async (words: readonly string[], options: WatchOptions, command: Command) => {
      const { watch } = await import('../commands/watch.ts');
      await watch(words, options, command.opts<Flags>(), io);
    });
}
