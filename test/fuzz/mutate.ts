/** A number from 0 to below `limit`. */
export type Pick = (limit: number) => number;

const ODD = [
  '\0',
  '\u007f',
  '\u0085',
  '\u00a0',
  '\u200b',
  '\u2028',
  '\u202e',
  '\ufeff',
  '\ud800',
  '\udc00',
  '😀',
  'é',
  'e\u0301',
  'ﬁ',
  '\r\n',
  '\t',
];

type Mutation = (text: string, others: readonly string[], pick: Pick) => string;

/** Positions are of UTF-16 units: halves of surrogate pairs are wanted. */
const MUTATIONS: readonly Mutation[] = [
  function remove(text, _, pick) {
    const [from, to] = span(text, pick);
    return text.slice(0, from) + text.slice(to);
  },
  function insert(text, words, pick) {
    const at = pick(text.length + 1);
    return text.slice(0, at) + (words[pick(words.length)] ?? '') + text.slice(at);
  },
  function insertOdd(text, _, pick) {
    const at = pick(text.length + 1);
    return text.slice(0, at) + (ODD[pick(ODD.length)] ?? '') + text.slice(at);
  },
  function replace(text, words, pick) {
    const [from, to] = span(text, pick);
    return text.slice(0, from) + (words[pick(words.length)] ?? '') + text.slice(to);
  },
  function repeat(text, _, pick) {
    const [from, to] = span(text, pick);
    const times = [2, 3, 10, 100, 1000][pick(5)] ?? 2;
    return text.slice(0, to) + text.slice(from, to).repeat(times) + text.slice(to);
  },
  function change(text, _, pick) {
    const at = pick(text.length + 1);
    return text.slice(0, at) + String.fromCharCode(pick(256)) + text.slice(at + 1);
  },
  function move(text, _, pick) {
    const [from, to] = span(text, pick);
    const rest = text.slice(0, from) + text.slice(to);
    const at = pick(rest.length + 1);
    return rest.slice(0, at) + text.slice(from, to) + rest.slice(at);
  },
];

function span(text: string, pick: Pick): readonly [number, number] {
  const from = pick(text.length + 1);
  return [from, Math.min(text.length, from + 1 + pick(pick(2) === 0 ? 4 : 60))];
}

const LONGEST = 100_000;

/** A text a few steps away from another. */
export function mutated(
  text: string,
  words: readonly string[],
  corpus: readonly string[],
  pick: Pick,
): string {
  let result = text;
  if (pick(10) === 0) {
    // The beginning of one, the end of another.
    const other = corpus[pick(corpus.length)] ?? '';
    result = result.slice(0, pick(result.length + 1)) + other.slice(pick(other.length + 1));
  }
  for (let step = 1 + pick(4); step > 0; step -= 1) {
    const mutation = MUTATIONS[pick(MUTATIONS.length)];
    if (mutation !== undefined) result = mutation(result, words, pick);
  }
  return result.slice(0, LONGEST);
}
