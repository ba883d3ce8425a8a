import { RunError, throwIfAny, type Failure } from '../base/errors.ts';
import type { FetchedSecret, Secrets } from '../base/secret-data.ts';
import type { Fetched } from '../fetch/fetch.ts';
import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import type { SecretPlan } from '../plan/plan.ts';
import type { Access } from '../run/access.ts';
import { leaseOf, noteLeases, revokeLease, type Lease } from '../session/leases.ts';
import type { Session } from '../session/session.ts';
import type { Mount } from '../vault/responses.ts';
import type { LifeClock } from '../watch/life-clock.ts';
import { renewLeases } from '../watch/renew-leases.ts';
import { createStock, isChangedByServer, isStored, type Holding, type Stock } from '../watch/stock.ts';
import type { TokenKeeper } from '../watch/token-keeper.ts';
import type { Contents, Rendered } from './contents.ts';

/** Until the driver has shown how often it asks, in seconds: kubelet does every 60 to 90. */
const FIRST_GAP_S = 120;

/** A token that nothing hangs on is given back when it has not been used for this long, in seconds. */
const IDLE_S = 300;

export interface VolumeParts {
  readonly contents: Contents;
  readonly keeper: TokenKeeper;
  readonly clock: LifeClock;
  readonly random: () => number;
}

/**
 * A volume of a pod: what was fetched for it is kept good for as long as somebody asks for it. What lies there, as in KV, is read
 * again each time; what was minted is kept, renewed, and replaced before its end. One thing is done at a time.
 */
export class Volume {
  readonly #contents: Contents;
  readonly #keeper: TokenKeeper;
  readonly #clock: LifeClock;
  readonly #stock: Stock;
  readonly #mountTables = new Map<string | undefined, readonly Mount[]>();
  #turn: Promise<unknown> = Promise.resolve();
  #gapS = FIRST_GAP_S;
  readonly #firstAskedAtS: number;
  #askedAtS: number;
  #asks = 0;
  /** Leases that something else has replaced, which has not been handed out yet. */
  #replaced: readonly Lease[] = [];
  /** The same, since the last answer has what replaces them: the driver may still be writing it. */
  #handedOver: readonly Lease[] = [];
  #isTokenWorn = false;
  /** Which time the leases of an earlier login were replaced last. */
  #movedAt = 0;
  leaseRenewals = 0;
  /** The last try failed: the pod has what it had. */
  isStale = false;

  constructor({ contents, keeper, clock, random }: VolumeParts) {
    this.#contents = contents;
    this.#keeper = keeper;
    this.#clock = clock;
    this.#firstAskedAtS = this.#askedAtS = clock.now();
    const { config, plans } = contents;
    this.#stock = createStock({ plans, settings: config.watch, clock, outage: keeper.outage, random });
  }

  get keeper(): TokenKeeper {
    return this.#keeper;
  }

  /** Something in the volume ends with the token. */
  get isDependedOn(): boolean {
    return this.#contents.holdsToken || this.#holdings.some(({ lease }) => lease !== undefined);
  }

  /** How often it was filled. */
  get asks(): number {
    return this.#asks;
  }

  /** Seconds of the life clock. */
  get askedAtS(): number {
    return this.#askedAtS;
  }

  /** From the first time to the latest, in seconds. */
  get askedForS(): number {
    return this.#askedAtS - this.#firstAskedAtS;
  }

  /** When there is something to do without being asked, in seconds of the life clock; Infinity: nothing. */
  get dueAtS(): number {
    const leases = this.#holdings.filter(({ action }) => action === 'renew').map(({ dueAtS }) => dueAtS);
    return Math.min(this.#tokenDueAtS, ...leases);
  }

  /**
   * Everything that belongs into the volume now.
   * @throws RunError with all that is wrong; then nothing of it may be handed out
   */
  fill(scope: Scope): Promise<readonly Rendered[]> {
    return this.#inTurn(async () => {
      scope.throwIfEnded();
      this.#noteAsk();
      const access = await this.#accessFor(scope);
      const rendered = await this.#filledOnce(access, scope);
      this.isStale = false;
      this.#asks += 1;
      // Since then the driver has written what replaces them: it would not ask otherwise.
      const ended = this.#handedOver;
      this.#handedOver = this.#replaced;
      this.#replaced = [];
      await this.#end(ended, scope);
      return rendered;
    });
  }

  /** Renews what is due; what cannot be renewed is replaced when the driver asks next. */
  tend(scope: Scope): Promise<void> {
    return this.#inTurn(async () => {
      const nowS = this.#clock.now();
      if (this.#tokenDueAtS <= nowS) await this.#tendToken(scope);
      const leases = this.#holdings.filter(({ action, dueAtS }) => action === 'renew' && dueAtS <= nowS);
      if (leases.length === 0 || this.#keeper.session === undefined) return;
      try {
        await this.#renew(leases, scope);
      } catch (error) {
        // The next try is later.
        const [failure = UNKNOWN] = asRunError(error).failures;
        for (const { plan } of leases) this.#stock.failed(plan.name, failure);
        throw error;
      }
    });
  }

  async #renew(leases: readonly Holding[], scope: Scope): Promise<void> {
    const access = await this.#keeper.access(scope);
    const { renewed, faults } = await renewLeases(leases, this.#stock, access, scope);
    this.leaseRenewals += renewed.length;
    for (const [name, failure] of faults) this.#stock.failed(name, failure);
  }

  /**
   * Gives back the token, and with it all that hangs on it.
   * @param keepsLeases the pod lives on: what it holds must not end under it
   */
  close(scope: Scope, keepsLeases: boolean): Promise<void> {
    return this.#inTurn(async () => {
      if (keepsLeases && this.isDependedOn) this.#keeper.session?.keepAlive('what a pod holds depends on it');
      await this.#keeper.close(scope);
    });
  }

  get #holdings(): readonly Holding[] {
    return [...this.#stock.holdings.values()];
  }

  get #tokenDueAtS(): number {
    if (this.#keeper.session === undefined) return Infinity;
    if (!this.isDependedOn) return this.#askedAtS + IDLE_S;
    return this.#isTokenWorn ? Infinity : this.#keeper.dueAtS;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work, work);
    this.#turn = mine;
    return mine;
  }

  #noteAsk(): void {
    const nowS = this.#clock.now();
    if (this.#asks > 0) this.#gapS = Math.max(1, nowS - this.#askedAtS);
    this.#askedAtS = nowS;
  }

  async #tendToken(scope: Scope): Promise<void> {
    if (!this.isDependedOn) {
      await this.#keeper.close(scope);
      return;
    }
    // Another login would be of use only once there is an answer to hand out.
    this.#isTokenWorn = !(await this.#keeper.renew(scope));
  }

  /** With a token that lives until the next time. */
  async #accessFor(scope: Scope): Promise<Access> {
    const keeper = this.#keeper;
    if (keeper.session !== undefined && (this.#isTokenWorn || keeper.dueAtS <= this.#untilS)) {
      const { generation } = keeper;
      try {
        await this.#tendForTheAsk(keeper.session, scope);
      } catch (error) {
        scope.throwIfEnded();
        for (const failure of asRunError(error).failures)
          scope.log.write({ event: 'token_not_replaced', ...failure });
      }
      this.#isTokenWorn = false;
      if (keeper.generation !== generation) this.#moveLeases();
    }
    return keeper.access(scope);
  }

  async #tendForTheAsk(session: Session, scope: Scope): Promise<void> {
    const { lease_duration: beforeS = 0 } = session;
    await this.#keeper.tend(scope);
    if (this.#keeper.session !== session || !this.isDependedOn) return;
    const { lease_duration: ttlS = Infinity, expiresAt = Infinity } = session;
    // It was not renewed for as long as before: it comes to its longest life.
    if (ttlS < beforeS - 1 && expiresAt <= this.#untilS) await this.#keeper.replace(scope);
  }

  /** Until when what is handed out now has to last: the driver asks at intervals. */
  get #untilS(): number {
    return this.#clock.now() + this.#gapS;
  }

  /** Those of an earlier login end with its token. */
  #moveLeases(): void {
    this.#movedAt = this.#asks;
    for (const { plan, lease, generation } of this.#holdings)
      if (lease !== undefined && generation !== this.#keeper.generation) this.#stock.isUp(plan.name);
  }

  async #filledOnce(access: Access, scope: Scope): Promise<readonly Rendered[]> {
    const first = await this.#tryToFill(access, scope);
    const isDenied = first.failures.some(({ kind }) => kind === 'denied' || kind === 'auth');
    if (!isDenied || !(await this.#keeper.replaceDead(scope))) return this.#rendered(first);
    this.#moveLeases();
    return this.#rendered(await this.#tryToFill(await this.#keeper.access(scope), scope));
  }

  #rendered({ rendered, failures }: Filling): readonly Rendered[] {
    if (failures.length > 0) this.isStale = true;
    throwIfAny(failures);
    return rendered;
  }

  async #tryToFill(access: Access, scope: Scope): Promise<Filling> {
    const plans = this.#contents.plans.filter(({ name }) => this.#isWanted(name));
    const issued: Lease[] = [];
    const fetched = await this.#fetched(plans, issued, access, scope);
    // A mount may have become another one.
    if (fetched.failures.length > 0) this.#mountTables.clear();
    const secrets: Secrets = new Map([...this.#stock.secrets, ...fetched.secrets]);
    this.#keep(fetched.secrets, issued);
    for (const { name, where } of plans) {
      const failure = fetched.failures.find((one) => one.where?.includes(where) === true);
      if (fetched.secrets.get(name)?.kind === 'failed')
        this.#stock.failed(name, failure ?? fetched.failures[0] ?? UNKNOWN);
    }
    try {
      return { rendered: await this.#contents.render(secrets, access, scope), failures: fetched.failures };
    } catch (error) {
      scope.throwIfEnded();
      if (!(error instanceof RunError)) throw error;
      return { rendered: [], failures: [...fetched.failures, ...error.failures] };
    }
  }

  async #fetched(
    plans: readonly SecretPlan[],
    issued: Lease[],
    { session, sender }: Access,
    scope: Scope,
  ): Promise<Fetched> {
    if (plans.length === 0) return { secrets: new Map(), failures: [] };
    try {
      const parts = { session, sender, leases: noteLeases(issued), mountTables: this.#mountTables };
      return await this.#contents.fetch(plans, parts, scope);
    } catch (error) {
      // Nobody will ever know of them.
      await Promise.all(issued.map((lease) => revokeLease(lease, session.token, sender, scope)));
      throw error;
    }
  }

  /** What lies there is read each time; what was minted, only if it does not last until the next time, or was not to be had. */
  #isWanted(name: string): boolean {
    const holding = this.#stock.holdings.get(name);
    if (holding?.fetched === undefined) return true;
    const { fetched, plan, action, dueAtS, endsAtS, readAtS, wholeS, fault } = holding;
    const isKept = !isStored(plan, fetched) && !isChangedByServer(fetched);
    if (!isKept && plan.refreshMs === undefined) return true;
    if (action === 'fetch') return fault !== undefined || dueAtS <= this.#untilS;
    // It was not renewed for as long as before: it comes to its longest life.
    return endsAtS <= this.#untilS && endsAtS - readAtS < wholeS - 1;
  }

  #keep(secrets: Secrets, issued: readonly Lease[]): void {
    const { generation } = this.#keeper;
    const fresh = [...secrets].filter((one): one is [string, FetchedSecret] => one[1].kind !== 'failed');
    const before = fresh.flatMap(([name]) => this.#stock.holdings.get(name) ?? []);
    for (const [name, fetched] of fresh)
      this.#stock.arrived(name, { fetched, lease: leaseOf(fetched, issued), generation });
    const held = new Set(this.#holdings.map(({ lease }) => lease?.lease_id));
    const over = before.flatMap(({ lease, generation: own }) =>
      lease === undefined || own !== generation || held.has(lease.lease_id) ? [] : [lease],
    );
    this.#replaced = [...this.#replaced, ...over];
  }

  async #end(leases: readonly Lease[], scope: Scope): Promise<void> {
    const leased = this.#holdings.filter(({ lease }) => lease !== undefined);
    const isWritten = !this.isDependedOn || this.#movedAt + 1 < this.#asks;
    if (isWritten) await this.#keeper.endOld(scope, new Set(leased.map(({ generation }) => generation)));
    if (leases.length === 0) return;
    const { session, sender } = await this.#keeper.access(scope);
    const unique = new Map(leases.map((lease) => [lease.lease_id, lease]));
    await Promise.all([...unique.values()].map((lease) => revokeLease(lease, session.token, sender, scope)));
  }
}

interface Filling {
  readonly rendered: readonly Rendered[];
  readonly failures: readonly Failure[];
}

const UNKNOWN: Failure = { kind: 'unavailable', message: 'it was not read' };
