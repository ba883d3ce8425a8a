import type { ChildProcess } from 'node:child_process';
import type { Program } from './find-program.ts';
import { FORWARDED, onSignals } from './signals.ts';
import { startProgram } from './start-program.ts';

const ENDING: ReadonlySet<string> = new Set(['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT']);

/** How long the rest of the output may take once a signal has ended the command. */
const PATIENCE_MS = 1000;

/**
 * Runs a program as a child, with its output redacted and its signals forwarded: somebody must stay in between.
 * @returns its exit status; 128 + the signal that ended it
 * @throws RunError `not_executable`, `output`
 */
export function runRedacted(
  program: Program,
  env: Readonly<Record<string, string>>,
  secrets: readonly string[],
): Promise<number> {
  const leave = new AbortController();
  const { child, status } = startProgram(program, env, secrets, leave.signal);
  forwardSignals(child, leave);
  return status;
}

/** @param leave is aborted once the command has been told to end, has ended, and its output has had time to follow */
function forwardSignals(child: ChildProcess, leave: AbortController): void {
  let hasEnded = false;
  let isStopped = false;
  const leaveSoon = (): void => {
    if (!hasEnded || !isStopped) return;
    setTimeout(() => {
      leave.abort();
    }, PATIENCE_MS);
  };
  onSignals(FORWARDED, (signal, isSent) => {
    isStopped ||= ENDING.has(signal);
    leaveSoon();
    if (!isSent) child.kill(signal);
  });
  child.once('exit', () => {
    hasEnded = true;
    leaveSoon();
  });
}
