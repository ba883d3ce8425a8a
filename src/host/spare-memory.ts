import { readFileSync } from 'node:fs';
import { functionsOfC } from './c-library.ts';

/**
 * What gives back the memory that only work needs, before a process waits for a long time. It takes some 40 ms on Node, and 3 on
 * Bun. What it gains is in test/bench/README.md.
 */
export function createMemorySaver(): () => void {
  return process.versions['bun'] === undefined ? createHeapSaver() : createPageSaver();
}

/** The `gc` that V8 gives to contexts that are made under `--expose-gc`. */
type Collect = (options: {
  readonly type: 'major';
  readonly execution: 'sync';
  /** Also code that was not run lately, and room for more garbage. */
  readonly flavor: 'last-resort';
}) => void;

/**
 * For Node, whose heap grows to four times what is in use when nobody presses. What is done once in a while is not worth being
 * compiled to machine code either: the compilers alone are 10 MB of pages.
 */
function createHeapSaver(): () => void {
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  const { runInNewContext } = process.getBuiltinModule('node:vm');
  setFlagsFromString('--no-turbofan --no-sparkplug');
  // Elsewhere it is not built in, and V8 would complain about the flag.
  if (['x64', 'arm64'].includes(process.arch)) setFlagsFromString('--no-maglev');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  return () => {
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  };
}

/** madvise(2): forget these pages; whoever needs one has it from the page cache. */
const MADV_DONTNEED = 4;

interface Bun {
  gc(isSynchronous: true): void;
}

/** For Bun, of whose program a start needs 30 MB, and a turn of the loop 4. A collection needs other pages, so it comes first. */
function createPageSaver(): () => void {
  const { Bun: bun } = globalThis as unknown as { readonly Bun: Bun };
  const c = functionsOfC({ madvise: { args: ['u64', 'u64', 'i32'], returns: 'i32' } });
  return () => {
    bun.gc(true);
    if (c === undefined) return;
    for (const { start, length } of unchangedPages(process.execPath)) c.madvise(start, length, MADV_DONTNEED);
  };
}

interface Pages {
  readonly start: number;
  readonly length: number;
}

/**
 * What is mapped of a file, cannot be written, and never was: what the dynamic linker has changed would be lost.
 * https://man7.org/linux/man-pages/man5/proc_pid_smaps.5.html
 */
function unchangedPages(file: string): readonly Pages[] {
  try {
    const mappings = readFileSync('/proc/self/smaps', 'latin1').split(/\n(?=[\da-f]+-[\da-f]+ )/);
    return mappings.flatMap((mapping) => pagesOf(mapping, file));
  } catch {
    // /proc is not there, or hidden: nothing is gained then.
    return [];
  }
}

function pagesOf(mapping: string, file: string): readonly Pages[] {
  const [, from = '', to = '', path] = /^([\da-f]+)-([\da-f]+) r-[x-]p [^/\n]*(\/.*)$/m.exec(mapping) ?? [];
  if (path !== file || !/^Anonymous: +0 kB$/m.test(mapping)) return [];
  const start = Number.parseInt(from, 16);
  return [{ start, length: Number.parseInt(to, 16) - start }];
}
