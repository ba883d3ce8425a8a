import { RunError } from '../../base/errors.ts';
import type { Handler, WatchSettings } from '../../config/config.ts';
import type { Scope } from '../../host/scope.ts';
import { asRunError } from '../../host/unexpected.ts';
import { createTries, type Tries } from '../tries.ts';
import type { News } from '../work.ts';
import type { HandlerParts } from './handler-kind.ts';
import { describeHandler, handle } from './index.ts';

/** Tells the application of changes. */
export interface Teller {
  /**
   * Handlers run one after the other, and changes meanwhile are one more round.
   * @param settings by default those of the start
   * @returns a promise that resolves once all of them have succeeded, of this change or of a later one
   */
  tell(news: News, settings?: WatchSettings): Promise<void>;
  /** What is failing, for messages. */
  readonly failing: readonly string[];
  /** How often somebody was told. */
  readonly told: number;
  /** How often a try has failed. */
  readonly failures: number;
  /** Ends what is running and all further tries. */
  close(): Promise<void>;
}

export interface TellerParts extends HandlerParts {
  readonly settings: WatchSettings;
  readonly scope: Scope;
  /** In [0, 1). */
  readonly random: () => number;
}

/** One handler, of a round or between its tries. */
interface Task {
  readonly handler: Handler;
  readonly news: News;
  /** Those of this round. */
  readonly tries: Tries;
  /** Who waits for it. */
  readonly waiting: ReadonlySet<() => void>;
}

interface Fault {
  readonly task: Task;
  readonly reason: string;
  readonly timer: NodeJS.Timeout;
}

export function createTeller(parts: TellerParts): Teller {
  return new OneAfterTheOther(parts);
}

class OneAfterTheOther implements Teller {
  told = 0;
  failures = 0;
  readonly #parts: TellerParts;
  readonly #scope: Scope;
  /** The next round, by what the handlers do. */
  #next = new Map<string, Task>();
  readonly #faults = new Map<string, Fault>();
  #rounds: Promise<void> | undefined;

  constructor(parts: TellerParts) {
    this.#parts = parts;
    this.#scope = parts.scope.child();
  }

  get failing(): readonly string[] {
    return [...this.#faults.values()].map(({ task }) => describeHandler(task.handler));
  }

  async tell(news: News, settings = this.#parts.settings): Promise<void> {
    const clock = { now: () => this.#scope.now() / 1000 };
    const told = handlersOf(news, { ...this.#parts, settings }).map((handler) => {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const waiting = new Set([
        (): void => {
          resolve(undefined);
        },
      ]);
      this.#add({ handler, news, tries: createTries(clock, this.#parts.random), waiting });
      return promise;
    });
    await Promise.all(told);
  }

  async close(): Promise<void> {
    this.#scope.end(new RunError('terminated', 'the handlers were stopped'));
    for (const { timer } of this.#faults.values()) clearTimeout(timer);
    await this.#rounds;
    this.#scope[Symbol.dispose]();
  }

  #add(task: Task): void {
    if (this.#scope.signal.aborted) return;
    const key = keyOf(task.handler);
    const fault = this.#faults.get(key);
    clearTimeout(fault?.timer);
    const before = this.#next.get(key);
    const news = before === undefined ? task.news : joined(before.news, task.news);
    const waiting = [fault?.task, before, task].reduce(
      (all, one) => all.union(one?.waiting ?? all),
      new Set<() => void>(),
    );
    this.#next.set(key, { ...task, news, waiting });
    this.#rounds ??= this.#runRounds().finally(() => {
      this.#rounds = undefined;
    });
  }

  async #runRounds(): Promise<void> {
    // Whoever tells of several changes at once has told of all of them by then.
    await Promise.resolve();
    while (this.#next.size > 0 && !this.#scope.signal.aborted) {
      const round = this.#next;
      this.#next = new Map();
      for (const [key, task] of round) await this.#run(key, task);
    }
  }

  async #run(key: string, task: Task): Promise<void> {
    if (this.#isClosed()) return;
    // A try that was to come later is this one.
    clearTimeout(this.#faults.get(key)?.timer);
    try {
      await handle(task.handler, task.news, this.#parts, this.#scope);
      this.#faults.delete(key);
      this.told += 1;
      for (const resolve of task.waiting) resolve();
      this.#scope.log.write({ event: 'told', handler: describeHandler(task.handler) });
    } catch (error) {
      if (!this.#isClosed()) this.#failed(key, task, asRunError(error));
    }
  }

  #isClosed(): boolean {
    return this.#scope.signal.aborted;
  }

  #failed(key: string, task: Task, { failures }: RunError): void {
    const { handler, tries } = task;
    const reason = failures.map(({ message }) => message).join('; ');
    const inS = tries.failed();
    const before = this.#faults.get(key)?.reason;
    const timer = setTimeout(() => {
      this.#add(task);
    }, inS * 1000);
    this.failures += 1;
    this.#faults.set(key, { task, reason, timer });
    if (before === reason) return;
    const hint = failures.find((failure) => failure.hint !== undefined)?.hint;
    this.#scope.log.write({
      event: 'handler_failed',
      handler: describeHandler(handler),
      reason,
      retry_in: inS,
      hint,
    });
  }
}

/** Those of each changed output, or those of all; equal ones once. Nobody has to say that a command needs its variables. */
function handlersOf(
  { outputs, areVariablesChanged }: News,
  { settings, child }: Pick<TellerParts, 'settings' | 'child'>,
): readonly Handler[] {
  const ofFiles = outputs.flatMap(({ plan }) => plan.onChange ?? settings.onChange ?? []);
  const restart: readonly Handler[] = child === undefined ? [] : [{ kind: 'restart', where: settings.where }];
  const ofVariables = areVariablesChanged ? (settings.onChange ?? restart) : [];
  return [...new Map([...ofFiles, ...ofVariables].map((handler) => [keyOf(handler), handler])).values()];
}

/** Equal for handlers that do the same, wherever they are declared. */
function keyOf(handler: Handler): string {
  return JSON.stringify({ ...handler, where: '' });
}

function joined(one: News, other: News): News {
  return {
    outputs: [...one.outputs, ...other.outputs],
    areVariablesChanged: one.areVariablesChanged || other.areVariablesChanged,
  };
}
