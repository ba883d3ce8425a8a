/** What an encoding makes of a text or value; `problem` says why it cannot carry it, and never quotes it. */
export type Encoded = { readonly text: string } | { readonly problem: string };

export const HALF_PAIR = 'the text has half of a surrogate pair, which no Unicode text has';

/** Puts encoded parts together; the first problem among them is that of the whole. */
export function combine(parts: readonly Encoded[], join: (texts: readonly string[]) => string): Encoded {
  const texts: string[] = [];
  for (const part of parts) {
    if ('problem' in part) return part;
    texts.push(part.text);
  }
  return { text: join(texts) };
}

/** `\u0085`; a character beyond the BMP gives two of them when its halves come one by one. */
export function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * A double-quoted string on one line, in the escapes that JSON, YAML 1.1 and 1.2 and TOML have in common. JSON leaves
 * these as they are: YAML takes NEL, LS and PS for line breaks, and DEL and C1 for unprintable; TOML refuses DEL.
 */
export function quotedString(text: string): Encoded {
  if (!text.isWellFormed()) return { problem: HALF_PAIR };
  const escaped = JSON.stringify(text);
  return { text: escaped.replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, unicodeEscape) };
}
