import { constants, fstatSync, openSync, readFileSync, writeSync, type Stats } from 'node:fs';
import { systemErrorCode } from '../base/errors.ts';

/** The number of /dev/null on Linux. */
const DEV_NULL = 0x103;
/** O_RDWR and O_CLOEXEC of Linux. */
const AS_RUNTIMES_OPEN_IT = 0o2000002;
const STEP_MS = 5;

/** One of the streams that the process was started with. */
export interface Descriptor {
  readonly isTTY: boolean;
  /**
   * Node and Bun open /dev/null for reading and writing in the place of a descriptor that is closed. A parent may have done
   * the same to discard the output, which Node does not tell apart; shells open it for writing.
   */
  wasClosed(): boolean;
  /**
   * Writes as much as there is room for; a reader that is gone (`| head`) takes everything.
   * @returns the rest
   * @throws the error of the system
   */
  write(bytes: Uint8Array): Uint8Array;
  /** Whether a write has found that the reader is gone. */
  isAbandoned(): boolean;
}

/** Writes straight to the descriptor: `process.stderr` loads the stream, tty and net modules, which few runs need. */
export function openDescriptor(descriptor: number): Descriptor {
  const status = statusOf(descriptor);
  let file: number | undefined;
  let abandoned = false;
  return {
    isTTY: status !== undefined && isTerminal(descriptor, status),
    wasClosed: () => status?.rdev === DEV_NULL && isOpenAsRuntimesDo(descriptor),
    write(bytes) {
      file ??= status?.isFIFO() === true ? withoutWaiting(descriptor) : descriptor;
      return writeSome(file, bytes, () => (abandoned = true));
    },
    isAbandoned: () => abandoned,
  };
}

function statusOf(descriptor: number): Stats | undefined {
  try {
    return fstatSync(descriptor);
  } catch {
    return undefined;
  }
}

function isTerminal(descriptor: number, status: Stats): boolean {
  // For a pipe or a file the tty module, which loads net, is not needed.
  if (!status.isCharacterDevice() || status.rdev === DEV_NULL) return false;
  return process.getBuiltinModule('node:tty').isatty(descriptor);
}

function isOpenAsRuntimesDo(descriptor: number): boolean {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${String(descriptor)}`, 'latin1');
    const [, flags = ''] = /^flags:\s*(\d+)$/m.exec(info) ?? [];
    return (Number.parseInt(flags, 8) & AS_RUNTIMES_OPEN_IT) === AS_RUNTIMES_OPEN_IT;
  } catch {
    // Without /proc nobody can tell.
    return false;
  }
}

/**
 * The same pipe, opened once more: a write to it fails while it is full, instead of waiting for a reader that may never
 * read. Those that share the descriptor keep theirs as it is.
 * @returns the descriptor itself, if the pipe belongs to another user
 */
function withoutWaiting(descriptor: number): number {
  try {
    return openSync(`/proc/self/fd/${String(descriptor)}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return descriptor;
  }
}

/**
 * Writes as much as there is room for.
 * @param abandon called if there is no reader any more: everything counts as written then
 * @returns the rest
 * @throws the error of the system
 */
export function writeSome(file: number, bytes: Uint8Array, abandon?: () => void): Uint8Array {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(file, bytes, written);
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'EAGAIN') break;
      if (code !== 'EPIPE') throw error;
      abandon?.();
      written = bytes.length;
    }
  }
  return bytes.subarray(written);
}

/**
 * Writes, and waits for a reader as long as it goes on reading.
 * @param patienceMs how long it may read nothing
 * @returns the rest that it has not read
 * @throws the error of the system
 */
export function writePatiently(
  write: (bytes: Uint8Array) => Uint8Array,
  bytes: Uint8Array,
  patienceMs: number,
): Uint8Array {
  let rest = bytes;
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += STEP_MS) {
    const before = rest.length;
    rest = write(rest);
    if (rest.length === 0) return rest;
    if (rest.length < before) waitedMs = 0;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STEP_MS);
  }
  return write(rest);
}
