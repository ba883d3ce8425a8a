import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import { shownPath } from '../../base/shown-text.ts';
import type { HandoverIo } from './handover.ts';

type Environment = Pick<HandoverIo, 'env'>;

/**
 * Looks whether the file that a CI system reads variables from can be written to.
 * @param variable that names the file
 * @throws RunError `output`
 */
export function checkJobFile(variable: string, io: Environment): void {
  withJobFile(variable, io, () => undefined);
}

/**
 * Appends to such files, to all of them and whole, or not at all.
 * @throws RunError `output`
 */
export function appendToJobFiles(
  [variable, ...others]: readonly string[],
  text: string,
  io: Environment,
): void {
  if (variable === undefined) return;
  withJobFile(variable, io, (file) => {
    append(file, Buffer.from(text), () => {
      appendToJobFiles(others, text, io);
    });
  });
}

function withJobFile(variable: string, { env }: Environment, use: (file: number) => void): void {
  const path = env[variable] ?? '';
  if (path === '') {
    throw new RunError('output', `$${variable} is not set`, {
      hint: 'run it in a job of that CI system, or choose another format: --format shell',
    });
  }
  try {
    // The runner made it: nobody would read one that had to be created.
    const file = openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK);
    try {
      use(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof RunError) throw error;
    const code = systemErrorCode(error) ?? 'unknown error';
    throw new RunError('output', `$${variable} cannot be written to (${code})`, {
      where: shownPath(path, `$${variable}`, false),
      hint: 'check that the step runs as the user of the runner, and that the disk is not full',
    });
  }
}

/** @param next what must succeed, too */
function append(file: number, bytes: Uint8Array, next: () => void): void {
  const { size } = fstatSync(file);
  try {
    for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
    sync(file);
    next();
  } catch (error) {
    takeBack(file, size);
    throw error;
  }
}

/** What was written of a text is worse than nothing of it. A pipe or a device cannot be cut, and says so. */
function takeBack(file: number, size: number): void {
  try {
    ftruncateSync(file, size);
  } catch {
    // Why it could not be written matters more.
  }
}

function sync(file: number): void {
  try {
    fsyncSync(file);
  } catch (error) {
    // A pipe or a device has nothing to be made durable.
    if (systemErrorCode(error) !== 'EINVAL') throw error;
  }
}
