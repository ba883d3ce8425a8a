import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { systemErrorCode } from '../../base/errors.ts';
import { notStarted, type Program } from './find-program.ts';
import { copyRedacted } from './redacted-output.ts';

/** A program as a child of this process. */
export interface ChildProgram {
  readonly child: ChildProcess;
  /** @throws RunError `not_executable` */
  readonly started: Promise<void>;
  /**
   * Its exit status, or 128 + the signal that ended it, once all that it has printed is passed on.
   * @throws RunError `not_executable`; `output` if its output could not be passed on and it did not notice
   */
  readonly status: Promise<number>;
}

/**
 * Starts a program as a child.
 * @param masks what to black out in its output; undefined: it has the streams of this process
 * @param leaving aborted when nobody is to wait for the rest of its output any more
 * @throws RunError `not_executable`
 */
export function startProgram(
  program: Program,
  env: Readonly<Record<string, string>>,
  masks: readonly string[] | undefined,
  leaving: AbortSignal,
): ChildProgram {
  const child = spawned(program, env, masks === undefined ? 'inherit' : 'pipe');
  const started = begun(child, program);
  const status = started.then(() => statusOf(child, masks, leaving));
  // Whoever waits for its start alone has heard of the failure.
  status.catch(() => undefined);
  return { child, started, status };
}

function spawned(
  program: Program,
  env: Readonly<Record<string, string>>,
  out: 'inherit' | 'pipe',
): ChildProcess {
  const {
    file,
    args: [name = file, ...args],
  } = program;
  try {
    return spawn(file, args, { argv0: name, env, stdio: ['inherit', out, out] });
  } catch (error) {
    throw notStarted(program, systemErrorCode(error));
  }
}

async function begun(child: ChildProcess, program: Program): Promise<void> {
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw notStarted(program, systemErrorCode(error));
  }
}

async function statusOf(
  child: ChildProcess,
  masks: readonly string[] = [],
  leaving: AbortSignal,
): Promise<number> {
  const { stdout, stderr } = child;
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const copied = await Promise.allSettled([
    stdout === null ? undefined : copyRedacted(stdout, 'stdout', masks, leaving),
    stderr === null ? undefined : copyRedacted(stderr, 'stderr', masks, leaving),
  ]);
  const [status, signal] = await ended;
  const failed = copied.find((result) => result.status === 'rejected');
  // A command that noticed has its own status.
  if (failed !== undefined && status === 0) throw failed.reason;
  return signal === null ? (status ?? 1) : 128 + constants.signals[signal];
}
