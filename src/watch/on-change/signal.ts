import { RunError, systemErrorCode } from '../../base/errors.ts';
import { shownName } from '../../base/shown-text.ts';
import type { HandlerOf } from './handler-kind.ts';
import { withoutCommand, type HandlerKind } from './handler-kind.ts';
import { processNamed, processOfFile, shownPidFile } from './processes.ts';

type SignalHandler = HandlerOf<'signal'>;

/** A process gets a signal: the command, or another that shares its process namespace. */
export const signal: HandlerKind<'signal'> = {
  describe: ({ signal: name, target, where }) => `${name} to ${describeTarget(target, where)}`,
  check: ({ target, where }, { hasCommand }) =>
    hasCommand || target.kind !== 'child'
      ? []
      : [
          withoutCommand(
            where,
            '`signal` without `process` and `pid_file`',
            'name one of the two, or start the command with `vaultonce watch -- COMMAND`',
          ),
        ],
  tell({ signal: name, target, where }, _news, { child }) {
    if (target.kind !== 'child') {
      const pid = target.kind === 'process' ? processNamed(target.name) : processOfFile(target.path, where);
      send(pid, name);
      return;
    }
    if (child?.signal(name) !== true) throw new RunError('unavailable', 'the command is not running');
  },
};

function describeTarget(target: SignalHandler['target'], where: string): string {
  if (target.kind === 'child') return 'the command';
  return target.kind === 'process'
    ? shownName(target.name)
    : `the process of ${shownPidFile(target.path, where)}`;
}

/** @throws RunError */
function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EPERM') {
      throw new RunError('denied', `no permission to send a signal to process ${String(pid)}`, {
        hint: 'run vaultonce as the user of that process, or with the capability KILL',
      });
    }
    const message =
      code === 'ESRCH'
        ? `there is no process ${String(pid)}`
        : `the signal was not sent (${code ?? 'unknown error'})`;
    throw new RunError('unavailable', message);
  }
}
