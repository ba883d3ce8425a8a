import { setTimeout as delay } from 'node:timers/promises';
import { harmlessLine } from '../base/harmless.ts';
import type { Io } from '../host/io.ts';
import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import { faultsOf } from './health/watch-pages.ts';
import type { HealthStatus } from './health/health-status.ts';
import { openNotifySocket, type NotifySocket } from './notify-socket.ts';

/**
 * systemd, or whatever else waits to hear that this process is ready: sd_notify(3). What cannot be sent is sent later, in its turn.
 */
export interface ServiceManager {
  /** Everything was written, and the command runs; or the config was read again. From then on it hears of faults. */
  ready(): void;
  reloading(): void;
  stopping(): void;
  /** Gives what was said last a moment to arrive. */
  close(): Promise<void>;
}

/** @returns undefined if nobody waits */
export function openServiceManager(
  { env, cwd, scope }: Pick<Io, 'env' | 'cwd' | 'scope'>,
  status: () => HealthStatus,
): ServiceManager | undefined {
  const address = env['NOTIFY_SOCKET'] ?? '';
  if (address === '') return undefined;
  return new Notified(openNotifySocket(address, { env, cwd }), watchdogMs(env), status, scope);
}

/** How often to say that the loop turns: twice as often as it is asked for. */
function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: Io['env']): number | undefined {
  const us = Number(WATCHDOG_USEC ?? '');
  const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid;
  if (!isOurs || !Number.isSafeInteger(us) || us <= 0) return undefined;
  return Math.min(us / 2000, LONGEST_TIMER_MS);
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const LOOK_EVERY_MS = 5000;
const RETRY_MS = 1000;
const LAST_WAIT_MS = 500;

class Notified implements ServiceManager {
  readonly #socket: NotifySocket;
  readonly #watchdogMs: number | undefined;
  readonly #status: () => HealthStatus;
  readonly #scope: Scope;
  readonly #unsent: (readonly string[])[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #sending: Promise<void> | undefined;
  #isStopping = false;
  /** What it says of us. */
  #shown = '';
  #fault: string | undefined;

  constructor(socket: NotifySocket, watchdog: number | undefined, status: () => HealthStatus, scope: Scope) {
    this.#socket = socket;
    this.#watchdogMs = watchdog;
    this.#status = status;
    this.#scope = scope;
  }

  ready(): void {
    if (this.#isStopping) return;
    this.#shown = textOf(this.#status());
    this.#say('READY=1', `STATUS=${this.#shown}`);
    if (this.#timers.length > 0) return;
    this.#timers.push(setInterval(this.#look, LOOK_EVERY_MS).unref());
    if (this.#watchdogMs !== undefined) this.#timers.push(setInterval(this.#live, this.#watchdogMs).unref());
  }

  reloading(): void {
    if (this.#isStopping) return;
    const nowUs = this.#socket.nowUs();
    const since = nowUs === undefined ? [] : [`MONOTONIC_USEC=${String(nowUs)}`];
    this.#say('RELOADING=1', ...since, 'STATUS=reading the config again');
  }

  stopping(): void {
    this.#isStopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#say('STOPPING=1', 'STATUS=giving back what was taken');
  }

  async close(): Promise<void> {
    await Promise.race([this.#sending, delay(LAST_WAIT_MS, undefined, { ref: false })]);
  }

  readonly #look = (): void => {
    const text = textOf(this.#status());
    if (text === this.#shown || this.#unsent.length > 0) return;
    this.#shown = text;
    this.#say(`STATUS=${text}`);
  };

  readonly #live = (): void => {
    if (this.#unsent.length === 0 && this.#status().isAlive) this.#say('WATCHDOG=1');
  };

  #say(...lines: readonly string[]): void {
    this.#unsent.push(lines);
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  async #sendAll(): Promise<void> {
    for (let lines = this.#unsent[0]; lines !== undefined; lines = this.#unsent[0]) {
      try {
        await this.#socket.send(lines);
        this.#unsent.shift();
        this.#fault = undefined;
      } catch (error) {
        this.#failed(error);
        if (this.#isStopping) return;
        await delay(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  #failed(error: unknown): void {
    const [failure] = asRunError(error).failures;
    const { message: reason = 'unknown error', hint } = failure ?? {};
    if (reason !== this.#fault) this.#scope.log.write({ event: 'notify_failed', reason, hint });
    this.#fault = reason;
  }
}

/** What `systemctl status` shows. */
function textOf(status: HealthStatus): string {
  const { length } = status.secrets;
  const watching = `watching ${String(length)} ${length === 1 ? 'secret' : 'secrets'}`;
  return [watching, ...faultsOf(status)].map(harmlessLine).join('; ');
}
