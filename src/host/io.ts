import type { Lifetime } from './lifetime.ts';
import type { Log } from './log.ts';

/** A stream as far as this program uses one. */
export interface Output {
  readonly isTTY: boolean;
  write(text: string): void;
}

/** Every effect that is not a file or a request. Built once, by main. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly pid: number;
  readonly stdout: Output;
  readonly stderr: Output;
  readStdin(): Promise<string>;
  /** Milliseconds on a monotonic clock whose zero is the start of the process. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  /** What ends a run early: its deadline, SIGINT, SIGTERM. */
  readonly lifetime: Lifetime;
  readonly log: Log;
}
