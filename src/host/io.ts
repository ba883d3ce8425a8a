import type { Output } from './output.ts';
import type { Scope } from './scope.ts';

/** The process, as far as this program uses it. Built once, by main. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdout: Output;
  readonly stderr: Output;
  readStdin(): Promise<string>;
  /** What all work is part of: it ends with SIGINT and SIGTERM. */
  readonly scope: Scope;
}
