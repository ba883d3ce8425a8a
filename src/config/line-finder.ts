/**
 * Finds the line, from 1, of an offset in a text. The starts of lines are looked for at the first question.
 * @returns undefined for an offset that is unknown
 */
export function lineFinder(text: string): (offset: number | undefined) => number | undefined {
  let starts: readonly number[] | undefined;
  return (offset) => (offset === undefined ? undefined : lineAt((starts ??= lineStartsOf(text)), offset));
}

function lineStartsOf(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(lineStarts: readonly number[], offset: number): number {
  let low = 0;
  let high = lineStarts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((lineStarts[middle] ?? Infinity) <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}
