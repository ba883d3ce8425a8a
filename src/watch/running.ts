import type { Program } from '../deliver/exec/find-program.ts';
import { startProgram } from '../deliver/exec/start-program.ts';
import { listening, type CancelSignal } from '../base/cancellation.ts';
import type { Scope } from '../host/scope.ts';

/** One process of the command. */
export interface Running {
  readonly pid: number;
  /** Resolves when it has ended; the rest of its output may still come. */
  readonly exit: Promise<void>;
  /** @throws RunError `output` if its output could not be passed on and it did not notice */
  readonly status: Promise<number>;
  /** Resolves once it has run for this long, or has ended, or the signal is aborted. */
  hasRunFor(milliseconds: number, signal: CancelSignal): Promise<void>;
  /** @returns whether it was sent */
  signal(signal: NodeJS.Signals): boolean;
  /** Sends a signal, and SIGKILL if it has not ended in time. @returns whether it has ended, as all but what hangs in the kernel does */
  end(signal: NodeJS.Signals, withinMs: number): Promise<boolean>;
}

/** How long the rest of its output may take once it has ended: something that it has left running may hold it open. */
const PATIENCE_MS = 1000;
/** After SIGKILL. */
const LAST_WAIT_MS = 1000;

/**
 * @param masks what to black out in its output; undefined: it has the streams of this process
 * @throws RunError `not_executable`
 */
export async function startRunning(
  program: Program,
  env: Readonly<Record<string, string>>,
  masks: readonly string[] | undefined,
  scope: Scope,
): Promise<Running> {
  const leave = new AbortController();
  const { child, started, status } = startProgram(program, env, masks, leave.signal);
  const { promise: exit, resolve } = Promise.withResolvers<undefined>();
  child.once('exit', () => {
    resolve(undefined);
    setTimeout(() => {
      leave.abort();
    }, PATIENCE_MS).unref();
  });
  const sinceMs = scope.now();
  await started;
  const signal = (name: NodeJS.Signals): boolean => child.kill(name);
  return {
    pid: child.pid ?? 0,
    exit,
    status,
    signal,
    hasRunFor: async (milliseconds, other) => {
      await within(Math.max(0, sinceMs + milliseconds - scope.now()), unlessAborted(exit, other));
    },
    end: async (first, withinMs) => {
      signal(first);
      if (await within(withinMs, exit)) return true;
      scope.log.write({ event: 'command_killed', after_ms: withinMs });
      signal('SIGKILL');
      return await within(LAST_WAIT_MS, exit);
    },
  };
}

/** Resolves as well when the signal is aborted. A race of two promises would stay with the one that lives for weeks. */
export function unlessAborted(promise: Promise<void>, signal: CancelSignal): Promise<void> {
  const { promise: either, resolve } = Promise.withResolvers<undefined>();
  const end = (): void => {
    resolve(undefined);
  };
  if (signal.aborted) end();
  void promise.then(end);
  return listening(signal, end, () => either);
}

/** @returns whether it was resolved in time */
async function within(milliseconds: number, promise: Promise<void>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, milliseconds, false);
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
