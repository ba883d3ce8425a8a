import type { Variable } from './variable.ts';

/** Shorter lines are words that every log has. */
const SHORTEST_LINE = 4;
/** A mask of these would black out the structure of every log. */
const PUNCTUATION = /^[\s{}[\](),:;"']*$/;

/**
 * All texts that must be hidden in a job's log: each value as a whole, its lines, its trimmed form, and both in the
 * encodings that a log may show it in.
 */
export function masksOf(variables: readonly Variable[]): string[] {
  const masks = new Set<string>();
  for (const { text } of variables) {
    const lines = text.split(/\r\n|\r|\n/).filter((line) => line.length >= SHORTEST_LINE);
    for (const form of [text, text.trim(), ...lines, ...leavesOf(text)]) {
      for (const mask of [form, ...encodingsOf(form)]) if (!PUNCTUATION.test(mask)) masks.add(mask);
    }
  }
  // The longest first: a runner that replaces one after the other would leave the rest of a longer one.
  return [...masks].sort((a, b) => b.length - a.length);
}

function encodingsOf(text: string): string[] {
  if (text.length < SHORTEST_LINE) return [];
  return [Buffer.from(text).toString('base64'), encodeURIComponent(text), JSON.stringify(text).slice(1, -1)];
}

/** The texts within a structured value: a log may show them alone. */
function leavesOf(text: string): string[] {
  if (!/^\s*[{[]/.test(text)) return [];
  try {
    return textsIn(JSON.parse(text)).filter((leaf) => leaf.length >= SHORTEST_LINE);
  } catch {
    return [];
  }
}

/** However deep they are: what a secret holds has no limit. */
function textsIn(root: unknown): string[] {
  const texts: string[] = [];
  const rest = [root];
  while (rest.length > 0) {
    const value = rest.pop();
    if (typeof value === 'string') texts.push(value);
    else if (typeof value === 'object' && value !== null)
      for (const inner of Object.values(value) as unknown[]) rest.push(inner);
  }
  return texts;
}
