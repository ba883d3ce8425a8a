const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** The limit of Go, whose durations are 2^63 - 1 ns at most: no server takes more. */
export const LONGEST_MS = 9_223_372_036_854;
/** The limit of setTimeout, which fires at once beyond it: 24 days and 20.5 hours. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * A duration as Vault writes it: `90s`, `1h30m`, `500ms`, or a number of seconds.
 * https://openbao.org/docs/concepts/duration-format/
 * @returns milliseconds; undefined for anything else, and for durations that are not positive
 */
export function parseDuration(text: string): number | undefined {
  return parseWait(text) || undefined;
}

/** The same, or 0 for none. */
export function parseWait(text: string): number | undefined {
  const trimmed = text.trim();
  const milliseconds = /^\d+(?:\.\d+)?$/.test(trimmed) ? Number(trimmed) * 1000 : sumOfParts(trimmed);
  return milliseconds !== undefined && milliseconds <= LONGEST_MS ? milliseconds : undefined;
}

/** The same as `parseDuration`, of what a timer waits for. */
export function parseTimeLimit(text: string): number | undefined {
  const milliseconds = parseDuration(text);
  return milliseconds !== undefined && milliseconds <= LONGEST_TIMER_MS ? milliseconds : undefined;
}

function sumOfParts(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|s|m|h|d)/g)) {
    sum += Number(amount) * (UNIT_MS[unit ?? ''] ?? NaN);
  }
  return sum;
}
