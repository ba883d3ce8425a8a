import { existsSync, readFileSync } from 'node:fs';

/** What was used at most. */
export interface PeakMemory {
  readonly bytes: number;
  /** `container`: all of its processes, and their pages of files. `process`: the resident set of this one. */
  readonly of: 'container' | 'process';
}

const MIB = 1024 * 1024;

/** The limit below which a start from a cold page cache did not end, as measured: test/bench/README.md, In pods. */
const NEEDED_BYTES = (process.versions['bun'] === undefined ? 80 : 64) * MIB;

const ROOT = '/sys/fs/cgroup';
/** Version 1 has a number in place of `max`, which depends on the size of a page. */
const NO_LIMIT_BYTES = 2 ** 62;

/** What this run, or the container that it is the main process of, has used at most so far. */
export function peakMemory(): PeakMemory {
  const found = fileOf('memory.peak', 'memory.max_usage_in_bytes');
  // A cgroup that is shared with whatever started the run, such as a login session, says nothing about it.
  const bytes = found?.isContainer === true ? numberIn(found.path) : undefined;
  if (bytes !== undefined) return { bytes, of: 'container' };
  // In KiB: https://nodejs.org/api/process.html#processresourceusage
  return { bytes: process.resourceUsage().maxRSS * 1024, of: 'process' };
}

/** The limit of the own cgroup in bytes; undefined: there is none. */
export function memoryLimit(): number | undefined {
  const found = fileOf('memory.max', 'memory.limit_in_bytes');
  const bytes = found === undefined ? undefined : numberIn(found.path);
  return bytes === undefined || bytes >= NO_LIMIT_BYTES ? undefined : bytes;
}

/** A limit that is too low for a start from a cold page cache, and what that needs; undefined: it is not too low. */
export function lowMemoryLimit():
  { readonly limit_bytes: number; readonly needed_bytes: number } | undefined {
  const limit = memoryLimit();
  return limit === undefined || limit >= NEEDED_BYTES
    ? undefined
    : { limit_bytes: limit, needed_bytes: NEEDED_BYTES };
}

interface CgroupFile {
  readonly path: string;
  readonly isContainer: boolean;
}

/**
 * A file of the own cgroup. https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
 * @param v2 the name in version 2 @param v1 that in version 1
 */
function fileOf(v2: string, v1: string): CgroupFile | undefined {
  // A container sees its own cgroup as the root. That of the machine has no such files.
  const own = `${ROOT}/${v2}`;
  if (existsSync(own)) return { path: own, isContainer: true };
  const isMain = process.pid === 1;
  const { unified, memory } = ownPaths();
  const mounted = `${ROOT}/memory/${v1}`;
  const candidates: readonly CgroupFile[] = [
    { path: `${ROOT}${unified}/${v2}`, isContainer: isMain },
    { path: `${ROOT}/memory${memory}/${v1}`, isContainer: isMain },
    // Only in a container is the path of the own cgroup missing below its mount.
    { path: mounted, isContainer: true },
  ];
  return candidates.find(({ path }) => existsSync(path));
}

/** https://man7.org/linux/man-pages/man7/cgroups.7.html: `4:memory:/path`, and `0::/path` in version 2. */
function ownPaths(): { readonly unified: string; readonly memory: string } {
  const lines = (textOf('/proc/self/cgroup') ?? '').split('\n').map((line) => line.split(':'));
  const pathOf = (parts: readonly string[] | undefined): string => {
    const path = parts?.slice(2).join(':') ?? '/';
    return path === '/' ? '' : path;
  };
  return {
    unified: pathOf(lines.find(([id, controllers]) => id === '0' && controllers === '')),
    memory: pathOf(lines.find(([, controllers = '']) => controllers.split(',').includes('memory'))),
  };
}

function numberIn(path: string): number | undefined {
  const text = textOf(path)?.trim() ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not readable, or gone: the numbers are a help, and a run does not depend on them.
    return undefined;
  }
}
