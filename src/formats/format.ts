import type { KeyValues } from '../base/secret-data.ts';
import type { Secret } from '../base/secret.ts';
import type { Part } from './parts.ts';

export interface FormatOptions {
  /** `raw` only. */
  readonly key: string | undefined;
  readonly decode: 'base64' | 'hex' | undefined;
  /** The keys are of a tree: `folder/secret/key`. */
  readonly tree?: boolean | undefined;
  /** `pem` and `pkcs12`: what is written, in this order. Undefined: all that there is. */
  readonly parts?: readonly Part[] | undefined;
  /** `pkcs12` only, as is what follows. */
  readonly password?: Secret | undefined;
  readonly friendlyName?: string | undefined;
}

/** Makes what takes long. It is called when no output has a problem, and has none itself. */
export type Later = () => Promise<Uint8Array>;

/** One file of a format, below the target when the format writes a directory. */
export interface FormattedFile<Content = Uint8Array> {
  /** Undefined: the target itself. */
  readonly name: string | undefined;
  readonly content: Content;
}

/** A value or key name that the format cannot carry. `reason` never holds the value. */
export interface FormatProblem {
  readonly key: string;
  readonly reason: string;
  readonly hint?: string;
}

export type Formatted<Content = Uint8Array> =
  | { readonly files: readonly FormattedFile<Content>[]; readonly problems?: undefined }
  | { readonly problems: readonly FormatProblem[] };

/** How keys become a file. Pure; to add one: one file, and one line in the index. */
export interface Format<Content = Uint8Array> {
  readonly name: string;
  readonly target: 'file' | 'directory';
  /**
   * What the slashes in the keys of a tree become: objects, directories, or another character, because names can't
   * have them. Undefined: they stay.
   */
  readonly nesting?: 'objects' | 'directories' | '_' | '.';
  render(values: KeyValues, options: FormatOptions): Formatted<Content>;
}
