import { RunError } from '../../base/errors.ts';
import { withoutCommand, type HandlerKind } from './handler-kind.ts';

/** The command is restarted. */
export const restart: HandlerKind<'restart'> = {
  describe: () => 'restart of the command',
  check: ({ where }, { hasCommand }) =>
    hasCommand
      ? []
      : [
          withoutCommand(
            where,
            '`restart`',
            'start it with `vaultonce watch -- COMMAND`, or remove `restart`',
          ),
        ],
  tell(_handler, { areVariablesChanged }, { child, envOf, masksOf }) {
    if (child === undefined) throw new RunError('config', 'there is no command');
    const reason = areVariablesChanged ? 'its variables have changed' : 'its files have changed';
    child.restart(envOf(), reason, masksOf?.());
  },
};
