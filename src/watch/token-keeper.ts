import type { FailureKind } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import { openAccess, type Access, type OwnAccess } from '../run/access.ts';
import { selfLookUp } from '../session/token-look-ups.ts';
import type { Session } from '../session/session.ts';
import type { WireCounters } from '../vault/client.ts';
import { isWornOut, nextOf, retryIn } from './due-times.ts';
import type { LifeClock } from './life-clock.ts';
import { createOutage, isOutage, type Outage } from './outage.ts';
import { expiresInS, readLookUp } from './token-life.ts';

/** Keeps a living token for as long as the process runs: renews it, and logs in again before it ends. */
export interface TokenKeeper {
  /** When it has to be tended, in seconds of the life clock; Infinity: never, or there is none yet. */
  readonly dueAtS: number;
  /** Which login the present token is from; 0: none. What hangs on the token of an earlier one ends with that. */
  readonly generation: number;
  readonly session: Session | undefined;
  readonly renewals: number;
  /** Of the server that it logs in to. */
  readonly outage: Outage;
  /** Sent so far, by whatever had access. */
  readonly requests: number;
  /**
   * Access for a piece of work; logs in if there is no token, or it has ended. During an outage nothing is retried by it: the next
   * piece of work is the retry.
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
  /** Gives back the tokens of earlier logins but these, on which something depends. */
  endOld(scope: Scope, used: ReadonlySet<number>): Promise<void>;
  /** Gives all tokens back. */
  close(scope: Scope): Promise<void>;
}

interface Held {
  readonly access: OwnAccess;
  readonly generation: number;
  /** Of the first TTL, in seconds; Infinity: it has no end. */
  wholeS: number;
  endsAtS: number;
  isRenewable: boolean;
}

interface Parts {
  readonly config: Config;
  readonly clock: LifeClock;
  /** In [0, 1). */
  readonly random: () => number;
}

export function createTokenKeeper(parts: Parts): TokenKeeper {
  return new Keeper(parts);
}

class Keeper implements TokenKeeper {
  dueAtS = Infinity;
  generation = 0;
  renewals = 0;
  readonly outage: Outage;
  readonly #config: Config;
  readonly #clock: LifeClock;
  readonly #traffic = createTraffic();
  #held: Held | undefined;
  #old: Held[] = [];
  #tries = 0;
  /** It was the server that could not be asked. */
  #isAway = false;

  constructor({ config, clock, random }: Parts) {
    this.#config = config;
    this.#clock = clock;
    this.outage = createOutage(clock, random);
  }

  get session(): Session | undefined {
    return this.#held?.access.session;
  }

  get requests(): number {
    return this.#traffic.requests;
  }

  async access(scope: Scope): Promise<Access> {
    const isAlive = this.#held !== undefined && this.#clock.now() < this.#held.endsAtS;
    const { access } = isAlive && this.#held !== undefined ? this.#held : await this.#logIn(scope);
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

  async endOld(scope: Scope, used: ReadonlySet<number>): Promise<void> {
    const ending = this.#old.filter(({ generation }) => !used.has(generation));
    this.#old = this.#old.filter((one) => !ending.includes(one));
    for (const { access } of ending) await close(access, scope);
  }

  async close(scope: Scope): Promise<void> {
    await this.endOld(scope, new Set());
    if (this.#held !== undefined) await close(this.#held.access, scope);
    this.#held = undefined;
    this.dueAtS = Infinity;
  }

  #shared(access: Access, scope: Scope): Access {
    const own = access.share(scope, this.#server);
    this.#traffic.add(own.sender.counters);
    return own;
  }

  get #server(): Config['server'] {
    const { server } = this.#config;
    return this.outage.isOn ? { ...server, maxRetries: 0 } : server;
  }

  async #logIn(scope: Scope): Promise<Held> {
    const access = await openAccess({ ...this.#config, server: this.#server }, scope);
    this.#traffic.add(access.sender.counters);
    const { ttlS, isRenewable } = await lifeOf(access, scope);
    if (this.#held !== undefined) this.#old.push(this.#held);
    this.generation += 1;
    const { generation } = this;
    this.#held = { access, generation, wholeS: ttlS, endsAtS: this.#clock.now() + ttlS, isRenewable };
    this.#noteAnswer();
    this.#plan(this.#held, scope);
    return this.#held;
  }

  async #logInOrWait(scope: Scope): Promise<void> {
    try {
      await this.#logIn(scope);
    } catch (error) {
      const [failure] = asRunError(error).failures;
      this.#waitForRetry(failure?.kind, scope);
      throw error;
    }
  }

  /** @returns whether the token will do, or will be tried again */
  async #renew(token: Held, scope: Scope): Promise<boolean> {
    const { session } = token.access;
    const renewal = await session.renew(undefined, this.#shared(token.access, scope).sender);
    if (renewal.kind === 'unavailable' && this.#clock.now() < token.endsAtS) {
      this.#waitForRetry(renewal.failure.kind, scope);
      return true;
    }
    if (renewal.kind !== 'renewed') return false;
    this.#noteAnswer();
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
    const life = { wholeS, remainingS, isRenewable: canRenew, isStored: false, isWritten: true };
    const habits = { refreshS: wholeS, ownRefreshS: undefined, rotateAt };
    this.dueAtS = this.#clock.now() + nextOf(life, habits, scope.random()).inS;
  }

  #noteAnswer(): void {
    this.#tries = 0;
    if (this.#isAway) this.outage.over();
    this.#isAway = false;
  }

  #waitForRetry(kind: FailureKind | undefined, scope: Scope): void {
    this.#tries += 1;
    this.#isAway = isOutage(kind);
    this.dueAtS = this.#isAway
      ? this.outage.failed()
      : this.#clock.now() + retryIn(this.#tries, scope.random());
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
