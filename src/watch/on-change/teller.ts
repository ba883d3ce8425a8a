import { RunError } from '../../base/errors.ts';
import type { Handler, WatchSettings } from '../../config/config.ts';
import type { Scope } from '../../host/scope.ts';
import { asRunError } from '../../host/unexpected.ts';
import type { OutputPlan } from '../../plan/outputs.ts';
import { createTries, type Tries } from '../tries.ts';
import type { News } from '../work.ts';
import type { HandlerParts } from './handler-kind.ts';
import { describeHandler, handle } from './index.ts';

/** Tells the application of changes. */
export interface Teller {
  /**
   * Handlers run one after the other, and changes meanwhile are one more round.
   * @returns a promise that resolves once all of them have succeeded, of this change or of a later one, or are declared no longer
   */
  tell(news: News): Promise<void>;
  /** Another config: of what a handler that it no longer has was not told, those in its place are told. */
  redeclare(declared: Declared): void;
  /** What is failing, for messages. */
  readonly failing: readonly string[];
  /** How often somebody was told. */
  readonly told: number;
  /** How often a try has failed. */
  readonly failures: number;
  /** Ends what is running and all further tries. */
  close(): Promise<void>;
}

/** Where a config says whom to tell. */
export interface Declared {
  readonly settings: WatchSettings;
  readonly outputs: readonly OutputPlan[];
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
  /** As far as it is about this handler. */
  readonly news: News;
  /** By which it is. */
  readonly settings: WatchSettings;
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
  /** What is left of this round, and the next one, by what the handlers do. */
  #round = new Map<string, Task>();
  #next = new Map<string, Task>();
  readonly #faults = new Map<string, Fault>();
  #rounds: Promise<void> | undefined;
  #settings: WatchSettings;
  /** Undefined: as the news have them. */
  #outputs: readonly OutputPlan[] | undefined;

  constructor(parts: TellerParts) {
    this.#parts = parts;
    this.#settings = parts.settings;
    this.#scope = parts.scope.child();
  }

  get failing(): readonly string[] {
    return [...this.#faults.values()].map(({ task }) => describeHandler(task.handler));
  }

  async tell(news: News): Promise<void> {
    await this.#tellAll(this.#addressed(news, this.#settings).values());
  }

  redeclare({ settings, outputs }: Declared): void {
    this.#settings = settings;
    this.#outputs = outputs;
    for (const [key, { task, timer }] of this.#faults) {
      if (!this.#isGone(task)) continue;
      clearTimeout(timer);
      this.#faults.delete(key);
      // What is in a round is passed on when its turn comes.
      if (!this.#round.has(key) && !this.#next.has(key)) this.#passOn(task);
    }
  }

  async close(): Promise<void> {
    this.#scope.end(new RunError('terminated', 'the handlers were stopped'));
    for (const { timer } of this.#faults.values()) clearTimeout(timer);
    await this.#rounds;
    this.#scope[Symbol.dispose]();
  }

  async #tellAll(addressed: Iterable<Addressed>): Promise<void> {
    const clock = { now: () => this.#scope.now() / 1000 };
    const told = [...addressed].map((one) => {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const waiting = new Set([
        (): void => {
          resolve(undefined);
        },
      ]);
      const tries = createTries(clock, this.#parts.random);
      this.#add({ ...one, settings: this.#settings, tries, waiting });
      return promise;
    });
    await Promise.all(told);
  }

  /** Its handler is not to be told of this any longer: those that were not, and are now, are. */
  #passOn({ news, settings, waiting }: Task): void {
    const before = this.#addressed(news, settings);
    const after = this.#addressed(this.#asDeclared(news), this.#settings);
    const instead = [...after].flatMap(([key, one]) => (before.has(key) ? [] : [one]));
    void this.#tellAll(instead).then(() => {
      for (const resolve of waiting) resolve();
    });
  }

  #isGone({ handler, news }: Task): boolean {
    return !this.#addressed(this.#asDeclared(news), this.#settings).has(keyOf(handler));
  }

  #addressed(news: News, settings: WatchSettings): ReadonlyMap<string, Addressed> {
    return addressed(news, { settings, child: this.#parts.child });
  }

  #asDeclared({ outputs, areVariablesChanged }: News): News {
    const declared = this.#outputs;
    if (declared === undefined) return { outputs, areVariablesChanged };
    const present = outputs.flatMap(({ plan: { target }, files }) => {
      const plan = declared.find((one) => one.target.path === target.path);
      return plan === undefined ? [] : [{ plan, files }];
    });
    return { outputs: present, areVariablesChanged };
  }

  #add(task: Task): void {
    if (this.#scope.signal.aborted) return;
    const key = keyOf(task.handler);
    const fault = this.#faults.get(key);
    clearTimeout(fault?.timer);
    const known = [fault?.task, this.#next.get(key)].filter((one) => one !== undefined);
    const news = known.reduce((all, one) => joined(one.news, all), task.news);
    const waiting = known.reduce((all, one) => all.union(one.waiting), task.waiting);
    this.#next.set(key, { ...task, news, waiting });
    this.#rounds ??= this.#runRounds().finally(() => {
      this.#rounds = undefined;
    });
  }

  async #runRounds(): Promise<void> {
    // Whoever tells of several changes at once has told of all of them by then.
    await Promise.resolve();
    while (this.#next.size > 0 && !this.#scope.signal.aborted) {
      this.#round = this.#next;
      this.#next = new Map();
      for (const [key, task] of this.#round) {
        await this.#run(key, task);
        this.#round.delete(key);
      }
    }
  }

  async #run(key: string, task: Task): Promise<void> {
    if (this.#isClosed()) return;
    if (this.#isGone(task)) {
      this.#passOn(task);
      return;
    }
    // A try that was to come later is this one.
    clearTimeout(this.#faults.get(key)?.timer);
    try {
      await handle(task.handler, task.news, this.#parts, this.#scope);
      this.#faults.delete(key);
      this.told += 1;
      for (const resolve of task.waiting) resolve();
      this.#scope.log.write({ event: 'told', handler: describeHandler(task.handler) });
    } catch (error) {
      if (this.#isClosed()) return;
      if (this.#isGone(task)) this.#passOn(task);
      else this.#failed(key, task, asRunError(error));
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

/** A handler, and of the news what it is to be told. */
type Addressed = Pick<Task, 'handler' | 'news'>;

/**
 * Those of each changed output, or those of all; equal ones once. Nobody has to say that a command needs its variables.
 * @returns by what they do
 */
function addressed(
  { outputs, areVariablesChanged }: News,
  { settings, child }: Pick<TellerParts, 'settings' | 'child'>,
): ReadonlyMap<string, Addressed> {
  const all = new Map<string, Addressed>();
  const add = (handlers: readonly Handler[], news: News): void => {
    for (const handler of handlers) {
      const key = keyOf(handler);
      const before = all.get(key);
      all.set(key, { handler, news: before === undefined ? news : joined(before.news, news) });
    }
  };
  for (const output of outputs)
    add(output.plan.onChange ?? settings.onChange ?? [], { outputs: [output], areVariablesChanged: false });
  const restart: readonly Handler[] = child === undefined ? [] : [{ kind: 'restart', where: settings.where }];
  if (areVariablesChanged) add(settings.onChange ?? restart, { outputs: [], areVariablesChanged });
  return all;
}

/** Equal for handlers that do the same, wherever they are declared. */
function keyOf(handler: Handler): string {
  return JSON.stringify({ ...handler, where: '' });
}

/** Of an output, what the other says of it. */
function joined(one: News, other: News): News {
  const outputs = [...one.outputs, ...other.outputs];
  return {
    outputs: [...new Map(outputs.map((output) => [output.plan.target.path, output])).values()],
    areVariablesChanged: one.areVariablesChanged || other.areVariablesChanged,
  };
}
