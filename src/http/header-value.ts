/** What every header carries as it is: most values, so that they cost nothing. */
const PLAIN = /^(?:[!-~](?:[ -~]*[!-~])?)?$/;
/** RFC 9110 §5.5: no control characters, and white space around a value is no part of it. */
const NOT_CARRIED = /[\0-\x08\n-\x1f\x7f]|^[\t ]|[\t ]$/;

/**
 * A text as the value of a header: its UTF-8 bytes, each of them as a character, which is how every HTTP client takes them.
 * Given characters above U+00FF, axios drops them, Node's HTTP/2 cuts them off and Bun throws, and those from U+0080 go out as Latin-1.
 * @returns undefined: no header carries it unchanged
 */
export function headerValueOf(text: string): string | undefined {
  if (PLAIN.test(text)) return text;
  if (NOT_CARRIED.test(text) || !text.isWellFormed()) return undefined;
  return Buffer.from(text, 'utf8').toString('latin1');
}
