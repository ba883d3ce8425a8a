import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Workspace } from './workspace.ts';

const STANDALONE = process.env['VAULTONCE_BIN'] ?? '';
/** For the few things that the runtimes do each in its way. */
export const IS_STANDALONE = STANDALONE !== '';

/** What is tested: the package's start script on this Node, or the binary that `$VAULTONCE_BIN` names. */
export const BIN = IS_STANDALONE ? STANDALONE : join(import.meta.dirname, '../../bin/vaultonce.mjs');
/** What starts it. */
export const COMMAND: readonly string[] = IS_STANDALONE ? [BIN] : [process.execPath, BIN];

/** A file that starts it, for whoever needs a single word: a shell, a CI system. */
export function starter({ write }: Pick<Workspace, 'write'>, name = 'bin/vaultonce'): string {
  const command = COMMAND.map((part) => `"${part}"`).join(' ');
  return write(name, `#!/bin/sh\nexec ${command} "$@"\n`, 0o755);
}

export interface CliOptions {
  /** What starts the program; undefined: `COMMAND`. */
  readonly command?: readonly string[];
  readonly cwd?: string;
  /** All of the environment beside PATH: nothing of the developer's own reaches the program. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Runs it under a pseudo terminal; everything it prints is then in `stdout`. */
  readonly terminal?: boolean;
  /** How long it may take; what hangs fails its test then. */
  readonly killAfterMs?: number;
}

export interface CliResult {
  /** 128 + the signal, if one has killed it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCli {
  readonly child: ChildProcessWithoutNullStreams;
  readonly done: Promise<CliResult>;
  /** Resolves when stderr matches. */
  stderrMatches(pattern: RegExp): Promise<void>;
}

const KILL_AFTER_MS = 45_000;

const running = new Set<ChildProcess>();

/** Ends what a test has left running that failed before it could end it: its file would wait for it. */
export function killRunning(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Starts the program as a user would. */
export function startCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const { cwd = '/', env = {}, input, uid, gid, terminal = false, killAfterMs = KILL_AFTER_MS } = options;
  const command = [...(options.command ?? COMMAND), ...args];
  const [program = '', ...rest] = terminal
    ? [
        'python3',
        '-c',
        'import pty, sys, os; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))',
        ...command,
      ]
    : command;
  const child = spawn(program, rest, {
    cwd,
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined).end(input);
  const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  const done = new Promise<CliResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ code, stdout, stderr });
    });
  });
  return {
    child,
    done,
    async stderrMatches(pattern) {
      while (!pattern.test(stderr)) {
        if (child.exitCode !== null) throw new Error(`ended without ${String(pattern)}: ${stderr}`);
        await delay(5);
      }
    },
  };
}

/** Runs the program to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).done;
}

/** A line of the JSON log. */
export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly kind?: string;
  readonly message?: string;
  readonly where?: string;
  readonly hint?: string;
  readonly details?: readonly string[];
  readonly reason?: string;
  readonly names?: readonly string[];
  readonly path?: string;
  readonly exit_code?: number;
}

/** The log of a run without a terminal. */
export function logLines({ stderr }: CliResult): LogLine[] {
  return stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine);
}

/** The failures that a run has told. */
export function failuresOf(result: CliResult): LogLine[] {
  return logLines(result).filter(({ event }) => event === 'failed');
}
