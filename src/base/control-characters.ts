/**
 * Whether a text contains a control character, Unicode's category Cc. A regular expression with `\p{Cc}` would be shorter,
 * but the first one makes V8 load Unicode's tables, which takes longer than reading the config.
 */
export function hasControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  }
  return false;
}
