/** The command line, as far as completion needs it. */
export interface CommandShape {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionShape[];
  readonly argument: ArgumentShape;
}

export interface OptionShape {
  /** `--log-level` */
  readonly long: string;
  /** `-q` */
  readonly short: string | undefined;
  readonly description: string;
  readonly repeats: boolean;
  /** Undefined: it takes none. */
  readonly value: ValueShape | undefined;
}

export interface ValueShape {
  /** `level` */
  readonly name: string;
  /** What it can be; none for files and free text. */
  readonly choices: readonly string[];
}

export type ArgumentShape =
  | { readonly kind: 'none' }
  | { readonly kind: 'text' }
  /** A command of the system, with arguments of its own. */
  | { readonly kind: 'command' }
  | { readonly kind: 'choices'; readonly choices: readonly string[] };

/** In single quotes, as bash and zsh read them. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
