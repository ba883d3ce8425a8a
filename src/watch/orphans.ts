import type { Scope } from '../host/scope.ts';
import { zombiesOf } from './on-change/processes.ts';

/**
 * As PID 1 this process inherits what its command has started and left. Whoever of them ends stays in the table of processes until
 * its parent has asked for its status, which runtimes do for their own children only.
 */

/** Long enough for the runtime to ask for the status of its own children, of which none is therefore seen twice. */
const LOOK_EVERY_MS = 30_000;

/** The part of Bun's interface to C libraries that is used: https://bun.com/docs/runtime/ffi */
interface ForeignFunctions {
  dlopen(
    library: string,
    functions: { readonly waitpid: { readonly args: readonly string[]; readonly returns: string } },
  ): { readonly symbols: { waitpid(pid: number, status: null, options: number): number } };
}

/** waitpid(2): do not wait. */
const WNOHANG = 1;
const C_LIBRARIES = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1'];

/**
 * Removes orphans that have ended, where the runtime can; else warns once that they stay.
 * @returns undefined for a process that inherits none
 */
export function tendOrphans(scope: Scope, lookEveryMs = LOOK_EVERY_MS): Disposable | undefined {
  if (process.pid !== 1) return undefined;
  const reap = findReaper();
  let before: ReadonlySet<number> = new Set();
  let isTold = false;
  const look = (): void => {
    const zombies = zombiesOf(process.pid);
    const orphans = zombies.filter((pid) => before.has(pid));
    before = new Set(zombies);
    if (reap !== undefined) for (const pid of orphans) reap(pid);
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

/** Bun can call the C library, Node cannot. */
function findReaper(): ((pid: number) => void) | undefined {
  const foreign = process.getBuiltinModule('bun:ffi') as unknown as ForeignFunctions | undefined;
  if (foreign === undefined) return undefined;
  for (const library of C_LIBRARIES) {
    try {
      const { symbols } = foreign.dlopen(library, {
        waitpid: { args: ['i32', 'ptr', 'i32'], returns: 'i32' },
      });
      return (pid) => {
        symbols.waitpid(pid, null, WNOHANG);
      };
    } catch {
      // It is another one, or none.
    }
  }
  return undefined;
}
