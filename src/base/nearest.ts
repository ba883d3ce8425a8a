import { closest, distance } from 'fastest-levenshtein';

/** The name that was probably meant; undefined when nothing is close. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const candidate = closest(name, [...known]);
  // A third of the letters: `adress` is close to `address`, `port` is not close to `path`.
  const isClose = distance(name, candidate) <= Math.max(1, Math.floor(name.length / 3));
  return isClose || sorted(name) === sorted(candidate) ? candidate : undefined;
}

/** The letters in alphabetical order, the same for `bd` and `db`. */
function sorted(name: string): string {
  return name.split('').sort().join('');
}

/** More are no help. */
const MOST_NAMES = 50;

/** A hint with the nearest name and all known ones: `did you mean …?`. */
export function nearestHint(name: string, known: readonly string[], noun: string): string | undefined {
  if (known.length === 0) return undefined;
  const candidate = nearest(name, known);
  const question = candidate === undefined ? '' : `did you mean \`${candidate}\`? `;
  const more = known.length - MOST_NAMES;
  const rest = more > 0 ? ` and ${String(more)} more` : '';
  return `${question}known ${noun}s: ${known.slice(0, MOST_NAMES).join(', ')}${rest}`;
}
