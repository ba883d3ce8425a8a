import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { listening } from '../../base/cancellation.ts';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import { shownName } from '../../base/shown-text.ts';
import { findCommand, type Program } from '../../deliver/exec/find-program.ts';
import { inherited } from '../../deliver/exec/own-environment.ts';
import type { Scope } from '../../host/scope.ts';
import type { HandlerKind } from './handler-kind.ts';

/** How long a command may take to end once it was told to. */
const GRACE_MS = 1000;
const STDERR = 2;

/** A command is run, without a shell. It reads nothing, and what it prints goes to stderr, where the log is. */
export const run: HandlerKind<'run'> = {
  describe: ({ command: [name = ''] }) => shownName(name),
  check: ({ command, where }, around) => {
    if (command[0] === '') {
      return [
        {
          kind: 'config',
          message: 'the command has no name',
          where: `${where}.run`,
          hint: 'begin with a program',
        },
      ];
    }
    if (around.isElsewhere === true) return [];
    try {
      findCommand(command, around);
      return [];
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      return error.failures.map(({ message, hint }) => ({
        kind: 'config' as const,
        message,
        hint,
        where: `${where}.run`,
      }));
    }
  },
  async tell({ command, timeoutMs }, _news, { credentials, cwd }, scope) {
    const program = findCommand(command, { env: scope.env, cwd });
    const child = await started(program, inherited(scope.env, {}, credentials), cwd);
    await finished(child, timeoutMs, scope);
  },
};

async function started(
  { file, args: [name = file, ...args] }: Program,
  env: Readonly<Record<string, string>>,
  cwd: string,
): Promise<ChildProcess> {
  try {
    // In a group of its own, so that what it has started ends with it.
    const stdio = ['ignore', STDERR, STDERR] as const;
    const child = spawn(file, args, { argv0: name, env, cwd, detached: true, stdio: [...stdio] });
    await once(child, 'spawn');
    return child;
  } catch (error) {
    throw new RunError('not_executable', `it cannot be run (${systemErrorCode(error) ?? 'unknown error'})`);
  }
}

/** @throws RunError if it fails, or does not end in time; the reason of the scope */
async function finished(child: ChildProcess, timeoutMs: number, scope: Scope): Promise<void> {
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let isLate = false as boolean;
  let force: NodeJS.Timeout | undefined;
  const end = (): void => {
    signalGroup(child, 'SIGTERM');
    force ??= setTimeout(signalGroup, GRACE_MS, child, 'SIGKILL');
  };
  const limit = setTimeout(() => {
    isLate = true;
    end();
  }, timeoutMs);
  const [status, signal] = await listening(scope.signal, end, () => exit);
  clearTimeout(limit);
  clearTimeout(force);
  // What it has started may have outlived it.
  if (force !== undefined) signalGroup(child, 'SIGKILL');
  scope.throwIfEnded();
  if (isLate) throw new RunError('deadline', `it did not end within ${String(timeoutMs / 1000)} s`);
  if (status === 0) return;
  const how = signal === null ? `with status ${String(status)}` : `by ${signal}`;
  throw new RunError('unavailable', `it ended ${how}`);
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended.
  }
}
