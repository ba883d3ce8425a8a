import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

/** Much longer than anything takes here; what hangs fails its test then. */
const PATIENCE_MS = 25_000;

/** Waits for something that comes about by itself. @param what for the message */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + PATIENCE_MS; !(await holds());) {
    assert.ok(Date.now() < endMs, `${what} in ${String(PATIENCE_MS)} ms`);
    await delay(50);
  }
}
