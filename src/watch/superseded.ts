import type { Lease } from '../session/leases.ts';

/** Leases that were replaced: they are ended, as is the token of an earlier login, when nobody uses them any longer. */
export interface Superseded {
  /** Whoever uses them is still to be told of a change. */
  readonly isInUse: boolean;
  add(leases: readonly Lease[]): void;
  /** Somebody is told of a change; resolves once they had time to take it. */
  inUseUntil(told: Promise<void>): void;
  /** They are to be ended now. */
  take(): readonly Lease[];
}

/**
 * @param settle waits for what a change takes beyond its being told
 * @param freed is called when nobody uses them any longer
 */
export function createSuperseded(settle: () => Promise<void>, freed: () => void): Superseded {
  let leases: readonly Lease[] = [];
  let users = 0;
  return {
    get isInUse() {
      return users > 0;
    },
    add(more) {
      leases = [...leases, ...more];
    },
    inUseUntil(told) {
      users += 1;
      void told.then(settle).finally(() => {
        users -= 1;
        freed();
      });
    },
    take() {
      const taken = leases;
      leases = [];
      return taken;
    },
  };
}
