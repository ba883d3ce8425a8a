import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import type { Alarm } from './alarm.ts';
import { without } from './first-run.ts';
import { reload, type Context, type Present } from './reload.ts';
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

/** Tells the application of a change; it does not wait for it. */
export type Tell = (news: News, present: Present) => void;

export function createWatcher(first: Present, context: Context, alarm: Alarm, tell: Tell): Watcher {
  return new Turning(first, context, alarm, tell);
}

class Turning implements Watcher {
  readonly counts: Counts = { writes: 0, errors: new Map() };
  readonly #context: Context;
  readonly #alarm: Alarm;
  readonly #tell: Tell;
  readonly #whole: Scope;
  #present: Present;
  #work: Work;
  #reloading: PromiseWithResolvers<undefined> | undefined;
  #turnedAtMs: number;

  constructor(first: Present, context: Context, alarm: Alarm, tell: Tell) {
    this.#context = context;
    this.#alarm = alarm;
    this.#tell = tell;
    this.#whole = context.io.scope;
    this.#present = first;
    this.#work = this.#workOn(first);
    this.#turnedAtMs = this.#whole.now();
  }

  get present(): Present {
    return this.#present;
  }

  get isAlive(): boolean {
    // Until the next thing is due nothing turns, and each piece of work has its limit.
    const isWaiting = this.#work.dueAtS > this.#context.clock.now();
    const limitMs = 2 * this.#present.config.timeoutMs + PATIENCE_MS;
    return isWaiting || this.#whole.now() - this.#turnedAtMs < limitMs;
  }

  async watchOver(): Promise<never> {
    this.#tellOfStart();
    for (;;) {
      await this.#alarm.until(this.#work.dueAtS);
      this.#turnedAtMs = this.#whole.now();
      if (this.#reloading !== undefined) await this.#reload(this.#reloading);
      this.#work.throwIfStale();
      using scope = this.#pieceOfWork();
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
    await this.#present.keeper.close(this.#whole);
  }

  #pieceOfWork(): Scope {
    // What fails is told once, with what came of all tries.
    const log = without('retrying', this.#whole.log);
    return this.#whole.child({ timeoutMs: this.#present.config.timeoutMs, log });
  }

  #workOn(present: Present): Work {
    const tell = (news: News): void => {
      this.#tell(news, present);
    };
    const { counts } = this;
    return createWork({ ...present, clock: this.#context.clock, whole: this.#whole, counts, tell });
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
    using scope = this.#pieceOfWork();
    try {
      const { present, replacement } = await reload(this.#present, this.#context, scope);
      this.#present = present;
      this.#work = this.#workOn(present);
      this.#whole.log.write({ event: 'config_reloaded' });
      this.#tellOfStart();
      const { outputs, areVariablesChanged } = replacement;
      if (outputs.length > 0 || areVariablesChanged) this.#tell({ outputs, areVariablesChanged }, present);
    } catch (error) {
      this.#whole.throwIfEnded();
      for (const failure of asRunError(error).failures)
        this.#whole.log.write({ event: 'reload_refused', ...failure });
    } finally {
      resolve(undefined);
    }
  }
}

/** Of a busy machine. */
const PATIENCE_MS = 60_000;
