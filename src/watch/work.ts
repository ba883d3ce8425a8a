import { RunError, type Failure, type FailureKind } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import type { RenderedOutput } from '../plan/outputs.ts';
import { secretsOf } from '../plan/plan.ts';
import { tokenOutputsOf } from '../plan/token-outputs.ts';
import type { LifeClock } from './life-clock.ts';
import { renewLeases } from './renew-leases.ts';
import { replace, type Exhibition, type Replacement } from './replace.ts';
import { isStored, sayingOf, type Holding } from './stock.ts';
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
   * Does all that is due now, or soon enough to count as the same change.
   * @throws RunError when the process is to end
   */
  doWhatIsDue(scope: Scope): Promise<void>;
  /** @throws RunError `unavailable` for a secret that has been past its end for as long as `max_stale` */
  throwIfStale(): void;
}

/** Of how often KV is read, the part within which others of the same kind are read along: their changes are one. */
const READ_ALONG = 0.1;

export function createWork(parts: WorkParts): Work {
  return new DueWork(parts);
}

class DueWork implements Work {
  readonly #parts: WorkParts;
  readonly #settleS: number;
  readonly #hasTokenOutputs: boolean;
  /** The login whose token outputs hold. */
  #shownGeneration: number;
  #tokenFault: string | undefined;
  readonly #wasFaulty = new Set<string>();

  constructor(parts: WorkParts) {
    this.#parts = parts;
    this.#settleS = parts.config.watch.settleMs / 1000;
    this.#hasTokenOutputs = tokenOutputsOf(parts.site.plan).length > 0;
    this.#shownGeneration = parts.keeper.generation;
  }

  get dueAtS(): number {
    const { keeper, site } = this.#parts;
    return Math.min(keeper.dueAtS, site.stock.dueAtS, this.#staleAtS());
  }

  async doWhatIsDue(scope: Scope): Promise<void> {
    const { keeper, clock } = this.#parts;
    const { stock } = this.#parts.site;
    if (keeper.dueAtS <= clock.now() + this.#settleS) await this.#tendToken(scope);
    stock.goOnAfterOutage();
    const leases = this.#dueNow('renew');
    if (leases.length > 0) await this.#renew(leases, scope);
    const names = this.#namesToFetch();
    if (names.size > 0 || this.#holdsOldToken) await this.#fetch(names, scope);
    // What has not been asked for yet, or in vain, is next.
    stock.goOnAfterOutage();
    const leased = this.#holdings.filter(({ lease }) => lease !== undefined);
    const used = leased.map(({ generation }) => generation);
    await keeper.endOld(scope, new Set(this.#hasTokenOutputs ? [...used, this.#shownGeneration] : used));
  }

  throwIfStale(): void {
    const nowS = this.#parts.clock.now();
    if (nowS < this.#staleAtS()) return;
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

  #staleAtS(): number {
    if (this.#maxStaleS === 0) return Infinity;
    return Math.min(...this.#holdings.map(sinceWhenS)) + this.#maxStaleS;
  }

  #dueNow(action: Holding['action']): readonly Holding[] {
    const untilS = this.#parts.clock.now() + this.#settleS;
    return this.#holdings.filter((one) => one.action === action && one.dueAtS <= untilS);
  }

  #namesToFetch(): ReadonlySet<string> {
    const { clock, config } = this.#parts;
    const due = this.#dueNow('fetch');
    const untilS = clock.now() + (READ_ALONG * config.watch.refreshMs) / 1000;
    const isAlong = ({ fetched, fault, plan: { refreshMs }, dueAtS }: Holding): boolean =>
      fetched !== undefined &&
      isStored(fetched) &&
      fault === undefined &&
      refreshMs === undefined &&
      dueAtS <= untilS;
    const along = due.some(isAlong) ? this.#holdings.filter(isAlong) : [];
    return new Set([...due, ...along].map((one) => one.plan.name));
  }

  async #tendToken(scope: Scope): Promise<void> {
    try {
      await this.#parts.keeper.tend(scope);
      this.#tokenFault = undefined;
    } catch (error) {
      this.#noToken(error, scope);
    }
    this.#moveLeases();
  }

  /** Leases of an earlier login end with its token. */
  #moveLeases(): void {
    const { site, keeper } = this.#parts;
    for (const [name, { lease, generation }] of site.stock.holdings)
      if (lease !== undefined && generation !== keeper.generation) site.stock.isUp(name);
  }

  async #renew(leases: readonly Holding[], scope: Scope): Promise<void> {
    const { keeper, site } = this.#parts;
    try {
      const access = await keeper.access(scope);
      const isDenied = await renewLeases(leases, site.stock, access, scope);
      if (isDenied && (await keeper.replaceDead(scope))) this.#moveLeases();
    } catch (error) {
      const failure = this.#noToken(error, scope);
      for (const { plan } of leases) site.stock.failed(plan.name, failure);
    }
  }

  async #fetch(names: ReadonlySet<string>, scope: Scope): Promise<void> {
    const { keeper, site } = this.#parts;
    try {
      const first = await this.#fetchOnce(names, scope);
      const isDenied = [...first.faults.values()].some(({ kind }) => kind === 'denied' || kind === 'auth');
      if (!isDenied || !(await keeper.replaceDead(scope))) {
        this.#note(first, scope);
        return;
      }
      this.#moveLeases();
      this.#note({ ...first, faults: new Map() }, scope);
      this.#note(await this.#fetchOnce(names, scope), scope);
    } catch (error) {
      const failure = this.#noToken(error, scope);
      for (const name of names) site.stock.failed(name, failure);
    }
  }

  async #fetchOnce(names: ReadonlySet<string>, scope: Scope): Promise<Replacement> {
    const { keeper, site } = this.#parts;
    const access = await keeper.access(scope);
    const { generation } = keeper;
    const terms = { isWhole: false, access, generation, holdsOldToken: this.#holdsOldToken };
    const replacement = await replace(names, site, terms, scope);
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

  #note({ names, faults, outputs, areVariablesChanged }: Replacement, scope: Scope): void {
    const { site, counts, tell } = this.#parts;
    const recovered = names.filter((name) => this.#wasFaulty.delete(name));
    if (recovered.length > 0) scope.log.write({ event: 'secret_recovered', names: recovered });
    const written = new Set(outputs.flatMap((output) => secretsOf(output.plan)));
    const changed = names.filter((name) => written.has(name));
    const paths = outputs.map((output) => output.plan.target.path);
    const next_in = site.stock.inS(changed);
    if (paths.length > 0)
      scope.log.write({ event: 'secret_replaced', names: changed, outputs: paths, next_in });
    counts.writes += outputs.length;
    for (const [name, failure] of faults) this.#noteFault(name, failure, scope);
    if (outputs.length > 0 || areVariablesChanged) tell({ outputs, areVariablesChanged });
  }

  #noteFault(name: string, failure: Failure, scope: Scope): void {
    const { site, counts } = this.#parts;
    counts.errors.set(failure.kind, (counts.errors.get(failure.kind) ?? 0) + 1);
    this.#wasFaulty.add(name);
    if (!site.stock.failed(name, failure)) return;
    const retry_in = site.stock.inS([name]) ?? 0;
    scope.log.write({ event: 'secret_stale', names: [name], retry_in, ...failure });
  }
}

const UNKNOWN: Failure = { kind: 'unavailable', message: 'the work was ended' };

/** Since when it is not what it should be, in seconds of the life clock; Infinity: it is good. */
function sinceWhenS({ fault, endsAtS }: Holding): number {
  if (fault === undefined) return Infinity;
  return endsAtS === Infinity ? fault.sinceS : endsAtS;
}

function tooStale({ plan, fault, ...times }: Holding, nowS: number): Failure {
  const seconds = String(Math.round(nowS - sinceWhenS({ plan, fault, ...times })));
  return {
    kind: 'unavailable',
    message: `${plan.name} could not be replaced for ${seconds} s: ${fault?.failure.message ?? ''}`,
    where: plan.where,
    hint: fault?.failure.hint ?? 'is the server up?',
  };
}
