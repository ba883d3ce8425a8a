const WHITE = /[ \t\n\r]*/y;
/** A string as far as it is one: its closing quote is looked for afterwards. */
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
const PLAIN = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y;

/**
 * Where a text stops being JSON (RFC 8259). The messages of JSON.parse differ between runtimes, give a position for some
 * mistakes only, and quote the text.
 */
export function positionOfJsonError(text: string): number {
  let position = 0;
  const isAt = (pattern: RegExp): boolean => {
    pattern.lastIndex = position;
    if (!pattern.test(text)) return false;
    position = pattern.lastIndex;
    return true;
  };
  const isNext = (character: string): boolean => {
    isAt(WHITE);
    if (text[position] !== character) return false;
    position += 1;
    return true;
  };
  const isString = (): boolean => {
    isAt(WHITE);
    if (!isAt(STRING) || text[position] !== '"') return false;
    position += 1;
    return true;
  };
  const isList = (closing: string, isEntry: () => boolean): boolean => {
    if (isNext(closing)) return true;
    do if (!isEntry()) return false;
    while (isNext(','));
    return isNext(closing);
  };
  const isValue = (): boolean => {
    if (isNext('{')) return isList('}', () => isString() && isNext(':') && isValue());
    if (isNext('[')) return isList(']', isValue);
    return text[position] === '"' ? isString() : isAt(PLAIN);
  };
  if (isValue()) isAt(WHITE);
  return position;
}
