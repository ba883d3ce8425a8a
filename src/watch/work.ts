import { RunError, type Failure, type FailureKind } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import type { RenderedOutput } from '../plan/outputs.ts';
import { secretsOf } from '../plan/plan.ts';
import { tokenOutputsOf } from '../plan/token-outputs.ts';
import type { LifeClock } from './life-clock.ts';
import type { Access } from '../run/access.ts';
import { revokeLease, type Lease } from '../session/leases.ts';
import { logTended } from './log-tended.ts';
import { withReadAlong } from './read-along.ts';
import { renewLeases } from './renew-leases.ts';
import { replace, type Exhibition, type Replacement } from './replace.ts';
import { sinceWhenS, staleAtS, tooStale } from './staleness.ts';
import { sayingOf, UNKNOWN, type Holding } from './stock.ts';
import type { Superseded } from './superseded.ts';
import type { TokenKeeper } from './token-keeper.ts';

/** What has changed for the application. */
export interface News {
  readonly outputs: readonly RenderedOutput[];
  readonly areVariablesChanged: boolean;
}

export interface WorkParts {
  readonly config: Config;
  readonly site: Exhibition;
  readonly keeper: TokenKeeper;
  readonly clock: LifeClock;
  /** That of the process: only its end ends the work. */
  readonly whole: Scope;
  /** Tells the application; it does not wait for it. */
  readonly tell: (news: News) => void;
  readonly counts: Counts;
  readonly superseded: Superseded;
}

/** What was done, under whatever config. */
export interface Counts {
  writes: number;
  readonly errors: Map<FailureKind, number>;
}

export interface Work {
  /** When there is something to do, in seconds of the life clock. */
  readonly dueAtS: number;
  /**
   * Does all that is due now, or soon enough to count as the same change. Each step of it has the `timeout` of the config.
   * @throws RunError when the process is to end
   */
  doWhatIsDue(scope: Scope): Promise<void>;
  /** @throws RunError `unavailable` for a secret that has been past its end for as long as `max_stale` */
  throwIfStale(): void;
}

export function createWork(parts: WorkParts): Work {
  return new DueWork(parts);
}

class DueWork implements Work {
  readonly #parts: WorkParts;
  readonly #settleS: number;
  readonly #refreshS: number;
  readonly #hasTokenOutputs: boolean;
  /** The login whose token outputs hold. */
  #shownGeneration: number;
  /** The login that leases were last moved to. */
  #movedGeneration: number;
  #tokenFault: string | undefined;
  /** Why removed outputs could not be written again. */
  #restoreFault: string | undefined;
  readonly #wasFaulty: Set<string>;

  constructor(parts: WorkParts) {
    this.#parts = parts;
    this.#settleS = parts.config.watch.settleMs / 1000;
    this.#refreshS = parts.config.watch.refreshMs / 1000;
    this.#hasTokenOutputs = tokenOutputsOf(parts.site.plan).length > 0;
    this.#shownGeneration = parts.keeper.generation;
    this.#movedGeneration = parts.keeper.generation;
    // Another config may have had them before.
    const faulty = this.#holdings.filter(({ fault }) => fault !== undefined);
    this.#wasFaulty = new Set(faulty.map(({ plan }) => plan.name));
  }

  get dueAtS(): number {
    const { keeper, site } = this.#parts;
    return Math.min(keeper.dueAtS, site.stock.dueAtS, this.#staleAtS);
  }

  async doWhatIsDue(scope: Scope): Promise<void> {
    const { keeper, clock } = this.#parts;
    const { stock } = this.#parts.site;
    if (keeper.dueAtS <= clock.now() + this.#settleS) await this.#tendToken(scope);
    stock.goOnAfterOutage();
    const leases = this.#dueNow('renew');
    if (leases.length > 0) await this.#renew(leases, scope);
    const names = withReadAlong(this.#dueNow('fetch'), this.#holdings, this.#refreshS, clock.now());
    if (names.size > 0 || this.#holdsOldToken) await this.#fetch(names, scope);
    // What has not been asked for yet, or in vain, is next.
    stock.goOnAfterOutage();
    await this.#endSuperseded(scope);
  }

  async #endSuperseded(work: Scope): Promise<void> {
    const { keeper, superseded } = this.#parts;
    if (superseded.isInUse) return;
    using scope = this.#step(work);
    for (const login of superseded.takeLogins()) await login.close(scope);
    await this.#endLeases(superseded.take(), scope);
    const leased = this.#holdings.filter(({ lease }) => lease !== undefined);
    const used = leased.map(({ generation }) => generation);
    await keeper.endOld(scope, new Set(this.#hasTokenOutputs ? [...used, this.#shownGeneration] : used));
  }

  /** Without a token they wait for one. */
  async #endLeases(leases: readonly Lease[], scope: Scope): Promise<void> {
    if (leases.length === 0) return;
    try {
      const { session, sender } = await this.#parts.keeper.access(scope);
      await Promise.all(leases.map((lease) => revokeLease(lease, session.token, sender, scope)));
    } catch (error) {
      this.#noToken(error, scope);
      this.#parts.superseded.add(leases);
    }
  }

  throwIfStale(): void {
    const nowS = this.#parts.clock.now();
    if (nowS < this.#staleAtS) return;
    const stale = this.#holdings.filter((one) => sinceWhenS(one) + this.#maxStaleS <= nowS);
    throw new RunError(stale.map((one) => tooStale(one, nowS)));
  }

  get #holdings(): readonly Holding[] {
    return [...this.#parts.site.stock.holdings.values()];
  }

  get #maxStaleS(): number {
    return this.#parts.config.watch.maxStaleMs / 1000;
  }

  get #holdsOldToken(): boolean {
    return this.#hasTokenOutputs && this.#parts.keeper.generation !== this.#shownGeneration;
  }

  get #staleAtS(): number {
    return staleAtS(this.#holdings, this.#maxStaleS);
  }

  #dueNow(action: Holding['action']): readonly Holding[] {
    const untilS = this.#parts.clock.now() + this.#settleS;
    return this.#holdings.filter((one) => one.action === action && one.dueAtS <= untilS);
  }

  /** What is not answered in one takes no time from another. */
  #step(scope: Scope, times = 1): Scope {
    return scope.child({ timeoutMs: times * this.#parts.config.timeoutMs });
  }

  async #replaceDead(work: Scope): Promise<boolean> {
    using scope = this.#step(work);
    return await this.#parts.keeper.replaceDead(scope);
  }

  async #tendToken(work: Scope): Promise<void> {
    using scope = this.#step(work);
    const { keeper } = this.#parts;
    try {
      if (await keeper.tend(scope)) {
        this.#tokenIsGood();
        if (keeper.generation === this.#movedGeneration) logTended('renewal', keeper, this.#parts);
      }
    } catch (error) {
      this.#noToken(error, scope);
      return;
    }
    this.#moveLeases();
  }

  #tokenIsGood(): void {
    if (this.#tokenFault === undefined) return;
    this.#tokenFault = undefined;
    // What had to wait for it does not wait any longer.
    const { stock } = this.#parts.site;
    for (const { plan, fault } of this.#holdings) if (fault !== undefined) stock.retryNow(plan.name);
  }

  async #access(scope: Scope): Promise<Access> {
    const access = await this.#parts.keeper.access(scope);
    this.#moveLeases();
    return access;
  }

  /** Leases of an earlier login end with its token. */
  #moveLeases(): void {
    const { site, keeper } = this.#parts;
    if (this.#movedGeneration === keeper.generation) return;
    this.#movedGeneration = keeper.generation;
    this.#tokenIsGood();
    logTended('login', keeper, this.#parts);
    for (const [name, { lease, generation }] of site.stock.holdings)
      if (lease !== undefined && generation !== keeper.generation) site.stock.isUp(name);
  }

  async #renew(leases: readonly Holding[], work: Scope): Promise<void> {
    using scope = this.#step(work);
    const { keeper, site, whole } = this.#parts;
    let left: ReadonlySet<string> = new Set(leases.map(({ plan }) => plan.name));
    try {
      const access = await this.#access(scope);
      const own = leases.filter(({ generation }) => generation === keeper.generation);
      const { renewed, faults, isDenied } = await renewLeases(own, site.stock, access, scope);
      whole.throwIfEnded();
      left = new Set();
      this.#noteRecovered(renewed, scope);
      for (const [name, failure] of faults) this.#noteFault(name, failure, scope);
      if (isDenied && (await keeper.replaceDead(scope))) this.#moveLeases();
    } catch (error) {
      this.#withoutToken(left, error, scope);
    }
  }

  async #fetch(names: ReadonlySet<string>, scope: Scope): Promise<void> {
    try {
      const first = await this.#fetchOnce(names, scope);
      const isDenied = [...first.faults.values()].some(({ kind }) => kind === 'denied' || kind === 'auth');
      if (!isDenied || !(await this.#replaceDead(scope))) {
        this.#note(first, scope);
        return;
      }
      this.#moveLeases();
      this.#note({ ...first, faults: new Map() }, scope);
      this.#note(await this.#fetchOnce(names, scope), scope);
    } catch (error) {
      this.#withoutToken(names, error, scope);
    }
  }

  /** What needs a token that is not to be had; why not is told once, for all. */
  #withoutToken(names: ReadonlySet<string>, error: unknown, scope: Scope): void {
    const failure = this.#noToken(error, scope);
    for (const name of names) this.#countFault(name, failure);
  }

  async #fetchOnce(names: ReadonlySet<string>, scope: Scope): Promise<Replacement> {
    const { keeper, site } = this.#parts;
    // What has come when that time is over is published.
    using doing = this.#step(scope, 2);
    using asking = this.#step(scope);
    const access = await this.#access(asking);
    const { generation } = keeper;
    const whole = { isWhole: false, tidies: false, holdsOldToken: this.#holdsOldToken };
    const terms = { ...whole, access, asking, generation };
    const replacement = await replace(names, site, terms, doing);
    // What the end of the process has cut off is no fault of a secret.
    this.#parts.whole.throwIfEnded();
    if (replacement.failure === undefined) this.#shownGeneration = generation;
    return replacement;
  }

  /** @throws RunError when the process is to end; otherwise it is told, unless it was just before */
  #noToken(error: unknown, scope: Scope): Failure {
    this.#parts.whole.throwIfEnded();
    const [failure = UNKNOWN] = asRunError(error).failures;
    const saying = sayingOf(failure);
    if (saying !== this.#tokenFault) scope.log.write({ event: 'token_not_replaced', ...failure });
    this.#tokenFault = saying;
    return failure;
  }

  #note({ names, faults, outputs, restored, areVariablesChanged, ...more }: Replacement, scope: Scope): void {
    const { site, counts, tell, superseded } = this.#parts;
    this.#noteRecovered(names, scope);
    const written = new Set(outputs.flatMap((output) => secretsOf(output.plan)));
    const changed = names.filter((name) => written.has(name));
    const paths = outputs.map((output) => output.plan.target.path);
    const next_in = site.stock.inS(changed);
    if (paths.length > 0)
      scope.log.write({ event: 'secret_replaced', names: changed, outputs: paths, next_in });
    this.#noteRestored(restored, more.unrestored, scope);
    counts.writes += outputs.length + restored.length;
    for (const [name, failure] of faults) this.#noteFault(name, failure, scope);
    superseded.add(more.superseded);
    const toTell = [...outputs, ...restored];
    if (toTell.length > 0 || areVariablesChanged) tell({ outputs: toTell, areVariablesChanged });
  }

  #noteRestored(restored: readonly RenderedOutput[], failure: Failure | undefined, scope: Scope): void {
    const outputs = restored.map((output) => output.plan.target.path);
    if (outputs.length > 0) scope.log.write({ event: 'output_restored', outputs });
    const saying = failure && sayingOf(failure);
    if (failure !== undefined && saying !== this.#restoreFault)
      scope.log.write({ event: 'watch_warning', ...failure });
    this.#restoreFault = saying;
  }

  #noteRecovered(names: readonly string[], scope: Scope): void {
    const recovered = names.filter((name) => this.#wasFaulty.delete(name));
    if (recovered.length > 0) scope.log.write({ event: 'secret_recovered', names: recovered });
  }

  /** @returns whether it is news */
  #countFault(name: string, failure: Failure): boolean {
    const { site, counts } = this.#parts;
    counts.errors.set(failure.kind, (counts.errors.get(failure.kind) ?? 0) + 1);
    this.#wasFaulty.add(name);
    return site.stock.failed(name, failure);
  }

  #noteFault(name: string, failure: Failure, scope: Scope): void {
    if (!this.#countFault(name, failure)) return;
    const retry_in = this.#parts.site.stock.inS([name]) ?? 0;
    scope.log.write({ event: 'secret_stale', names: [name], retry_in, ...failure });
  }
}
