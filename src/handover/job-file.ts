import { closeSync, constants, fsyncSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { RunError, systemErrorCode } from '../errors.ts';
import type { HandoverIo } from './handover.ts';

/**
 * Appends to the file that a CI system reads variables from, whole or not at all.
 * @param variable that names the file
 * @throws RunError `output`
 */
export function appendToJobFile(variable: string, text: string, { env }: Pick<HandoverIo, 'env'>): void {
  const path = env[variable] ?? '';
  if (path === '') {
    throw new RunError('output', `$${variable} is not set`, {
      hint: 'run it in a job of that CI system, or choose another format: --format shell',
    });
  }
  try {
    // The runner made it: one that has to be created would be read by nobody.
    const file = openSync(path, constants.O_WRONLY | constants.O_APPEND);
    try {
      append(file, Buffer.from(text));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new RunError(
      'output',
      `$${variable} cannot be written to (${systemErrorCode(error) ?? 'unknown error'})`,
      {
        where: path,
        hint: 'check that the step runs as the user of the runner, and that the disk is not full',
      },
    );
  }
}

function append(file: number, bytes: Uint8Array): void {
  const { size } = fstatSync(file);
  try {
    for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
    fsyncSync(file);
  } catch (error) {
    if (systemErrorCode(error) === 'EINVAL') return;
    ftruncateSync(file, size);
    throw error;
  }
}
