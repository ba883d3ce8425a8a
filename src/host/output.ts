import type { CancelSignal } from '../base/cancellation.ts';

/** A stream that the process writes to. */
export interface Output {
  readonly isTTY: boolean;
  /**
   * Writes a text that must not be lost.
   * @throws RunError `output`
   */
  write(text: string): void;
}

/** stdout, whose content somebody asked for: what its reader has no room for yet is kept. */
export interface ResultOutput extends Output {
  /** @throws RunError `output` if it was closed before this process started */
  checkOpen(): void;
  /**
   * Resolves once everything has been written.
   * @throws the reason of the signal; RunError `output`
   */
  flush(signal: CancelSignal): Promise<void>;
}

/** Where a log goes. */
export interface LogOutput {
  /** Writes a line whole or not at all: a log never holds up the run. @returns false: it is lost */
  offer(line: string): boolean;
}
