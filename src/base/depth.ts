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
  // The usual text has too few for that. The runtime counts them much faster than the loop below, which starts slowly, too.
  if (text.length <= DEEPEST || !opensOften(text)) return false;
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

function opensOften(text: string): boolean {
  let left = DEEPEST;
  for (const bracket of '[{') {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      left -= 1;
      if (left < 0) return true;
    }
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
export function endOfString(text: string, start: number): number {
  let at = text.indexOf('"', start + 1);
  while (at !== -1 && isEscaped(text, at)) at = text.indexOf('"', at + 1);
  return at === -1 ? text.length : at;
}

/** By an odd number of backslashes. */
function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
}
