import type { CommandDefinition } from '../commands/command.ts';
import type { WatchOptions } from '../commands/watch.ts';
import type { Flags } from '../config/settings.ts';
import { COMMON, PASSING_ON } from './common-flags.ts';

export function watchCommand(): CommandDefinition {
  return {
    description: 'do what render does, then stay: renew, replace and write again; or look after COMMAND',
    argument: {
      name: 'command',
      description: 'the command and its arguments; it gets the variables of `environment:`',
    },
    passesOn: true,
    flags: {
      ...COMMON,
      '--env': {
        value: 'name=ref',
        repeats: true,
        description: 'with COMMAND: another variable, as NAME=path#key; repeatable',
      },
      '--env-from': {
        value: 'secret',
        repeats: true,
        description: 'with COMMAND: all keys of a secret as variables; repeatable',
      },
      ...PASSING_ON,
      '--probe': {
        description: 'only ask a running one whether it is ready, at `watch.health` of the config',
      },
      '--allow-disk': { description: 'allow outputs outside tmpfs' },
      '--report': { value: 'file', description: 'write a JSON report of the first run to a file' },
    },
    async run(options: WatchOptions & Flags, words, io) {
      const { watch } = await import('../commands/watch.ts');
      await watch(words, options, options, io);
    },
  };
}
