import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import { shownPath } from '../../base/shown-text.ts';

/** Looks for processes, as those that are to get a signal. */

/** Of a name in `/proc/PID/comm`, in bytes: TASK_COMM_LEN without its end. */
const LONGEST_NAME_BYTES = 15;
/** PID_MAX_LIMIT of 64-bit Linux. kill(2) takes 32 bits: a larger number would be cut, and may then mean all processes. */
const LARGEST_PID = 4_194_304;
/** More than a number and some white space. */
const LARGEST_PID_FILE_BYTES = 64;

interface FoundProcess {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  /** It has ended, and waits for its parent to notice. */
  readonly isZombie: boolean;
}

/**
 * The process of this name; of several, the one that all others descend from.
 * @throws RunError if there is none, or no such one
 */
export function processNamed(name: string): number {
  const all = allProcesses();
  const wanted = Buffer.from(name).subarray(0, LONGEST_NAME_BYTES).toString('latin1');
  const named = all.filter(
    ({ pid, name: own, isZombie }) => own === wanted && !isZombie && pid !== process.pid,
  );
  if (named.length === 0) {
    throw new RunError('not_found', 'there is no process of this name here', {
      hint: 'the name is that in /proc/PID/comm; the processes of other containers show only where the pod has `shareProcessNamespace: true`',
    });
  }
  const parents = new Map(all.map(({ pid, parent }) => [pid, parent]));
  const top = named.find(({ pid }) => named.every((other) => descends(other.pid, pid, parents)));
  if (top !== undefined) return top.pid;
  throw new RunError(
    'policy',
    `${String(named.length)} processes have this name, and none is above all others`,
    {
      hint: 'use `pid_file`, or give the process a name of its own',
    },
  );
}

/** The children of a process that have ended without its having noticed. */
export function zombiesOf(parent: number): number[] {
  return allProcesses()
    .filter((one) => one.isZombie && one.parent === parent)
    .map(({ pid }) => pid);
}

/** Whether a process is another one, or was started by it or by what that has started. */
function descends(pid: number, ancestor: number, parents: ReadonlyMap<number, number>): boolean {
  // A list that was read while processes came and went may have circles.
  const seen = new Set<number>();
  for (let one: number | undefined = pid; one !== undefined && !seen.has(one); one = parents.get(one)) {
    if (one === ancestor) return true;
    seen.add(one);
  }
  return false;
}

function allProcesses(): FoundProcess[] {
  let names: readonly string[];
  try {
    names = readdirSync('/proc');
  } catch (error) {
    throw new RunError('unavailable', `/proc cannot be read (${systemErrorCode(error) ?? 'unknown error'})`);
  }
  return names.filter((name) => /^\d+$/.test(name)).flatMap(processOf);
}

/** proc_pid_stat(5): the name is in parentheses, and may have some itself. */
function processOf(directory: string): FoundProcess[] {
  try {
    const stat = readFileSync(`/proc/${directory}/stat`, 'latin1');
    const end = stat.lastIndexOf(')');
    const [state = '', parent = ''] = stat.slice(end + 2).split(' ');
    const name = stat.slice(stat.indexOf('(') + 1, end);
    return [{ pid: Number(directory), parent: Number(parent), name, isZombie: state === 'Z' }];
  } catch {
    // It has just ended.
    return [];
  }
}

/**
 * The process whose number is in a file.
 * @param where the handler, for messages
 * @throws RunError for anything that is no such file
 */
export function processOfFile(path: string, where: string): number {
  const text = readSmall(path, where);
  const digits = /^\s*(\d{1,7})\s*$/.exec(text)?.[1];
  const pid = Number(digits);
  if (digits === undefined || pid === 0 || pid > LARGEST_PID) {
    throw new RunError('config', `${shownPidFile(path, where)} does not contain the number of a process`);
  }
  if (pid === process.pid) {
    throw new RunError('config', `${shownPidFile(path, where)} names this process itself`, {
      hint: 'in a pod, the numbers of other containers only mean the same here with `shareProcessNamespace: true`',
    });
  }
  return pid;
}

export function shownPidFile(path: string, where: string): string {
  return shownPath(path, `the pid_file of ${where}`, false);
}

function readSmall(path: string, where: string): string {
  let file: number | undefined;
  try {
    // A pipe would have to be waited for.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(file).isFile()) throw new RunError('config', `${shownPidFile(path, where)} is not a file`);
    const bytes = Buffer.alloc(LARGEST_PID_FILE_BYTES + 1);
    const length = readSync(file, bytes);
    return length > LARGEST_PID_FILE_BYTES ? '' : bytes.toString('latin1', 0, length);
  } catch (error) {
    if (error instanceof RunError) throw error;
    const code = systemErrorCode(error) ?? 'unknown error';
    throw new RunError('not_found', `${shownPidFile(path, where)} cannot be read (${code})`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
