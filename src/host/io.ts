import type { CancelSignal } from '../base/cancellation.ts';
import type { Output, ResultOutput } from './output.ts';
import type { Scope } from './scope.ts';

/** The parts of the process that this program uses. Built once, by main. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdout: ResultOutput;
  readonly stderr: Output;
  /** @returns undefined for more bytes than the largest @throws the reason of the signal */
  readStdin(largest: number, signal: CancelSignal): Promise<Buffer | undefined>;
  /** The scope of all work: SIGINT and SIGTERM end it. */
  readonly scope: Scope;
}
