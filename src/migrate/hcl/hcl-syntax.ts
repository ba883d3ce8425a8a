/** Where a text in HCL or JSON does not parse. Nothing of it is quoted. */
export class HclSyntaxError extends Error {
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

/** A value, with the line where it starts. */
export type HclValue =
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly line: number;
      /** The line of its first character, and whether its lines are those of the file: a heredoc. */
      readonly firstLine: number;
      readonly isVerbatim: boolean;
    }
  | { readonly kind: 'number'; readonly text: string; readonly line: number }
  | { readonly kind: 'boolean'; readonly isTrue: boolean; readonly line: number }
  | { readonly kind: 'null'; readonly line: number }
  | { readonly kind: 'list'; readonly items: readonly HclValue[]; readonly line: number }
  | HclObject;

/** An object or a block. A key may be there more than once: blocks repeat. */
export interface HclObject {
  readonly kind: 'object';
  readonly entries: readonly HclEntry[];
  readonly line: number;
}

export interface HclEntry {
  readonly key: string;
  readonly value: HclValue;
  readonly line: number;
}
