import { RunError, type Failure, type FailureKind } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import { prepareAccess, type Access, type PreparedAccess } from '../run/access.ts';
import { selfLookUp } from '../session/token-look-ups.ts';
import type { Session } from '../session/session.ts';
import { lent } from './lent-session.ts';
import { isWornOut, nextOf } from './due-times.ts';
import type { LifeClock } from './life-clock.ts';
import { createOutage, isOutage, type Outage } from './outage.ts';
import { expiresInS, lifeOf } from './token-life.ts';
import { createTraffic } from './traffic.ts';
import { createTries, type Tries } from './tries.ts';
import { createUsedCredentials, endOfGiven, triedLater, type UsedCredentials } from './used-credentials.ts';

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
  /** Why it cannot be kept good; undefined: nothing is known that stands against it. */
  readonly outlook: Failure | undefined;
  /**
   * Reads the credentials for the first run, which has the token for itself, but does not end it.
   * @throws RunError `config`
   */
  prepare(scope: Scope): Promise<PreparedAccess>;
  /**
   * Access for a piece of work; logs in if there is no token, or a dead one. During an outage nothing is retried by it: the next
   * piece of work is the retry.
   * @throws RunError `auth`, `unavailable`, `config`; after a login that failed the same error, until the next one is due
   */
  access(scope: Scope): Promise<Access>;
  /**
   * Renews the token; if that does not do, logs in again. The old token lives on until `endOld`.
   * @returns whether it is good now; false: the server could not be asked, and it is tried again
   * @throws RunError if there is neither a renewal nor a login; the next time is set all the same
   */
  tend(scope: Scope): Promise<boolean>;
  /**
   * Logs in again, however long the token lives. It lives on until `endOld`.
   * @throws RunError if there is no login; when it is tried again is set all the same
   */
  replace(scope: Scope): Promise<void>;
  /** @returns whether the token will do until the next time; if the server cannot be asked, it is tried again */
  renew(scope: Scope): Promise<boolean>;
  /**
   * Asks the server whether the token is still known, and logs in again if not.
   * @returns whether there is another token now
   * @throws RunError as `access`
   */
  replaceDead(scope: Scope): Promise<boolean>;
  /** Somebody may have mended what stood against a login: it is tried again without a wait. */
  forgive(): void;
  /** Another config that logs in in the same way. */
  take(config: Config, scope: Scope): void;
  /** Gives back the tokens of earlier logins but these, on which something depends. */
  endOld(scope: Scope, used: ReadonlySet<number>): Promise<void>;
  /** Gives all tokens back. */
  close(scope: Scope): Promise<void>;
}

interface Held {
  readonly access: Access;
  /** Its connections. */
  readonly prepared: PreparedAccess;
  readonly generation: number;
  /** Of the first TTL, in seconds; Infinity: it has no end. */
  readonly wholeS: number;
  /** In seconds of the life clock. */
  endsAtS: number;
  readonly isRenewable: boolean;
}

interface Parts {
  readonly config: Config;
  readonly clock: LifeClock;
  /** Reads the credentials; undefined: as the config says. */
  readonly prepare?: (config: Config, scope: Scope) => Promise<PreparedAccess>;
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
  #config: Config;
  readonly #maxRetries: number;
  readonly #clock: LifeClock;
  readonly #prepare: NonNullable<Parts['prepare']>;
  readonly #traffic = createTraffic();
  readonly #credentials: UsedCredentials;
  readonly #tries: Tries;
  #held: Held | undefined;
  #old: Held[] = [];
  /** Why there is no other token, until the next try. */
  #failure: RunError | undefined;
  /** It was the server that could not be asked. */
  #isAway = false;

  constructor({ config, clock, random, prepare = prepareAccess }: Parts) {
    this.#config = config;
    this.#maxRetries = Math.min(config.server.maxRetries ?? Infinity, MOST_RETRIES);
    this.#clock = clock;
    this.#prepare = prepare;
    this.#credentials = createUsedCredentials(clock);
    this.#tries = createTries(clock, random);
    this.outage = createOutage(clock, random);
  }

  get session(): Session | undefined {
    return this.#held?.access.session;
  }

  get requests(): number {
    return this.#traffic.requests;
  }

  get outlook(): Failure | undefined {
    if (this.#held === undefined) return undefined;
    const { access, endsAtS, isRenewable } = this.#held;
    const { source } = access.session;
    if (source === undefined || isRenewable || endsAtS === Infinity) return undefined;
    const leftS = String(Math.round(endsAtS - this.#clock.now()));
    return {
      ...endOfGiven(source),
      message: `the token of ${source} ends in ${leftS} s and cannot be renewed`,
    };
  }

  async prepare(scope: Scope): Promise<PreparedAccess> {
    const prepared = await this.#prepare(this.#config, scope);
    let isTaken = false;
    return {
      ...prepared,
      open: async (expected) => {
        const { access } = await this.#take(prepared, scope, expected);
        isTaken = true;
        return { ...access, session: lent(access.session), [Symbol.asyncDispose]: () => Promise.resolve() };
      },
      [Symbol.dispose]() {
        if (!isTaken) prepared[Symbol.dispose]();
      },
    };
  }

  async access(scope: Scope): Promise<Access> {
    if (this.#isOver) await this.#logInUnlessInVain(scope);
    if (this.#held === undefined) throw new RunError('internal', 'a login has brought no token');
    return this.#shared(this.#held.access, scope);
  }

  async tend(scope: Scope): Promise<boolean> {
    if (!(await this.renew(scope))) await this.#logInOrWait(scope);
    return !this.#isRetrying;
  }

  replace(scope: Scope): Promise<void> {
    return this.#logInOrWait(scope);
  }

  async renew(scope: Scope): Promise<boolean> {
    return this.#held?.isRenewable === true && !this.#isOver && this.#renewOrWait(this.#held, scope);
  }

  async replaceDead(scope: Scope): Promise<boolean> {
    if (this.#held === undefined) return false;
    if (!this.#isOver) {
      const { session } = this.#held.access;
      const { sender } = this.#shared(this.#held.access, scope);
      const answer = await sender.send(selfLookUp(session.token, session.namespace));
      if (answer.kind !== 'answer' || answer.status !== 403) return false;
      this.#held.endsAtS = this.#clock.now();
      scope.log.write({ event: 'token_lost' });
    }
    await this.#logInUnlessInVain(scope);
    return true;
  }

  forgive(): void {
    this.#failure = undefined;
    this.#credentials.forgive();
  }

  take(config: Config, scope: Scope): void {
    const isOther = config.watch.rotateAt !== this.#config.watch.rotateAt;
    this.#config = config;
    // A retry is not put off.
    if (isOther && this.#held !== undefined && !this.#isRetrying) this.#plan(this.#held, scope);
  }

  async endOld(scope: Scope, used: ReadonlySet<number>): Promise<void> {
    const ending = this.#old.filter(({ generation }) => !used.has(generation));
    this.#old = this.#old.filter((one) => !ending.includes(one));
    for (const token of ending) await this.#end(token, scope);
  }

  async close(scope: Scope): Promise<void> {
    await this.endOld(scope, new Set());
    if (this.#held !== undefined) await this.#end(this.#held, scope);
    this.#held = undefined;
    this.dueAtS = Infinity;
  }

  /** The last renewal or login has failed. */
  get #isRetrying(): boolean {
    return this.#isAway || this.#tries.count > 0;
  }

  /** There is no token, or it has run out. */
  get #isOver(): boolean {
    return this.#held === undefined || this.#held.endsAtS <= this.#clock.now();
  }

  async #end({ access, prepared, endsAtS }: Held, scope: Scope): Promise<void> {
    // The server would refuse to revoke one that has run out.
    if (endsAtS > this.#clock.now())
      await access.session.giveBack({ sender: access.share(scope).sender, scope });
    prepared[Symbol.dispose]();
  }

  #shared(access: Access, scope: Scope): Access {
    const own = access.share(scope, this.#server);
    this.#traffic.add(own.sender.counters);
    return own;
  }

  get #server(): Config['server'] {
    return { ...this.#config.server, maxRetries: this.outage.isOn ? 0 : this.#maxRetries };
  }

  async #logIn(scope: Scope): Promise<void> {
    const prepared = await this.#prepare({ ...this.#config, server: this.#server }, scope);
    try {
      await this.#take(prepared, scope);
    } catch (error) {
      prepared[Symbol.dispose]();
      throw error;
    }
  }

  async #take(prepared: PreparedAccess, scope: Scope, expected?: number): Promise<Held> {
    this.#traffic.add(prepared.counters);
    const access = await this.#credentials.use(prepared.login, () => prepared.open(expected));
    const { ttlS, isRenewable } = await lifeOf(access, scope);
    if (this.#held !== undefined) this.#old.push(this.#held);
    const generation = (this.generation += 1);
    const endsAtS = this.#clock.now() + ttlS;
    this.#held = { access, prepared, generation, wholeS: ttlS, endsAtS, isRenewable };
    this.#failure = undefined;
    this.#noteAnswer();
    this.#plan(this.#held, scope);
    return this.#held;
  }

  /** Many ask for a token: as long as none is to be had, they are no reason to try more often. */
  async #logInUnlessInVain(scope: Scope): Promise<void> {
    if (this.#failure !== undefined && this.#clock.now() < this.dueAtS) throw this.#failure;
    await this.#logInOrWait(scope);
  }

  async #logInOrWait(scope: Scope): Promise<void> {
    try {
      await this.#logIn(scope);
    } catch (error) {
      this.#failure = triedLater(asRunError(error));
      this.#waitForRetry(this.#failure.failures[0]?.kind);
      throw this.#failure;
    }
  }

  async #renewOrWait(token: Held, scope: Scope): Promise<boolean> {
    try {
      return await this.#renew(token, scope);
    } catch (error) {
      this.#waitForRetry(asRunError(error).failures[0]?.kind);
      throw error;
    }
  }

  /** @returns whether the token will do, or will be tried again */
  async #renew(token: Held, scope: Scope): Promise<boolean> {
    const { session } = token.access;
    const renewal = await session.renew(undefined, this.#shared(token.access, scope).sender);
    if (renewal.kind === 'unavailable' && this.#clock.now() < token.endsAtS) {
      this.#waitForRetry(renewal.failure.kind);
      return true;
    }
    if (renewal.kind !== 'renewed') return false;
    this.#noteAnswer();
    this.renewals += 1;
    const { lease_duration } = renewal;
    // In the last second of a token that has an end, 0 is what is left of it.
    const given = token.endsAtS === Infinity ? expiresInS(lease_duration ?? 0) : lease_duration;
    const ttlS = given ?? token.endsAtS - this.#clock.now();
    token.endsAtS = this.#clock.now() + ttlS;
    scope.log.write({ event: 'token_renewed', lease_duration });
    if (isWornOut(ttlS, token.wholeS, this.#config.watch.rotateAt)) return false;
    this.#plan(token, scope);
    return true;
  }

  #plan({ wholeS, endsAtS, isRenewable }: Held, scope: Scope): void {
    const { rotateAt } = this.#config.watch;
    const remainingS = endsAtS - this.#clock.now();
    const canRenew = isRenewable && !isWornOut(remainingS, wholeS, rotateAt);
    const life = { ...OF_A_TOKEN, wholeS, remainingS, isRenewable: canRenew };
    const habits = { refreshS: SHORTEST_LIFE_S, ownRefreshS: undefined, rotateAt };
    this.dueAtS = this.#clock.now() + Math.max(SHORTEST_LIFE_S, nextOf(life, habits, scope.random()).inS);
  }

  #noteAnswer(): void {
    this.#tries.over();
    if (this.#isAway) this.outage.over();
    this.#isAway = false;
  }

  #waitForRetry(kind: FailureKind | undefined): void {
    this.#isAway = isOutage(kind);
    this.dueAtS = this.#isAway ? this.outage.failed() : this.#clock.now() + this.#tries.failed();
  }
}

/** What fails longer is tried again later, and does not hold up the rest meanwhile. */
const MOST_RETRIES = 3;

const OF_A_TOKEN = { isStored: false, isWritten: true, isChangedByServer: false };

/** A server that gives less is not asked more often. */
const SHORTEST_LIFE_S = 1;
