import { readFileSync } from 'node:fs';

/** USER_HZ, which is the same on all architectures that Node runs on. */
const TICKS_PER_SECOND = 100;

const toMs = (ticks: number): number => (ticks * 1000) / TICKS_PER_SECOND;

/** CPU milliseconds of a process so far, in user and kernel mode: proc_pid_stat(5). */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  // The name of the program, in parentheses, may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return toMs(Number(fields[11]) + Number(fields[12]));
}

/** CPU milliseconds of all cores that somebody has used so far: proc_stat(5). */
export function usedCpuMs(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return toMs(user + nice + system + irq + softirq + steal);
}
