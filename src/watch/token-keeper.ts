import type { Config } from '../config/config.ts';
import type { Scope } from '../host/scope.ts';
import { openAccess, type Access, type OwnAccess } from '../run/access.ts';
import { selfLookUp } from '../session/token-look-ups.ts';
import type { Session } from '../session/session.ts';
import type { WireCounters } from '../vault/client.ts';
import { isWornOut, nextOf, retryIn } from './due-times.ts';
import type { LifeClock } from './life-clock.ts';
import { expiresInS, readLookUp } from './token-life.ts';

/** Keeps a living token for as long as the process runs: renews it, and logs in again before it ends. */
export interface TokenKeeper {
  /** When it has to be tended, in seconds of the life clock; Infinity: never, or there is none yet. */
  readonly dueAtS: number;
  /** Which login the present token is from; 0: none. What hangs on the token of an earlier one ends with that. */
  readonly generation: number;
  readonly session: Session | undefined;
  readonly renewals: number;
  /** Sent so far, by whatever had access. */
  readonly requests: number;
  /**
   * Access for a piece of work; logs in if there is no token.
   * @throws RunError `auth`, `unavailable`, `config`
   */
  access(scope: Scope): Promise<Access>;
  /**
   * Renews the token; if that does not do, logs in again. The old token lives on until `endOld`.
   * @throws RunError if there is neither a renewal nor a login; the next time is set all the same
   */
  tend(scope: Scope): Promise<void>;
  /**
   * Asks the server whether the token is still known, and logs in again if not.
   * @returns whether there is another token now
   */
  replaceDead(scope: Scope): Promise<boolean>;
  /** Gives back the tokens of earlier logins: nothing depends on them any longer. */
  endOld(scope: Scope): Promise<void>;
  /** Gives all tokens back. */
  close(scope: Scope): Promise<void>;
}

interface Held {
  readonly access: OwnAccess;
  /** Of the first TTL, in seconds; Infinity: it has no end. */
  wholeS: number;
  endsAtS: number;
  isRenewable: boolean;
}

interface Parts {
  readonly config: Config;
  readonly clock: LifeClock;
}

export function createTokenKeeper(parts: Parts): TokenKeeper {
  return new Keeper(parts);
}

class Keeper implements TokenKeeper {
  dueAtS = Infinity;
  generation = 0;
  renewals = 0;
  readonly #config: Config;
  readonly #clock: LifeClock;
  readonly #traffic = createTraffic();
  #held: Held | undefined;
  #old: OwnAccess[] = [];
  #tries = 0;

  constructor({ config, clock }: Parts) {
    this.#config = config;
    this.#clock = clock;
  }

  get session(): Session | undefined {
    return this.#held?.access.session;
  }

  get requests(): number {
    return this.#traffic.requests;
  }

  async access(scope: Scope): Promise<Access> {
    const { access } = this.#held ?? (await this.#logIn(scope));
    return this.#shared(access, scope);
  }

  async tend(scope: Scope): Promise<void> {
    const token = this.#held;
    if (token?.isRenewable === true && (await this.#renew(token, scope))) return;
    await this.#logInOrWait(scope);
  }

  async replaceDead(scope: Scope): Promise<boolean> {
    if (this.#held === undefined) return false;
    const { session } = this.#held.access;
    const { sender } = this.#shared(this.#held.access, scope);
    const answer = await sender.send(selfLookUp(session.token, session.namespace));
    if (answer.kind !== 'answer' || answer.status !== 403) return false;
    scope.log.write({ event: 'token_lost' });
    await this.#logInOrWait(scope);
    return true;
  }

  async endOld(scope: Scope): Promise<void> {
    const ending = this.#old;
    this.#old = [];
    for (const access of ending) await close(access, scope);
  }

  async close(scope: Scope): Promise<void> {
    await this.endOld(scope);
    if (this.#held !== undefined) await close(this.#held.access, scope);
    this.#held = undefined;
    this.dueAtS = Infinity;
  }

  #shared(access: Access, scope: Scope): Access {
    const own = access.share(scope);
    this.#traffic.add(own.sender.counters);
    return own;
  }

  async #logIn(scope: Scope): Promise<Held> {
    const access = await openAccess(this.#config, scope);
    this.#traffic.add(access.sender.counters);
    const { ttlS, isRenewable } = await lifeOf(access, scope);
    if (this.#held !== undefined) this.#old.push(this.#held.access);
    this.#held = { access, wholeS: ttlS, endsAtS: this.#clock.now() + ttlS, isRenewable };
    this.generation += 1;
    this.#tries = 0;
    this.#plan(this.#held, scope);
    return this.#held;
  }

  async #logInOrWait(scope: Scope): Promise<void> {
    try {
      await this.#logIn(scope);
    } catch (error) {
      this.#waitForRetry(scope);
      throw error;
    }
  }

  /** @returns whether the token will do, or will be tried again */
  async #renew(token: Held, scope: Scope): Promise<boolean> {
    const { session } = token.access;
    const renewal = await session.renew(undefined, this.#shared(token.access, scope).sender);
    if (renewal.kind === 'unavailable' && this.#clock.now() < token.endsAtS) {
      this.#waitForRetry(scope);
      return true;
    }
    if (renewal.kind !== 'renewed') return false;
    this.#tries = 0;
    this.renewals += 1;
    const ttlS = renewal.lease_duration ?? token.endsAtS - this.#clock.now();
    token.endsAtS = this.#clock.now() + ttlS;
    scope.log.write({ event: 'token_renewed', lease_duration: ttlS });
    if (isWornOut(ttlS, token.wholeS, this.#config.watch.rotateAt)) return false;
    this.#plan(token, scope);
    return true;
  }

  #plan({ wholeS, endsAtS, isRenewable }: Held, scope: Scope): void {
    const { rotateAt } = this.#config.watch;
    const remainingS = endsAtS - this.#clock.now();
    const canRenew = isRenewable && !isWornOut(remainingS, wholeS, rotateAt);
    const life = {
      wholeS,
      remainingS,
      isRenewable: canRenew,
      isStored: false,
      isWritten: true,
      isChangedByServer: false,
    };
    const habits = { refreshS: wholeS, ownRefreshS: undefined, rotateAt };
    this.dueAtS = this.#clock.now() + nextOf(life, habits, scope.random()).inS;
  }

  #waitForRetry(scope: Scope): void {
    this.#tries += 1;
    this.dueAtS = this.#clock.now() + retryIn(this.#tries, scope.random());
  }
}

/** Pieces of work that are over are added up, so that they do not grow in number. */
const MOST_UNDER_WAY = 16;

function createTraffic(): { readonly requests: number; add(counters: WireCounters): void } {
  const under: WireCounters[] = [];
  let done = 0;
  return {
    get requests() {
      return under.reduce((sum, { requests }) => sum + requests, done);
    },
    add(counters) {
      under.push(counters);
      if (under.length > MOST_UNDER_WAY) done += under.shift()?.requests ?? 0;
    },
  };
}

/** The token's TTL, from the login, or from the server for a token that was given. */
async function lifeOf(
  access: Access,
  scope: Scope,
): Promise<{ readonly ttlS: number; readonly isRenewable: boolean }> {
  const { session } = access;
  if (session.lease_duration !== undefined)
    return { ttlS: expiresInS(session.lease_duration), isRenewable: session.renewable === true };
  const { sender } = access.share(scope);
  return readLookUp(await sender.send(selfLookUp(session.token, session.namespace)));
}

async function close(access: OwnAccess, scope: Scope): Promise<void> {
  const { session } = access;
  await session.giveBack({ sender: access.share(scope).sender, scope });
  await access[Symbol.asyncDispose]();
}
