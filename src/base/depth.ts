/**
 * The deepest nesting of a config, of fixtures and of an answer. Whatever walks a value calls itself for each level, and
 * the stack ends after a few thousand. https://developer.hashicorp.com/vault/docs/configuration/listener/tcp stops at 300.
 */
export const DEEPEST = 500;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `[`, `{` and `]`, `}` differ in one bit only. */
const CASE = 0x20;
const OPENING = 0x7b;
const CLOSING = 0x7d;

/** Whether the brackets of a JSON text nest too deep, closed or not: found out without a call for each level. */
export function nestsTooDeep(text: string): boolean {
  // The usual answer is too short for that.
  if (text.length <= DEEPEST) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
    } else if ((code | CASE) === OPENING) {
      depth += 1;
      if (depth > DEEPEST) return true;
    } else if ((code | CASE) === CLOSING) depth -= 1;
  }
  return false;
}

/** Whether a value nests too deep: one that YAML's aliases have made contains itself. */
export function isTooDeep(value: unknown, known = new Map<unknown, number>(), depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth > DEEPEST) return true;
  // What aliases repeat is looked at again only if it stands deeper now.
  if ((known.get(value) ?? -1) >= depth) return false;
  known.set(value, depth);
  return Object.values(value).some((inner) => isTooDeep(inner, known, depth + 1));
}

/** @param start of its opening quote @returns the place of its closing one */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}
