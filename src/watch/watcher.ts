import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../host/log.ts';
import type { LogEvent } from '../host/log-events.ts';
import type { Scope } from '../host/scope.ts';
import { createMemorySaver } from '../host/spare-memory.ts';
import { asRunError } from '../host/unexpected.ts';
import { revokeLease } from '../session/leases.ts';
import type { Alarm } from './alarm.ts';
import { without } from './first-run.ts';
import { reload, type Context, type Present } from './reload.ts';
import { createSuperseded, type Superseded } from './superseded.ts';
import { createWork, type Counts, type News, type Work } from './work.ts';

/** Keeps everything good, under one config or another. */
export interface Watcher {
  /** What there is now. */
  readonly present: Present;
  readonly counts: Counts;
  /** It goes on, as far as its limits of time tell. */
  readonly isAlive: boolean;
  /**
   * Does what is due, all that is due at the same time as one, and waits for the next; what fails stays as it was and is tried
   * again.
   * @throws RunError when the process is to end; `unavailable` where `max_stale` says so
   */
  watchOver(): Promise<never>;
  /** Reads the config again before anything else is done; resolves once it was taken or refused. */
  reloadSoon(): Promise<void>;
  /** Gives the token back, and with it the leases. */
  close(): Promise<void>;
}

/** The application, as far as it is told. */
export interface Audience {
  /** Of a change; resolves once it was told. */
  tell(news: News, present: Present): Promise<void>;
  /** Another config says whom to tell. */
  redeclare(present: Present): void;
}

export function createWatcher(first: Present, context: Context, alarm: Alarm, audience: Audience): Watcher {
  return new Turning(first, context, alarm, audience);
}

class Turning implements Watcher {
  readonly counts: Counts = { writes: 0, errors: new Map() };
  readonly #context: Context;
  readonly #alarm: Alarm;
  readonly #audience: Audience;
  readonly #whole: Scope;
  readonly #superseded: Superseded;
  readonly #saveMemory = createMemorySaver();
  #present: Present;
  #work: Work;
  #reloading: PromiseWithResolvers<undefined> | undefined;
  #turnedAtMs: number;
  #restedAtMs = -Infinity;

  constructor(first: Present, context: Context, alarm: Alarm, audience: Audience) {
    this.#context = context;
    this.#alarm = alarm;
    this.#audience = audience;
    this.#whole = context.io.scope;
    this.#present = first;
    const settle = (): Promise<void> => delay(this.#present.config.watch.settleMs, undefined, { ref: false });
    this.#superseded = createSuperseded(settle, () => {
      alarm.ring();
    });
    this.#work = this.#workOn(first);
    this.#turnedAtMs = this.#whole.now();
  }

  get present(): Present {
    return this.#present;
  }

  get isAlive(): boolean {
    // Until the next thing is due nothing turns, and each step of the work has its limit.
    const isWaiting = this.#work.dueAtS > this.#context.clock.now();
    const limitMs = STEPS * this.#present.config.timeoutMs + PATIENCE_MS;
    return isWaiting || this.#whole.now() - this.#turnedAtMs < limitMs;
  }

  async watchOver(): Promise<never> {
    this.#tellOfStart();
    for (;;) {
      this.#rest();
      await this.#alarm.until(this.#work.dueAtS);
      this.#turnedAtMs = this.#whole.now();
      if (this.#reloading !== undefined) await this.#reload(this.#reloading);
      this.#work.throwIfStale();
      using scope = this.#whole.child({ log: this.#quietLog() });
      await this.#work.doWhatIsDue(scope);
      this.#whole.throwIfEnded();
    }
  }

  async reloadSoon(): Promise<void> {
    this.#reloading ??= Promise.withResolvers();
    this.#alarm.ring();
    await this.#reloading.promise;
  }

  async close(): Promise<void> {
    await this.#endLeases();
    for (const login of this.#superseded.takeLogins()) await login.close(this.#whole);
    await this.#present.keeper.close(this.#whole);
  }

  /** Those of a token that lives on: the others end with it. */
  async #endLeases(): Promise<void> {
    const { keeper, site } = this.#present;
    const { session } = keeper;
    if (session === undefined || session.revocable || session.revoke === 'never') return;
    const held = [...site.stock.holdings.values()].flatMap(({ lease }) => lease ?? []);
    const leases = new Map([...this.#superseded.take(), ...held].map((lease) => [lease.lease_id, lease]));
    // Without a living token there is nothing to end them with, and nobody to be told.
    const access = await keeper.access(this.#whole).catch(() => undefined);
    if (access === undefined) return;
    await Promise.all(
      [...leases.values()].map((lease) => revokeLease(lease, session.token, access.sender, this.#whole)),
    );
  }

  /** Before a long wait, and now and then where all waits are short: it takes CPU time. */
  #rest(): void {
    const nowMs = this.#whole.now();
    const waitMs = (this.#work.dueAtS - this.#context.clock.now()) * 1000;
    if (Math.max(waitMs, nowMs - this.#restedAtMs) < REST_EVERY_MS) return;
    this.#saveMemory();
    this.#restedAtMs = nowMs;
  }

  #quietLog(): Log {
    const { holdings } = this.#present.site.stock;
    // What fails is told once, with what came of all tries; so is what does not exist, until it does.
    const isKnown = (event: LogEvent): boolean =>
      event.event === 'retrying' ||
      (event.event === 'secret_absent' && holdings.get(event.name)?.fetched?.kind === 'absent');
    return without(isKnown, this.#whole.log);
  }

  #workOn(present: Present): Work {
    const tell = (news: News): void => {
      this.#superseded.inUseUntil(this.#audience.tell(news, present));
    };
    const { counts } = this;
    return createWork({
      ...present,
      clock: this.#context.clock,
      whole: this.#whole,
      counts,
      tell,
      superseded: this.#superseded,
    });
  }

  #tellOfStart(): void {
    const { site, keeper } = this.#present;
    const { stock } = site;
    const { outlook } = keeper;
    if (outlook !== undefined) this.#whole.log.write({ event: 'watch_warning', ...outlook });
    const next_in = stock.inS([...stock.holdings.keys()]);
    this.#whole.log.write({ event: 'watching', secrets: stock.holdings.size, next_in });
  }

  async #reload({ resolve }: PromiseWithResolvers<undefined>): Promise<void> {
    this.#reloading = undefined;
    const { timeoutMs } = this.#present.config;
    using scope = this.#whole.child({ timeoutMs, log: this.#quietLog() });
    try {
      const { holdings } = this.#present.site.stock;
      const { present, replacement, former } = await reload(this.#present, this.#context, scope);
      this.#present = present;
      this.#work = this.#workOn(present);
      this.#audience.redeclare(present);
      this.#whole.log.write({ event: 'config_reloaded' });
      const recovered = replacement.names.filter((name) => holdings.get(name)?.fault !== undefined);
      if (recovered.length > 0) this.#whole.log.write({ event: 'secret_recovered', names: recovered });
      this.#tellOfStart();
      const { outputs, areVariablesChanged, superseded } = replacement;
      this.#superseded.add(superseded);
      if (former !== undefined) this.#superseded.addLogin(former);
      if (outputs.length > 0 || areVariablesChanged)
        this.#superseded.inUseUntil(this.#audience.tell({ outputs, areVariablesChanged }, present));
    } catch (error) {
      this.#whole.throwIfEnded();
      for (const failure of asRunError(error).failures)
        this.#whole.log.write({ event: 'reload_refused', ...failure });
    } finally {
      resolve(undefined);
    }
  }
}

/** Of the work, that may get no answer in one turn. */
const STEPS = 4;

/** Of a busy machine. */
const PATIENCE_MS = 60_000;

/** Every minute, it takes less than a thousandth of the CPU time. */
const REST_EVERY_MS = 60_000;
