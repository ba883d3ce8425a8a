import type { Lease } from '../session/leases.ts';
import type { TokenKeeper } from './token-keeper.ts';

/** Leases and logins that were replaced: they are ended, as is the token of an earlier login, when nobody uses them any longer. */
export interface Superseded {
  /** Whoever uses them is still to be told of a change. */
  readonly isInUse: boolean;
  add(leases: readonly Lease[]): void;
  /** Of a config that is no longer that of this process. */
  addLogin(login: Ending): void;
  /** Somebody is told of a change; resolves once they had time to take it. */
  inUseUntil(told: Promise<void>): void;
  /** They are to be ended now. */
  take(): readonly Lease[];
  /** Those logins, too. */
  takeLogins(): readonly Ending[];
}

/** What has a token to give back. */
export type Ending = Pick<TokenKeeper, 'close'>;

/**
 * @param settle waits for what a change takes beyond its being told
 * @param freed is called when nobody uses them any longer
 */
export function createSuperseded(settle: () => Promise<void>, freed: () => void): Superseded {
  let leases: readonly Lease[] = [];
  let logins: readonly Ending[] = [];
  let users = 0;
  return {
    get isInUse() {
      return users > 0;
    },
    add(more) {
      leases = [...leases, ...more];
    },
    addLogin(login) {
      logins = [...logins, login];
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
    takeLogins() {
      const taken = logins;
      logins = [];
      return taken;
    },
  };
}
