/** A part of a Mustache template that is being made. Names are known once all templates have been read. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  /** `{{name}}` */
  | { readonly kind: 'name'; readonly name: () => string }
  /** `{{#name}}`, `{{^name}}` */
  | {
      readonly kind: 'open';
      readonly name: () => string;
      readonly inverted: boolean;
      readonly column?: number;
    }
  | { readonly kind: 'close'; readonly name: () => string }
  /** `${NAME:-}`, which the config replaces in an inline template. */
  | { readonly kind: 'environment'; readonly name: string }
  /** An action that has no counterpart, as it was. */
  | { readonly kind: 'kept'; readonly source: string };

export function textPiece(text: string): Piece {
  return { kind: 'text', text };
}

/** Pieces within a section. */
export function section(name: () => string, inner: readonly Piece[], inverted = false): Piece[] {
  return [{ kind: 'open', name, inverted }, ...inner, { kind: 'close', name }];
}

/** Pieces whose text an encoding such as `@json` takes. */
export function encoded(encoding: string, inner: readonly Piece[], column?: number): Piece[] {
  const name = (): string => encoding;
  return [
    { kind: 'open', name, inverted: false, ...(column === undefined ? {} : { column }) },
    ...inner,
    { kind: 'close', name },
  ];
}
