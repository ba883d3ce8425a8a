import type { Lifetime } from './lifetime.ts';
import type { Log } from './log.ts';
import type { Output } from './output.ts';

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
