import { createLog } from '../../src/host/log.ts';
import { createScope, type Scope } from '../../src/host/scope.ts';

/** How temporary files of a test's run begin. */
export const RUN = `.vaultonce-${String(process.pid)}.7e57ab1e-`;

/** A run that logs nothing. @param random as `Math.random` @param id of the run */
export function quietScope(random: () => number = Math.random, id = '7e57ab1e'): Scope {
  const stderr = { offer: () => true };
  const log = createLog({ level: 'error', format: 'json', colours: false, stderr, progress: undefined });
  const scope = createScope({ env: {}, log, random, now: () => performance.now() }, process.pid);
  return { ...scope, run: { pid: process.pid, id } };
}
