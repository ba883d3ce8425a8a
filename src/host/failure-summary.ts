import type { Failure } from '../base/errors.ts';

/** Of the whole, in JSON. The kubelet shows the last 2048 bytes of a log, and a line of JSON says it twice. */
const MOST_BYTES = 720;
/** Of one failure, in characters. */
const LONGEST = 240;

/**
 * The first failures in a line that says enough without the lines before it.
 * @param failures the most important first
 */
export function failureSummary(failures: readonly Failure[]): string {
  const shown: string[] = [];
  let room = MOST_BYTES;
  for (const { where, message } of failures) {
    const line = shortened(where === undefined ? message : `${where}: ${message}`, LONGEST);
    room -= Buffer.byteLength(JSON.stringify(line));
    if (room < 0 && shown.length > 0) break;
    shown.push(line);
  }
  const more = failures.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${String(more)} more`] : [])].join('; ');
}

/** @param most characters */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  // Half of a character outside the BMP is none.
  return `${text.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
