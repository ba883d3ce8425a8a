import type { Variable } from './variable.ts';

/** Shorter texts are words and numbers that every log has. */
const SHORTEST = 4;
/** A mask of these would black out the structure of every log. */
const PUNCTUATION = /^[\s{}[\](),:;"']*$/;
const STEPS_BETWEEN_CHECKS = 1000;
/** Flags: every log has these words. */
const WORD = /^(?:true|false|null)$/i;

/** False for a text that no log can do without. */
function isMaskable(text: string): boolean {
  return text.length >= SHORTEST && !WORD.test(text) && !PUNCTUATION.test(text);
}

/** The names of the variables whose values cannot be hidden. An empty value hides itself. */
export function unmaskable(variables: readonly Variable[]): string[] {
  return variables
    .filter(({ text, mask }) => mask && text.trim() !== '' && !isMaskable(text.trim()))
    .map(({ name }) => name);
}

/**
 * All texts that must be hidden in a job's log: each value as a whole and its parts, their lines, their trimmed form, and
 * all of them in the encodings that a log may show them in.
 * @param checkpoint is called between steps, and may throw
 */
export function masksOf(variables: readonly Variable[], checkpoint: () => void = noCheck): string[] {
  const masks = new Set<string>();
  const add = (mask: string): void => {
    // Half of a surrogate pair has no bytes: only JSON can show it.
    if (isMaskable(mask) && mask.isWellFormed()) masks.add(mask);
  };
  const texts = variables.filter(({ mask }) => mask).flatMap(({ text, parts }) => [text, ...parts]);
  let steps = 0;
  for (const text of new Set(texts)) {
    for (const form of new Set([text, text.trim(), ...text.split(/\r\n|\r|\n/), ...leavesOf(text)])) {
      steps += 1;
      if (steps % STEPS_BETWEEN_CHECKS === 0) checkpoint();
      if (isMaskable(form)) for (const mask of [form, ...encodingsOf(form)]) add(mask);
    }
  }
  checkpoint();
  // The longest first: a runner that replaces one after the other would leave the rest of a longer one.
  return [...masks].sort((a, b) => b.length - a.length);
}

function noCheck(): void {
  // Nothing can end it.
}

function encodingsOf(text: string): string[] {
  const isPlain = /^[\w.~-]*$/.test(text);
  const escaped = isPlain ? [] : [JSON.stringify(text).slice(1, -1)];
  if (!text.isWellFormed()) return escaped;
  return [Buffer.from(text).toString('base64'), ...(isPlain ? [] : [encodeURIComponent(text)]), ...escaped];
}

/** The texts within a structured value: a log may show them alone. */
function leavesOf(text: string): string[] {
  if (!/^\s*[{[]/.test(text)) return [];
  try {
    return textsIn(JSON.parse(text));
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
