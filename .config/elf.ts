import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** What a program or library of 64 bits, little-endian, says about the files that it needs. */
export interface Elf {
  readonly machine: number;
  /** The dynamic loader, by its path. */
  readonly interpreter: string | undefined;
  /** Shared libraries, by their names. */
  readonly needed: readonly string[];
}

const HEADER_LENGTH = 64;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** The processor that a file is for, as e_machine numbers it; undefined for other kinds of files, of 32 bits for example. */
export function machineOf(path: string): number | undefined {
  const descriptor = openSync(path, 'r');
  try {
    const header = Buffer.alloc(HEADER_LENGTH);
    const isWhole = readSync(descriptor, header, { position: 0 }) === HEADER_LENGTH;
    return isWhole && header.toString('latin1', 0, 6) === '\x7fELF\x02\x01'
      ? header.readUInt16LE(18)
      : undefined;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Reads it as `elf(5)` has it, so that no tool has to know the processor, and nothing of another one is run, as `ldd` would.
 * @throws Error if it is another kind of file
 */
export function readElf(path: string): Elf {
  const machine = machineOf(path);
  if (machine === undefined) throw new Error(`${path} is no ELF file of 64 bits`);
  const file = readFileSync(path);
  const segments = segmentsOf(file);
  const interpreter = segments.find(({ type }) => type === PT_INTERP);
  return {
    machine,
    interpreter: interpreter && textAt(file, interpreter.offset),
    needed: neededBy(file, segments),
  };
}

function segmentsOf(file: Buffer): Segment[] {
  const start = Number(file.readBigUInt64LE(32));
  const size = file.readUInt16LE(54);
  return Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
    const at = start + index * size;
    const number = (offset: number): number => Number(file.readBigUInt64LE(at + offset));
    return { type: file.readUInt32LE(at), offset: number(8), address: number(16), size: number(32) };
  });
}

function neededBy(file: Buffer, segments: readonly Segment[]): string[] {
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return [];
  const entries = Array.from({ length: dynamic.size / 16 }, (_, index) => {
    const at = dynamic.offset + index * 16;
    return { tag: Number(file.readBigInt64LE(at)), value: Number(file.readBigUInt64LE(at + 8)) };
  });
  const names = entries.find(({ tag }) => tag === DT_STRTAB)?.value ?? 0;
  // An address in memory: the segment that is loaded there says where it is in the file.
  const holder = segments.find(
    ({ type, address, size }) => type === PT_LOAD && address <= names && names < address + size,
  );
  if (holder === undefined) throw new Error('an ELF file without a table of strings');
  const start = names - holder.address + holder.offset;
  return entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => textAt(file, start + value));
}

function textAt(file: Buffer, offset: number): string {
  return file.toString('latin1', offset, file.indexOf(0, offset));
}
