/** A stream as far as this program uses one. */
export interface Output {
  readonly isTTY: boolean;
  write(text: string): void;
}
