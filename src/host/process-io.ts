import { fstatSync, readFileSync, writeSync } from 'node:fs';
import { RunError, systemErrorCode } from '../base/errors.ts';
import type { Io } from './io.ts';
import type { LogFormat, LogLevel } from './log-events.ts';
import { createLog, type Log } from './log.ts';
import type { Output, ResultOutput } from './output.ts';
import { createProgress } from './progress.ts';
import { createScope } from './scope.ts';

const STDOUT = 1;
const STDERR = 2;
/** The number of /dev/null on Linux. */
const DEV_NULL = 0x103;
/** O_RDWR and O_CLOEXEC of Linux. */
const AS_RUNTIMES_OPEN_IT = 0o2000002;

export interface LogSettings {
  readonly level: LogLevel;
  /** Undefined: text on a terminal, JSON lines otherwise. */
  readonly format: LogFormat | undefined;
}

export interface ProcessIo {
  readonly io: Io;
  /** The log's settings come from flags, which are parsed only after the first error can occur. */
  readonly configureLog: (settings: LogSettings) => void;
}

/** The real process. */
export function createProcessIo(): ProcessIo {
  const stderr = createOutput(STDERR);
  // `performance` has the same clock and loads a dozen modules of Node.
  const now = (): number => process.uptime() * 1000;
  let log = openLog(stderr, { level: 'info', format: undefined });
  const effects = {
    env: process.env,
    now,
    random: Math.random,
    get log() {
      return log;
    },
  };
  const io: Io = {
    env: process.env,
    cwd: process.cwd(),
    stdout: createOutput(STDOUT),
    stderr,
    readStdin,
    scope: createScope(effects, process.pid),
  };
  return {
    io,
    configureLog(settings) {
      log = openLog(stderr, settings);
    },
  };
}

function openLog(stderr: Output, { level, format = stderr.isTTY ? 'text' : 'json' }: LogSettings): Log {
  const forPeople = stderr.isTTY && format === 'text';
  // https://no-color.org: any non-empty value turns colours off.
  const colours = forPeople && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
  const progress = forPeople && level !== 'error' ? createProgress(() => process.stderr, colours) : undefined;
  return createLog({ level, format, colours, stderr, progress });
}

/** Writes straight to the descriptor: `process.stderr` loads the stream, tty and net modules, which few runs need. */
function createOutput(descriptor: number): ResultOutput {
  return {
    isTTY: isTerminal(descriptor),
    write(text) {
      const problem = writeAll(descriptor, Buffer.from(text, 'utf8'));
      // On stdout the result is incomplete; a lost log line is no reason to fail.
      if (problem !== undefined && descriptor === STDOUT) {
        throw new RunError('output', `stdout cannot be written to (${problem})`, {
          hint: 'check the target of stdout: a full disk, or a file that was closed',
        });
      }
    },
    checkOpen() {
      if (!wasClosed(descriptor)) return;
      throw new RunError('output', 'stdout is closed: nobody would get what is printed', {
        hint: 'open it, or name a file with --out; to discard what is printed, use `>/dev/null`, open for writing only',
      });
    },
  };
}

/**
 * Node and Bun open /dev/null for reading and writing in the place of a descriptor that is closed. A parent may have done
 * the same to discard the output, which Node does not tell apart; shells open it for writing.
 */
function wasClosed(descriptor: number): boolean {
  try {
    if (fstatSync(descriptor).rdev !== DEV_NULL) return false;
    const [, flags = ''] =
      /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${String(descriptor)}`, 'latin1')) ?? [];
    return (Number.parseInt(flags, 8) & AS_RUNTIMES_OPEN_IT) === AS_RUNTIMES_OPEN_IT;
  } catch {
    // Without /proc nobody can tell.
    return false;
  }
}

function isTerminal(descriptor: number): boolean {
  try {
    // For a pipe or a file the tty module, which loads net, is not needed.
    const status = fstatSync(descriptor);
    if (!status.isCharacterDevice() || status.rdev === DEV_NULL) return false;
  } catch {
    return false;
  }
  return process.getBuiltinModule('node:tty').isatty(descriptor);
}

/** @returns the code of the error that ended it early; undefined if all was written, or the reader is gone */
function writeAll(descriptor: number, bytes: Uint8Array): string | undefined {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      // A reader that is gone (`| head`) is not a failure; a slow one is awaited.
      const code = systemErrorCode(error);
      if (code !== 'EAGAIN') return code === 'EPIPE' ? undefined : code;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
  return undefined;
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
