import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

/** Much longer than anything takes here; what hangs fails its test then. */
const PATIENCE_MS = 25_000;

/** Waits for something that comes about by itself. @param what for the message */
export const until = untilWithin(PATIENCE_MS);

/** The same with another limit. */
export function untilWithin(
  milliseconds: number,
): (what: string, holds: () => boolean | Promise<boolean>) => Promise<void> {
  return async (what, holds) => {
    for (const endMs = Date.now() + milliseconds; !(await holds());) {
      assert.ok(Date.now() < endMs, `${what} in ${String(milliseconds)} ms`);
      await delay(50);
    }
  };
}
