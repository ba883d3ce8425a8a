import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import type { Program } from './find-program.ts';
import { createRedactor } from './redact.ts';

/** A terminal sends these to all of its processes itself. */
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT', 'SIGWINCH'] as const;
const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', ...FROM_TERMINAL] as const;

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
  for (const signal of FORWARDED) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      const isSent = process.stdin.isTTY && FROM_TERMINAL.some((one) => one === signal);
      if (!isSent) child.kill(signal);
    });
  }
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
  await Promise.all([
    copyRedacted(child.stdout, process.stdout, secrets),
    copyRedacted(child.stderr, process.stderr, secrets),
  ]);
  const [status, signal] = await ended;
  return signal === null ? (status ?? 1) : 128 + constants.signals[signal];
}

async function copyRedacted(from: Readable, to: Writable, secrets: readonly string[]): Promise<void> {
  // A reader that left: the command finds out by its own writes, once ours are closed.
  to.on('error', () => from.destroy());
  const redactor = createRedactor(secrets);
  try {
    for await (const chunk of from) await write(to, redactor.push(chunk as Buffer));
    await write(to, redactor.end());
  } catch (error) {
    if (!from.destroyed) throw error;
  }
}

async function write(to: Writable, bytes: Uint8Array): Promise<void> {
  if (bytes.length === 0) return;
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  to.write(bytes, (error) => {
    if (error === null || error === undefined) resolve(undefined);
    else reject(error);
  });
  await promise;
}
