/** The parts of a stream that this program uses. */
export interface Output {
  readonly isTTY: boolean;
  write(text: string): void;
}
