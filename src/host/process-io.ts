import { listening, type CancelSignal } from '../base/cancellation.ts';
import type { Io } from './io.ts';
import type { LogFormat, LogLevel } from './log-events.ts';
import { createLog, type Log } from './log.ts';
import type { LogOutput, Output } from './output.ts';
import { createProgress } from './progress.ts';
import { createScope } from './scope.ts';
import { openStderr, openStdout } from './streams.ts';

export interface LogSettings {
  readonly level: LogLevel;
  /** Undefined: text where people read it, on a terminal and in the log of a CI job; JSON lines otherwise. */
  readonly format: LogFormat | undefined;
}

export interface ProcessIo {
  readonly io: Io;
  /** The log's settings come from flags, which are parsed only after the first error can occur. */
  readonly configureLog: (settings: LogSettings) => void;
}

/** The real process. */
export function createProcessIo(): ProcessIo {
  const stderr = openStderr();
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
    cwd: workingDirectory(),
    stdout: openStdout(),
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

/** One that is gone, or below one that may not be searched, has no name, but can be reached on Linux nevertheless. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return '/proc/self/cwd';
  }
}

/** What CI systems set in their jobs; most of them `CI`, and here those that do not. */
const OF_JOBS = ['CI', 'TF_BUILD', 'JENKINS_URL', 'TEAMCITY_VERSION', 'CODEBUILD_BUILD_ID'];

function isInJob(env: Io['env']): boolean {
  return OF_JOBS.some((name) => !['', 'false', '0'].includes(env[name] ?? ''));
}

function openLog(
  stderr: Output & LogOutput,
  { level, format = stderr.isTTY || isInJob(process.env) ? 'text' : 'json' }: LogSettings,
): Log {
  const forPeople = stderr.isTTY && format === 'text';
  // https://no-color.org: any non-empty value turns colours off.
  const colours = forPeople && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
  const progress = forPeople && level !== 'error' ? createProgress(() => process.stderr, colours) : undefined;
  return createLog({ level, format, colours, stderr, progress });
}

async function readStdin(largest: number, signal: CancelSignal): Promise<Buffer | undefined> {
  const end = (): void => {
    process.stdin.destroy(signal.reason as Error);
  };
  return listening(signal, end, async () => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of process.stdin) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > largest) return undefined;
    }
    signal.throwIfAborted();
    return Buffer.concat(chunks);
  });
}
