import { functionsOfC } from '../host/c-library.ts';
import type { Scope } from '../host/scope.ts';
import { zombiesOf } from './on-change/processes.ts';

/**
 * As PID 1 this process inherits what its command has started and left. Whoever of them ends stays in the table of processes until
 * its parent has asked for its status, which runtimes do for their own children only.
 */

/** Long enough for the runtime to ask for the status of its own children, of which none is therefore seen twice. */
const LOOK_EVERY_MS = 30_000;

/** waitpid(2): do not wait. */
const WNOHANG = 1;

/**
 * Removes orphans that have ended, where the runtime can; else warns once that they stay.
 * @returns undefined for a process that inherits none
 */
export function tendOrphans(scope: Scope, lookEveryMs = LOOK_EVERY_MS): Disposable | undefined {
  if (process.pid !== 1) return undefined;
  const waitpid = functionsOfC({ waitpid: { args: ['i32', 'ptr', 'i32'], returns: 'i32' } })?.waitpid;
  let before: ReadonlySet<number> = new Set();
  let isTold = false;
  const look = (): void => {
    const zombies = zombiesOf(process.pid);
    const orphans = zombies.filter((pid) => before.has(pid));
    before = new Set(zombies);
    if (waitpid !== undefined) for (const pid of orphans) waitpid(pid, null, WNOHANG);
    else if (orphans.length > 0 && !isTold) {
      isTold = true;
      scope.log.write({ event: 'orphans_left', processes: orphans.length });
    }
  };
  const timer = setInterval(look, lookEveryMs).unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
    },
  };
}
