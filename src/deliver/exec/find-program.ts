import { readFileSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import { shownName, shownPath } from '../../base/shown-text.ts';
import { becomeProgram, obstacleTo } from '../../host/executable.ts';
import { becomeHeir } from '../../host/inherited-descriptors.ts';
import type { Io } from '../../host/io.ts';
import { headOf } from './program-head.ts';

/** A command that can be run: what execve(2) needs. */
export interface Program {
  readonly file: string;
  /** With the name that it was called by in front. */
  readonly args: readonly string[];
}

/** Of a single string that execve(2) takes (MAX_ARG_STRLEN: 32 pages), its end included. */
const LONGEST_STRING_BYTES = 131_072;
const KIB = 1024;
/** Of all of them together, at least: https://github.com/torvalds/linux/blob/v6.12/fs/exec.c, bprm_set_stack_limits. */
const SMALLEST_LIMIT = 128 * KIB;
const LARGEST_LIMIT = 6 * 1024 * KIB;
/** Where the limit is not known: a quarter of the usual stack limit of 8 MiB, less some room. */
const USUAL_LIMIT = (2 * 1024 - 64) * KIB;
/** What the kernel adds: the path, and interpreters. */
const ROOM_BYTES = 4 * KIB;
const POINTER_BYTES = 8;

/**
 * Finds a command as a shell would.
 * @throws RunError `no_command` or `not_executable`, `usage` without a command
 */
export function findCommand(
  [name, ...args]: readonly string[],
  { env, cwd }: Pick<Io, 'env' | 'cwd'>,
): Program {
  if (name === undefined || name === '') {
    throw new RunError('usage', 'no command to run', {
      hint: 'write it after two dashes: vaultonce exec -- server --port 80',
    });
  }
  const file = name.includes('/') ? resolve(cwd, name) : searchPath(name, env['PATH'] ?? '', cwd);
  checkExecutable(file, shownName(name));
  const head = headOf(file);
  if (head.kind === 'refused') {
    const { problem, hint } = head;
    throw new RunError('not_executable', `the command \`${shownName(name)}\` cannot be run: ${problem}`, {
      where: file,
      hint,
    });
  }
  // As execvp(3): a script without an interpreter line is for the shell.
  return head.kind === 'program'
    ? { file, args: [name, ...args] }
    : { file: '/bin/sh', args: ['sh', file, ...args] };
}

/** As execvp(3): a directory that this user may not enter is passed over, and counts only if no other has the program. */
function searchPath(name: string, path: string, cwd: string): string {
  const directories = path
    .split(delimiter)
    .map((directory) => resolve(cwd, directory === '' ? '.' : directory));
  const present: string[] = [];
  const closed: string[] = [];
  for (const directory of directories) {
    const candidate = join(directory, name);
    try {
      if (statSync(candidate).isFile()) present.push(candidate);
    } catch (error) {
      if (systemErrorCode(error) === 'EACCES') closed.push(directory);
    }
  }
  const found = present.find((file) => obstacleTo(file) === undefined) ?? present[0];
  if (found !== undefined) return found;
  if (closed.length > 0) {
    throw new RunError(
      'not_executable',
      `the command \`${shownName(name)}\` is in no directory of $PATH that this user may enter`,
      {
        details: closed.map((directory) => `no permission: ${directory}`),
        hint: 'correct $PATH, or write the path of the program',
      },
    );
  }
  throw new RunError('no_command', `the command \`${shownName(name)}\` does not exist`, {
    hint: 'check the name and $PATH, or write the path of the program',
  });
}

/**
 * Whether a command that was found can still be run.
 * @throws RunError `no_command` or `not_executable`
 */
export function checkProgram({ file, args: [name = file] }: Program): void {
  checkExecutable(file, shownName(name));
}

function checkExecutable(file: string, name: string): void {
  const obstacle = obstacleTo(file);
  if (obstacle === undefined) return;
  if (obstacle.kind === 'missing') {
    throw new RunError('no_command', `the command \`${name}\` does not exist`, {
      where: shownPath(file, 'exec', false),
      hint: 'check the path',
    });
  }
  const problem = obstacle.kind === 'refused' ? obstacle.code : 'it is not a file';
  throw new RunError('not_executable', `the command \`${name}\` cannot be run (${problem})`, {
    where: file,
    hint: 'it must be a file that this user may execute, in directories that this user may enter',
  });
}

/** @throws RunError `output` for an environment that the kernel would refuse */
export function checkSize({ args }: Program, env: Readonly<Record<string, string>>): void {
  const bytesOf = (text: string): number => Buffer.byteLength(text) + 1;
  const sizes = Object.entries(env).map(([name, value]) => ({ name, bytes: bytesOf(name) + bytesOf(value) }));
  const tooLong = sizes.find(({ bytes }) => bytes > LONGEST_STRING_BYTES);
  if (tooLong !== undefined) {
    throw new RunError(
      'output',
      `the variable \`${tooLong.name}\` exceeds 128 KiB, the limit for one variable`,
      {
        hint: 'write it to a file with an output, and pass the path to the command',
      },
    );
  }
  const total = [...sizes.map(({ bytes }) => bytes), ...args.map(bytesOf)].reduce(
    (sum, bytes) => sum + bytes + POINTER_BYTES,
    ROOM_BYTES,
  );
  if (total <= SMALLEST_LIMIT) return;
  const limit = limitOfAll();
  if (total <= limit) return;
  const shown = `${String(Math.ceil(limit / KIB))} KiB`;
  throw new RunError(
    'output',
    `arguments and environment together exceed ${shown}, the limit for a program`,
    {
      hint: 'write large values to files with outputs, and pass the paths to the command; or raise the limit of the stack (`ulimit -s`), of which a quarter counts',
    },
  );
}

/** In bytes; of a quarter of the stack, as Linux has it. */
function limitOfAll(): number {
  try {
    const [, soft = ''] = /^Max stack size +(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    const quarter = soft === 'unlimited' ? LARGEST_LIMIT : Number(soft) / 4;
    if (quarter > 0) return Math.min(Math.max(quarter, SMALLEST_LIMIT), LARGEST_LIMIT);
  } catch {
    // Other systems have no /proc.
  }
  return USUAL_LIMIT;
}

/**
 * Becomes the program: same process, so that signals, job control and the exit status are its own. Does not return.
 * What the kernel could refuse has been checked before: after this there is no way back.
 * @throws RunError `not_executable`
 */
export function replaceProcess(program: Program, env: Readonly<Record<string, string>>): never {
  const { file, args } = program;
  // Node ignores these two, and what is ignored stays so in the new program, which then never ends with its pipe. What
  // has a handler goes back to the default.
  for (const signal of ['SIGPIPE', 'SIGXFSZ'] as const) process.on(signal, () => undefined);
  try {
    if (process.versions['bun'] !== undefined) becomeHeir(file, args, env);
    becomeProgram(file, args, env);
  } catch (error) {
    throw notStarted(program, systemErrorCode(error));
  }
  throw new RunError('not_executable', 'this system cannot replace a process', {
    hint: 'use `vaultonce env` or `vaultonce render`, and start the command yourself',
  });
}

/** Of a program that the system has refused. */
export function notStarted({ file, args: [name = file] }: Program, code = 'unknown error'): RunError {
  return new RunError('not_executable', `the command \`${name}\` cannot be run (${code})`, {
    where: file,
    hint: 'check whether it runs on its own on this system',
  });
}
