/** The parts of a stream that this program uses. */
export interface Output {
  readonly isTTY: boolean;
  write(text: string): void;
}

/** A stream whose content somebody asked for. */
export interface ResultOutput extends Output {
  /** @throws RunError `output` if it was closed before this process started */
  checkOpen(): void;
}
