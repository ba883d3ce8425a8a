import { nestsTooDeep } from '../../base/depth.ts';
import { looksStructured, parseJson } from '../../base/lossless-json.ts';
import { isRawJsonNumber, textOf, type JsonValue } from '../../base/secret-data.ts';
import type { Variable } from './variable.ts';

/** Shorter texts are words and numbers that every log has. */
const SHORTEST = 4;
/** A mask of these would black out the structure of every log. */
const PUNCTUATION = /^[\s{}[\](),:;"']*$/;
const STEPS_BETWEEN_CHECKS = 1000;
/** Of JSON texts within each other: nobody writes more, and each reads all that is inside once more. */
const DEEPEST_JSON = 5;
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
 * All texts that must be hidden in a job's log: each value as a whole and its parts, their lines, their trimmed form, what is
 * inside if they are JSON, and all of them in the encodings that a log may show them in.
 * @param checkpoint is called between steps, and may throw
 */
export function masksOf(variables: readonly Variable[], checkpoint: () => void = noCheck): string[] {
  const masks = new Set<string>();
  const add = (mask: string): void => {
    // Half of a surrogate pair has no bytes: only JSON can show it.
    if (isMaskable(mask) && mask.isWellFormed()) masks.add(mask);
  };
  const texts = variables.filter(({ mask }) => mask).flatMap(({ text, parts }) => [text, ...parts]);
  const forms = new Set<string>();
  let steps = 0;
  for (const form of formsOf(texts, DEEPEST_JSON)) {
    steps += 1;
    if (steps % STEPS_BETWEEN_CHECKS === 0) checkpoint();
    if (forms.has(form) || !isMaskable(form)) continue;
    forms.add(form);
    for (const mask of [form, ...encodingsOf(form)]) add(mask);
  }
  checkpoint();
  // The longest first: a runner that replaces one after the other would leave the rest of a longer one.
  return [...masks].sort((a, b) => b.length - a.length);
}

/**
 * Each text, its trimmed form and its lines, and the same of the texts inside.
 * @param levels how many JSON texts to open, one within the other
 */
function* formsOf(texts: readonly string[], levels: number): Generator<string> {
  for (const text of new Set(texts)) {
    yield text;
    yield text.trim();
    yield* text.split(/\r\n|\r|\n/);
    if (levels > 0) yield* formsOf(leavesOf(text), levels - 1);
  }
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

/** The texts and numbers within a structured value: a log may show them alone. */
function leavesOf(text: string): string[] {
  if (!looksStructured(text)) return [];
  try {
    // Only the parser itself, which loses digits, walks what nests deeper.
    return leavesIn((nestsTooDeep(text) ? JSON.parse(text) : parseJson(text)) as JsonValue);
  } catch {
    return [];
  }
}

/** However deep they are: what a secret holds has no limit. */
function leavesIn(root: JsonValue): string[] {
  const leaves: string[] = [];
  const rest = [root];
  for (let value = rest.pop(); value !== undefined; value = rest.pop()) {
    if (typeof value === 'object' && value !== null && !isRawJsonNumber(value))
      for (const inner of Object.values(value)) rest.push(inner);
    else leaves.push(textOf(value));
  }
  return leaves;
}
