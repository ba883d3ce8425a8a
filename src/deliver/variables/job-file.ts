import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import { shownPath } from '../../base/shown-text.ts';
import type { HandoverIo } from './handover.ts';

type Environment = Pick<HandoverIo, 'env'>;

const APPENDING = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK;

/** Who makes the file. Of one that the runner makes, nobody would read another. */
type Maker = 'runner' | 'first writer';

/**
 * Looks whether the file that a CI system reads variables from can be written to.
 * @param variable that names the file
 * @throws RunError `output`
 */
export function checkJobFile(variable: string, io: Environment, maker: Maker = 'runner'): void {
  withJobFile(variable, io, (path) => {
    try {
      closeSync(openSync(path, APPENDING));
    } catch (error) {
      if (maker === 'runner' || systemErrorCode(error) !== 'ENOENT') throw error;
      accessSync(dirname(path), constants.W_OK);
    }
  });
}

/**
 * Appends to such files, to all of them and whole, or not at all.
 * @throws RunError `output`
 */
export function appendToJobFiles(
  [variable, ...others]: readonly string[],
  text: string,
  io: Environment,
  maker: Maker = 'runner',
): void {
  if (variable === undefined) return;
  withJobFile(variable, io, (path) => {
    const file = openSync(path, maker === 'runner' ? APPENDING : APPENDING | constants.O_CREAT, 0o600);
    try {
      append(file, Buffer.from(text), () => {
        appendToJobFiles(others, text, io, maker);
      });
    } finally {
      closeSync(file);
    }
  });
}

function withJobFile(variable: string, { env }: Environment, use: (path: string) => void): void {
  const path = env[variable] ?? '';
  if (path === '') {
    throw new RunError('output', `$${variable} is not set`, {
      hint: 'run it in a job of that CI system, or choose another format: --format shell',
    });
  }
  try {
    use(path);
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
