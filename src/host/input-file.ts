import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  readlinkSync,
  statSync,
} from 'node:fs';
import type { CancelSignal } from '../base/cancellation.ts';
import { RunError, systemErrorCode } from '../base/errors.ts';

/** Opening a pipe does not wait for its writer. */
const READ_ONLY = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
const PART_BYTES = 64 * 1024;
const STEP_MS = 5;

/** What has been read of pipes, by the path that names them: a pipe is read once, a credential again for each login. */
const pipes = new Map<string, Buffer>();

/** A file that nobody has written to the end yet: `withPipes` waits for it. */
export class PendingPipe extends Error {
  readonly path: string;
  readonly file: number;
  readonly largest: number;

  constructor(path: string, file: number, largest: number) {
    super('not written to its end yet');
    this.path = path;
    this.file = file;
    this.largest = largest;
  }
}

/**
 * Reads a file that a user names: a regular file, or, within `withPipes`, a pipe, such as `<(…)` of a shell.
 * @param largest bytes; /dev/zero has more than anybody wants
 * @throws PendingPipe
 * @throws the error of the system; EFBIG for a file that is too large
 */
export function readInput(path: string, largest: number): Buffer {
  const known = pipes.get(path);
  if (known !== undefined) return checkSize(known, largest);
  const file = openSync(path, READ_ONLY);
  const parts = closingOnError(file, () => {
    const status = fstatSync(file);
    if (status.isDirectory()) throw systemError('EISDIR');
    if (status.size > largest) throw systemError('EFBIG');
    if (status.isFIFO()) return undefined;
    // Its size is known: it is read at once.
    return status.isFile() && status.size > 0 ? [readFileSync(file)] : readParts(file, largest, []);
  });
  // A pipe, or a terminal at which nobody has typed anything yet.
  if (parts === undefined) throw new PendingPipe(path, file, largest);
  closeSync(file);
  const [first, ...others] = parts;
  return checkSize(first !== undefined && others.length === 0 ? first : Buffer.concat(parts), largest);
}

/** Whether it can be read more than once: a pipe cannot. */
export function isRegularFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function closingOnError<T>(file: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/**
 * Does work that reads files, and waits for the pipes among them: the work begins anew when one has been read.
 * @throws the reason of the signal
 */
export async function withPipes<T>(signal: CancelSignal, work: () => T | Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof PendingPipe)) throw error;
      pipes.set(error.path, await readPipe(error, signal));
    }
  }
}

async function readPipe({ path, file, largest }: PendingPipe, signal: CancelSignal): Promise<Buffer> {
  const parts: Buffer[] = [];
  try {
    while (readParts(file, largest, parts) === undefined || (parts.length === 0 && hasName(file))) {
      if (signal.aborted) throw endedBy(signal.reason, path);
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
    return Buffer.concat(parts);
  } finally {
    closeSync(file);
  }
}

function endedBy(reason: unknown, path: string): unknown {
  const [failure] = reason instanceof RunError ? reason.failures : [];
  if (failure?.kind !== 'deadline') return reason;
  const hint = 'it is a pipe: nobody has written to it, or its writer has not closed it';
  return new RunError('deadline', failure.message, { where: path, hint });
}

/** Of a pipe with a name the writer may come later; that of a shell's `<(…)` is there from the beginning. */
function hasName(file: number): boolean {
  try {
    return !readlinkSync(`/proc/self/fd/${String(file)}`).startsWith('pipe:');
  } catch {
    return true;
  }
}

/**
 * Reads on to the end, or until there is more than the largest.
 * @param parts what has been read so far; what is read is added
 * @returns undefined: nothing more is there yet
 */
function readParts(file: number, largest: number, parts: Buffer[]): Buffer[] | undefined {
  let bytes = parts.reduce((sum, part) => sum + part.length, 0);
  while (bytes <= largest) {
    const part = Buffer.allocUnsafe(PART_BYTES);
    const read = readSome(file, part);
    if (read === undefined) return undefined;
    if (read === 0) break;
    parts.push(part.subarray(0, read));
    bytes += read;
  }
  return parts;
}

function readSome(file: number, part: Buffer): number | undefined {
  try {
    return readSync(file, part);
  } catch (error) {
    if (systemErrorCode(error) === 'EAGAIN') return undefined;
    throw error;
  }
}

function checkSize(bytes: Buffer, largest: number): Buffer {
  if (bytes.length > largest) throw systemError('EFBIG');
  return bytes;
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
