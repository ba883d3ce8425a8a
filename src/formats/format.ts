import type { KeyValues } from '../secrets.ts';

export interface FormatOptions {
  /** `raw` only. */
  readonly key: string | undefined;
  readonly decode: 'base64' | 'hex' | undefined;
  /** The keys are of a tree: `folder/secret/key`. */
  readonly tree?: boolean | undefined;
}

/** One file of a format, below the target when the format writes a directory. */
export interface FormattedFile {
  /** Undefined: the target itself. */
  readonly name: string | undefined;
  readonly content: Uint8Array;
}

/** A value or key name that the format cannot carry. `reason` never holds the value. */
export interface FormatProblem {
  readonly key: string;
  readonly reason: string;
  readonly hint?: string;
}

export type Formatted =
  | { readonly files: readonly FormattedFile[]; readonly problems?: undefined }
  | { readonly problems: readonly FormatProblem[] };

/** How keys become a file. Pure; to add one: one file, and one line in the index. */
export interface Format {
  readonly name: string;
  readonly target: 'file' | 'directory';
  /**
   * What the slashes in the keys of a tree become: objects, directories, or another character, because names can't
   * have them. Undefined: they stay.
   */
  readonly nesting?: 'objects' | 'directories' | '_' | '.';
  render(values: KeyValues, options: FormatOptions): Formatted;
}
