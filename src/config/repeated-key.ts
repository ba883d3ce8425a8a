import { endOfString } from '../base/depth.ts';

const QUOTE = 0x22;
const OPENING = 0x7b;
const CLOSING = 0x7d;
const COLON = /[ \t\n\r]*:/y;

/**
 * Where a JSON text has a key that its map has already: JSON.parse takes the last one without a word.
 * @param text that JSON.parse has taken
 * @returns undefined: nowhere
 */
export function repeatedKeyIn(text: string): number | undefined {
  const maps: Set<string>[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === OPENING) maps.push(new Set());
    else if (code === CLOSING) maps.pop();
    else if (code === QUOTE) {
      const end = endOfString(text, at);
      if (isFollowedByColon(text, end) && !isNew(maps.at(-1), text.slice(at, end + 1))) return at;
      at = end;
    }
  }
  return undefined;
}

function isFollowedByColon(text: string, end: number): boolean {
  COLON.lastIndex = end + 1;
  return COLON.test(text);
}

/** @param quoted as it is written: with escapes it may be a key that is known without them */
function isNew(keys: Set<string> | undefined, quoted: string): boolean {
  const key = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
  const isKnown = keys?.has(key) === true;
  keys?.add(key);
  return !isKnown;
}
