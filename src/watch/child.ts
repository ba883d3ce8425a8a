import { Cancellation } from '../base/cancellation.ts';
import { checkProgram, checkSize, type Program } from '../deliver/exec/find-program.ts';
import { FORWARDED, onSignals, type ForwardedSignal } from '../deliver/exec/signals.ts';
import type { Scope } from '../host/scope.ts';
import { startRunning, unlessAborted, type Running } from './running.ts';

type Env = Readonly<Record<string, string>>;

/** The application, as a child of this process. */
export interface Child {
  /** Of the running command; undefined: there is none. */
  readonly pid: number | undefined;
  /** How often it was started again. */
  readonly restarts: number;
  /**
   * Resolves with its exit status, or 128 + its signal, once it has ended by itself and was not restarted.
   * Rejects with a RunError: `not_executable` if it could not be started again, `output` if its output could not be passed on.
   */
  readonly ended: Promise<number>;
  /**
   * @param masks what to black out in its output; undefined: it has the streams of this process
   * @throws RunError `not_executable`, and `output` for variables that are too large
   */
  start(env: Env, masks?: readonly string[]): Promise<void>;
  /**
   * Stops it, and starts it with other variables, once it has run for long enough. Calls meanwhile are one restart, with the last
   * variables.
   * @throws RunError `no_command`, `not_executable`, `output`: it could not be started like this, and runs on as it is
   */
  restart(env: Env, reason: string, masks?: readonly string[]): void;
  /** Resolves once no restart is under way. */
  readonly restarted: Promise<void>;
  /**
   * Sends a signal; one that asks for something waits until the command has run for long enough, since it would end a program that
   * has only just been started.
   * @returns whether there is a command to get it
   */
  signal(signal: NodeJS.Signals): boolean;
  /**
   * Sends a signal, SIGTERM unless named, then SIGKILL.
   * @returns its exit status; 0 if it has never run
   * @throws RunError `output`, as `ended`
   */
  stop(signal?: NodeJS.Signals): Promise<number>;
}

export interface ChildOptions {
  /** How long it may take to end before it gets SIGKILL. */
  readonly stopMs: number;
  /** How long it runs before it is restarted, or asked for something. */
  readonly settleMs: number;
  readonly scope: Scope;
}

interface Wanted {
  readonly env: Env;
  readonly reason: string;
  readonly masks: readonly string[] | undefined;
}

/** They end a program that does not handle them, and mean something else to one that does. */
const ASKING: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGALRM'];

/** 128 + SIGKILL: of a command that hangs in the kernel. */
const KILLED = 137;

export function createChild(program: Program, options: ChildOptions): Child {
  return new Command(program, options);
}

class Command implements Child {
  readonly #program: Program;
  readonly #options: ChildOptions;
  readonly #end = Promise.withResolvers<number>();
  readonly #stopping = new Cancellation();
  #isStopping = false;
  #running: Running | undefined;
  /** The one that is ended to be started again. */
  #leaving: Running | undefined;
  #wanted: Wanted | undefined;
  #restarting: Promise<void> | undefined;
  #status: Promise<number> = Promise.resolve(0);
  #starts = 0;

  constructor(program: Program, options: ChildOptions) {
    this.#program = program;
    this.#options = options;
    // Not everybody waits for it.
    this.#end.promise.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#running?.pid;
  }

  get restarts(): number {
    return Math.max(0, this.#starts - 1);
  }

  get ended(): Promise<number> {
    return this.#end.promise;
  }

  get restarted(): Promise<void> {
    return this.#restarting ?? Promise.resolve();
  }

  async start(env: Env, masks?: readonly string[]): Promise<void> {
    checkSize(this.#program, env);
    await this.#begin(env, masks);
    this.#restartIfWanted();
  }

  restart(env: Env, reason: string, masks?: readonly string[]): void {
    checkSize(this.#program, env);
    checkProgram(this.#program);
    this.#wanted = { env, reason, masks };
    this.#restartIfWanted();
  }

  #restartIfWanted(): void {
    // While it is being started the first time, this is left to the end of that.
    if (this.#wanted === undefined || this.#restarting !== undefined || this.#running === undefined) return;
    this.#restarting = this.#restartWhileWanted().finally(() => {
      this.#restarting = undefined;
    });
  }

  signal(signal: NodeJS.Signals): boolean {
    const one = this.#running;
    if (one === undefined || !ASKING.includes(signal)) return one?.signal(signal) ?? false;
    void one.hasRunFor(this.#options.settleMs, this.#stopping).then(() => {
      // The next one starts with what there is.
      if (this.#goesOn() && this.#leaving !== one) one.signal(signal);
    });
    return true;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    this.#isStopping = true;
    this.#stopping.abort(undefined);
    const isGone = await this.#endRunning(signal);
    // It may just have been started again.
    await this.#restarting;
    return isGone && (await this.#endRunning(signal)) ? await this.#status : KILLED;
  }

  async #endRunning(signal: NodeJS.Signals): Promise<boolean> {
    return (await this.#running?.end(signal, this.#options.stopMs)) ?? true;
  }

  async #begin(env: Env, masks: readonly string[] | undefined): Promise<void> {
    const { scope } = this.#options;
    const one = await startRunning(this.#program, env, masks, scope);
    this.#running = one;
    this.#status = one.status;
    this.#starts += 1;
    scope.log.write({ event: 'command_started', pid: one.pid });
    void this.#follow(one);
  }

  async #follow(one: Running): Promise<void> {
    await one.exit;
    if (this.#running === one) this.#running = undefined;
    if (this.#leaving !== one && !this.#isStopping) one.status.then(this.#end.resolve, this.#end.reject);
  }

  async #restartWhileWanted(): Promise<void> {
    try {
      while (this.#wanted !== undefined && this.#running !== undefined && !this.#isStopping)
        await this.#restart(this.#running, this.#wanted.reason);
    } catch (error) {
      this.#end.reject(error);
    }
  }

  #goesOn(): boolean {
    return !this.#isStopping;
  }

  async #restart(one: Running, reason: string): Promise<void> {
    const { settleMs, stopMs, scope } = this.#options;
    await one.hasRunFor(settleMs, this.#stopping);
    if (this.#running !== one || !this.#goesOn()) return;
    scope.log.write({ event: 'command_stopping', reason });
    this.#leaving = one;
    if (!(await one.end('SIGTERM', stopMs))) await unlessAborted(one.exit, this.#stopping);
    const latest = this.#wanted;
    this.#wanted = undefined;
    if (latest !== undefined && this.#goesOn()) await this.#begin(latest.env, latest.masks);
  }
}

/** SIGTERM ends this process, which then ends the command in its own way. */
const OF_THE_COMMAND = FORWARDED.filter((signal) => signal !== 'SIGTERM' && signal !== 'SIGHUP');

/**
 * Passes signals to this process on to the command.
 * @param hangsUp SIGHUP, too: otherwise it means something to this process
 */
export function forwardSignals(child: Child, hangsUp: boolean): void {
  const signals: readonly ForwardedSignal[] = hangsUp ? ['SIGHUP', ...OF_THE_COMMAND] : OF_THE_COMMAND;
  onSignals(signals, (signal, isSent) => {
    if (!isSent) child.signal(signal);
  });
}
