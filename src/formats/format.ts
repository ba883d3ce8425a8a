import type { KeyValues } from '../base/secret-data.ts';
import type { Secret } from '../base/secret.ts';
import type { Field, ObjectDefinition } from '../shape/definition.ts';
import type { Ref } from '../shape/ref.ts';

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

/** A secret that a format needs besides the keys, such as a password. */
export interface FormatInput<Value> {
  /** `render` gets it by this name; its options are NAME, NAME_file and NAME_value. */
  readonly name: string;
  /** For messages: `the password of the key store`. */
  readonly what: string;
  readonly source: InputSource<Value>;
}

export type InputSource<Value> =
  | { readonly kind: 'given'; readonly secret: Secret }
  | { readonly kind: 'file'; readonly path: string }
  /** A value that is fetched. */
  | { readonly kind: 'value'; readonly value: Value };

/** What a format gets besides values and options. */
export interface FormatContext {
  /** The keys are of a tree: `folder/secret/key`. */
  readonly tree?: boolean;
  /** By name. */
  readonly inputs?: ReadonlyMap<string, Secret>;
}

/** Of a format without options. */
export type NoOptions = Readonly<Record<string, never>>;

/** How keys become a file. Pure; to add one: one file, and one line in the index. */
export interface Format<Options = NoOptions, Content = Uint8Array> {
  readonly name: string;
  /** What it is, in a sentence for editors. */
  readonly about: string;
  readonly target: 'file' | 'directory';
  /**
   * What the slashes in the keys of a tree become: objects, directories, or another character, because names can't
   * have them. Undefined: they stay.
   */
  readonly nesting?: 'objects' | 'directories' | '_' | '.';
  /**
   * The keys of the config that outputs of this format have besides those of all outputs. Their descriptions follow
   * `For NAME: `. Formats may share one, such as `parts`: it is the same member in both.
   */
  readonly options?: ObjectDefinition & Field<Options>;
  /** The option that chooses this format where none is named. */
  readonly impliedBy?: string;
  /** Only of a format whose file is the value of a single key: which. Such a format takes one secret, and no `keys`. */
  keyOf?(options: Options): string;
  inputs?(options: Options): readonly FormatInput<Ref>[];
  render(values: KeyValues, options: Options, context: FormatContext): Formatted<Content>;
}

/** A format whose options are not known. */
export type AnyFormat = Format<unknown, Uint8Array | Later>;
