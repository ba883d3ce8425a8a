import { readdirSync, readFileSync } from 'node:fs';
import { cpuMsOf } from '../herd/cpu-time.ts';

/** What a process has of memory now, in MB. */
export interface Memory {
  readonly rssMb: number;
  /** Pages that others map as well count in part. */
  readonly pssMb: number;
  /** Pages of its own, not of files: what a container's `rss` is. */
  readonly anonymousMb: number;
}

/** proc_pid_smaps(5), summed up by the kernel. */
export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${String(pid)}/smaps_rollup`, 'utf8');
  const mb = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1] ?? NaN) / 1024;
  return { rssMb: mb('Rss'), pssMb: mb('Pss'), anonymousMb: mb('Anonymous') };
}

export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${String(pid)}/fd`).length;
}

export function threadsOf(pid: number): number {
  return readdirSync(`/proc/${String(pid)}/task`).length;
}

const NS_PER_MS = 1e6;

/**
 * CPU milliseconds so far: in nanoseconds for each living thread (/proc/PID/task/TID/schedstat), which is fine enough for a process that
 * sleeps; where the kernel does not count them, in hundredths of a second.
 */
export function preciseCpuMsOf(pid: number): number {
  const directory = `/proc/${String(pid)}/task`;
  try {
    return readdirSync(directory).reduce((sum, thread) => {
      const [ns = '0'] = readFileSync(`${directory}/${thread}/schedstat`, 'utf8').split(' ');
      return sum + Number(ns) / NS_PER_MS;
    }, 0);
  } catch {
    return cpuMsOf(pid);
  }
}
