import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { shownPath } from '../../base/shown-text.ts';
import { obstacleTo } from '../../host/executable.ts';

/** What execve(2) would do with a file; a text without an interpreter line is for the shell, as with execvp(3). */
export type ProgramHead =
  | { readonly kind: 'program' | 'text' }
  | { readonly kind: 'refused'; readonly problem: string; readonly hint: string };

/** A part of a file, shorter where the file ends. */
type Read = (start: number, length: number) => Buffer;

const PROGRAM: ProgramHead = { kind: 'program' };
const TEXT: ProgramHead = { kind: 'text' };
const NOT_RUNNABLE = refused('its ELF header is not that of a program', 'build or copy it anew');

const FIRST_BYTES = 4096;
const LONGEST_PATH = 4096;
/** The entry of an ELF file that names its loader. */
const PT_INTERP = 3;
/** The kernel knows no more of an interpreter line (BINPRM_BUF_SIZE, since Linux 5.1). */
const LINE_BYTES = 256;
/** Interpreters that are scripts themselves: fs/exec.c. */
const MOST_INTERPRETERS = 5;
/** Of ELF, those that a kernel for this one may run: with those of 32 bits. What is not here is left to the kernel. */
const MACHINES: Readonly<Partial<Record<string, readonly number[]>>> = { x64: [62, 3, 6], arm64: [183, 40] };

/** Looks at the beginning of a file as the kernel does. What cannot be read is left to it. */
export function headOf(file: string | Buffer, depth = 0): ProgramHead {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return PROGRAM;
  }
  const read: Read = (start, length) => {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, length, start));
  };
  try {
    return kindOf(read, depth);
  } catch {
    return PROGRAM;
  } finally {
    closeSync(descriptor);
  }
}

function kindOf(read: Read, depth: number): ProgramHead {
  const head = Buffer.alloc(FIRST_BYTES);
  read(0, FIRST_BYTES).copy(head);
  const isLinux = process.platform === 'linux';
  const magic = head.readUInt32BE(0);
  if (magic === 0x7f454c46) return isLinux ? ofElf(head, read) : PROGRAM;
  if (head.toString('latin1', 0, 2) === '#!') return isLinux ? ofScript(head, depth) : PROGRAM;
  // Mach-O, for one processor and for several.
  return [0xcffaedfe, 0xcafebabe].includes(magic) ? PROGRAM : TEXT;
}

/** https://github.com/torvalds/linux/blob/v6.12/fs/binfmt_script.c */
function ofScript(head: Buffer, depth: number): ProgramHead {
  const line = head.toString('latin1', 0, LINE_BYTES);
  const [, name = ''] = /^#![ \t]*([^ \t\n\0]*)[ \t\n\0]/.exec(line) ?? [];
  if (name === '')
    return refused('its first line names no interpreter', 'write one after `#!`, as #!/bin/sh');
  const path = Buffer.from(name, 'latin1');
  const shown = `its interpreter ${shownPath(path.toString().replace(/\r$/, ''), '', false)}`.trimEnd();
  const problem = problemOf(path);
  if (problem !== undefined) {
    return name.endsWith('\r')
      ? refused(`${shown} has a carriage return at its end`, 'write the file with line ends of Unix (LF)')
      : refused(`${shown} ${problem}`, 'install it, or correct the first line of the script');
  }
  if (depth === MOST_INTERPRETERS)
    return refused('its interpreters are nested too deeply', 'name a program as interpreter');
  const inner = headOf(path, depth + 1);
  if (inner.kind === 'refused') return refused(`${shown} cannot be run: ${inner.problem}`, inner.hint);
  return inner.kind === 'program' || hasOtherFormats()
    ? PROGRAM
    : refused(`${shown} is not a program`, 'correct the first line of the script');
}

/** https://github.com/torvalds/linux/blob/v6.12/fs/binfmt_elf.c */
function ofElf(head: Buffer, read: Read): ProgramHead {
  const machines = MACHINES[process.arch];
  if (machines === undefined) return PROGRAM;
  if (!machines.includes(head.readUInt16LE(18))) {
    return hasOtherFormats()
      ? PROGRAM
      : refused('it is for another processor', `use a build for ${process.arch}`);
  }
  const layout = layoutOf(head);
  const isExecutable = [2, 3].includes(head.readUInt16LE(16));
  if (layout === undefined || !isExecutable) return NOT_RUNNABLE;
  const { entry, wordAt } = layout;
  const bytes = head.readUInt16LE(layout.count) * entry.bytes;
  const table = read(wordAt(head, layout.table), bytes);
  if (bytes === 0 || table.length < bytes) return NOT_RUNNABLE;
  for (let at = 0; at < bytes; at += entry.bytes) {
    if (table.readUInt32LE(at) !== PT_INTERP) continue;
    const length = wordAt(table, at + entry.length);
    return length < 2 || length > LONGEST_PATH
      ? NOT_RUNNABLE
      : ofLoader(read(wordAt(table, at + entry.place), length), length);
  }
  return PROGRAM;
}

/** Where things are in an ELF file of 64 and of 32 bits. */
interface Layout {
  readonly table: number;
  readonly count: number;
  readonly entry: { readonly bytes: number; readonly place: number; readonly length: number };
  readonly wordAt: (bytes: Buffer, at: number) => number;
}

/** By the size of the entries: at the class the kernel does not look. */
function layoutOf(head: Buffer): Layout | undefined {
  if (head.readUInt16LE(54) === 56) {
    const wordAt = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at));
    return { table: 32, count: 56, entry: { bytes: 56, place: 8, length: 32 }, wordAt };
  }
  if (head.readUInt16LE(42) !== 32) return undefined;
  const wordAt = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at);
  return { table: 28, count: 44, entry: { bytes: 32, place: 4, length: 16 }, wordAt };
}

function ofLoader(name: Buffer, length: number): ProgramHead {
  if (name.length < length || name.at(-1) !== 0) return NOT_RUNNABLE;
  const path = name.subarray(0, name.indexOf(0));
  const problem = problemOf(path);
  return problem === undefined
    ? PROGRAM
    : refused(
        `its loader ${shownPath(path.toString(), '', false)} ${problem}`,
        'use a build for this system: one for musl needs the loader of musl, one for glibc that of glibc',
      );
}

/** Why the kernel cannot take a file for the sake of another one. */
function problemOf(path: Buffer): string | undefined {
  const obstacle = obstacleTo(path);
  if (obstacle?.kind === 'refused') return `cannot be executed (${obstacle.code})`;
  return obstacle && { missing: 'does not exist', not_a_file: 'is not a file' }[obstacle.kind];
}

/** Whether the kernel was told to run other kinds of programs, as by QEMU: https://docs.kernel.org/admin-guide/binfmt-misc.html */
function hasOtherFormats(): boolean {
  const directory = '/proc/sys/fs/binfmt_misc';
  try {
    return readdirSync(directory)
      .filter((name) => name !== 'register' && name !== 'status')
      .some((name) => readFileSync(`${directory}/${name}`, 'latin1').startsWith('enabled'));
  } catch {
    return false;
  }
}

function refused(problem: string, hint: string): ProgramHead {
  return { kind: 'refused', problem, hint };
}
