import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import { openDescriptor, type Descriptor } from '../../host/descriptor.ts';
import { unwritable } from '../../host/streams.ts';
import type { Program } from './find-program.ts';
import { createRedactor } from './redact.ts';

/** A terminal sends these to all of its processes itself. */
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT', 'SIGWINCH'] as const;
const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', ...FROM_TERMINAL] as const;
const ENDING: ReadonlySet<string> = new Set(['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT']);
const DESCRIPTORS = { stdout: 1, stderr: 2 } as const;
/** How long the rest of the output may take once a signal has ended the command. */
const PATIENCE_MS = 1000;
const LONGEST_WAIT_MS = 32;

/**
 * Runs a program as a child, with its output redacted and its signals forwarded: somebody must stay in between.
 * @returns its exit status; 128 + the signal that ended it
 * @throws RunError `not_executable`
 */
export async function runRedacted(
  { file, args: [name = file, ...args] }: Program,
  env: Readonly<Record<string, string>>,
  secrets: readonly string[],
): Promise<number> {
  const child = spawn(file, args, { argv0: name, env, stdio: ['inherit', 'pipe', 'pipe'] });
  const leaving = forwardSignals(child);
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw new RunError(
      'not_executable',
      `the command \`${name}\` cannot be run (${systemErrorCode(error) ?? 'unknown error'})`,
      {
        where: file,
        hint: 'check whether it runs on its own on this system',
      },
    );
  }
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const copied = await Promise.allSettled([
    copyRedacted(child.stdout, 'stdout', secrets, leaving),
    copyRedacted(child.stderr, 'stderr', secrets, leaving),
  ]);
  const [status, signal] = await ended;
  const failed = copied.find((result) => result.status === 'rejected');
  // A command that noticed has its own status.
  if (failed !== undefined && status === 0) throw failed.reason;
  return signal === null ? (status ?? 1) : 128 + constants.signals[signal];
}

/** @returns aborted once the command has been told to end, has ended, and its output has had time to follow */
function forwardSignals(child: ChildProcess): AbortSignal {
  const leave = new AbortController();
  let hasEnded = false;
  let isStopped = false;
  const leaveSoon = (): void => {
    if (!hasEnded || !isStopped) return;
    setTimeout(() => {
      leave.abort();
    }, PATIENCE_MS);
  };
  for (const signal of FORWARDED) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      isStopped ||= ENDING.has(signal);
      leaveSoon();
      const isSent = process.stdin.isTTY && FROM_TERMINAL.some((one) => one === signal);
      if (!isSent) child.kill(signal);
    });
  }
  child.once('exit', () => {
    hasEnded = true;
    leaveSoon();
  });
  return leave.signal;
}

/**
 * Copies a stream of the command, as fast as the reader of ours reads: until then the command waits, as it would without us in between.
 * @throws RunError `output`
 */
async function copyRedacted(
  from: Readable,
  name: keyof typeof DESCRIPTORS,
  secrets: readonly string[],
  leaving: AbortSignal,
): Promise<void> {
  const to = openDescriptor(DESCRIPTORS[name]);
  const redactor = createRedactor(secrets);
  // Something that the command has left running may hold it open.
  leaving.addEventListener('abort', () => from.destroy());
  try {
    for await (const chunk of from) {
      await write(to, redactor.push(chunk as Buffer), leaving);
      // The command finds out by its own writes.
      if (to.isAbandoned() || leaving.aborted) break;
    }
    await write(to, redactor.end(), leaving);
  } catch (error) {
    const code = systemErrorCode(error);
    if (from.destroyed && code === 'ERR_STREAM_PREMATURE_CLOSE') return;
    from.destroy();
    throw code === undefined ? error : unwritable(name, code);
  }
}

/** Waits for room without holding up signals, unlike `process.stdout`, whose writes to a pipe block. */
async function write(to: Descriptor, bytes: Uint8Array, leaving: AbortSignal): Promise<void> {
  let rest = to.write(bytes);
  for (let waitMs = 1; rest.length > 0 && !leaving.aborted; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    const before = rest.length;
    rest = to.write(rest);
    if (rest.length < before) waitMs = 1;
  }
}
