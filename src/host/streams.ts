import type { CancelSignal } from '../base/cancellation.ts';
import { RunError, systemErrorCode } from '../base/errors.ts';
import { openDescriptor, writePatiently } from './descriptor.ts';
import type { LogOutput, Output, ResultOutput } from './output.ts';

const STDOUT = 1;
const STDERR = 2;
/** How long a reader of stderr may read nothing. Meanwhile no signal is seen, and a run ends within 2 s of one. */
const PATIENCE_MS = 1000;
const STEP_MS = 5;
const NOTHING = new Uint8Array();

/** stdout, whose reader decides how fast it is. */
export function openStdout(): ResultOutput {
  const descriptor = openDescriptor(STDOUT);
  let rest: Uint8Array = NOTHING;
  const put = (bytes: Uint8Array): void => {
    rest = attempt('stdout', () => descriptor.write(bytes));
  };
  return {
    isTTY: descriptor.isTTY,
    write(text) {
      const bytes = Buffer.from(text, 'utf8');
      put(rest.length === 0 ? bytes : Buffer.concat([rest, bytes]));
    },
    checkOpen() {
      if (!descriptor.wasClosed()) return;
      throw new RunError('output', 'stdout is closed: nobody would get what is printed', {
        hint: 'open it, or name a file with --out; to discard what is printed, use `>/dev/null`, open for writing only',
      });
    },
    async flush(signal: CancelSignal) {
      while (rest.length > 0) {
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, STEP_MS));
        put(rest);
      }
    },
  };
}

/** stderr: for the log, which may lose lines, and for the masks of CI systems, which must not be lost. */
export function openStderr(): Output & LogOutput {
  const descriptor = openDescriptor(STDERR);
  // Of a line that was begun.
  let rest: Uint8Array = NOTHING;
  let patienceMs = PATIENCE_MS;
  const put = (bytes: Uint8Array): boolean => {
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    const left = writePatiently((some) => descriptor.write(some), all, patienceMs);
    patienceMs = left.length === 0 ? PATIENCE_MS : 0;
    // What was not begun is left out, so that no line is torn.
    const isBegun = left.length < bytes.length;
    rest = isBegun ? left : left.subarray(0, left.length - bytes.length);
    return isBegun || left.length === 0;
  };
  return {
    isTTY: descriptor.isTTY,
    offer(line) {
      try {
        return put(Buffer.from(line, 'utf8'));
      } catch {
        // Nobody could be told.
        return true;
      }
    },
    write(text) {
      const isWritten = attempt('stderr', () => put(Buffer.from(text, 'utf8')) && rest.length === 0);
      if (!isWritten) throw unwritable('stderr', 'nobody reads it');
    },
  };
}

function attempt<T>(name: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw unwritable(name, systemErrorCode(error) ?? 'unknown error');
  }
}

/** For a stream that takes no more. */
export function unwritable(name: string, problem: string): RunError {
  return new RunError('output', `${name} cannot be written to (${problem})`, {
    hint: `check the target of ${name}: a full disk, a file that was closed, or a reader that hangs`,
  });
}
