/**
 * Unicode's category Cc. `\p{Cc}` would say so, but the first such pattern makes V8 load Unicode's tables, which takes longer
 * than reading the config.
 */
const CONTROL_CHARACTER = /[\0-\x1f\x7f-\x9f]/;

/** Whether a text contains a control character. */
export function hasControlCharacter(text: string): boolean {
  return CONTROL_CHARACTER.test(text);
}
