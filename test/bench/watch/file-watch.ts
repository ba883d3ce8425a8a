import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunningSidecar } from './sidecars.ts';

const LOOK_EVERY_MS = 10;

/** @throws Error if it does not hold in time */
export async function waitUntil(what: string, holds: () => boolean, withinMs: number): Promise<void> {
  for (const endMs = performance.now() + withinMs; !holds();) {
    if (performance.now() > endMs) throw new Error(`${what}: not within ${String(withinMs / 1000)} s`);
    await delay(LOOK_EVERY_MS);
  }
}

/** All its files are there. */
export async function untilWritten(
  running: RunningSidecar,
  files: readonly string[],
  withinMs = 60_000,
): Promise<void> {
  const { directory } = running;
  const areThere = (): boolean => files.every((file) => existsSync(join(directory, file)));
  await waitUntil('the files', areThere, withinMs).catch((error: unknown) => {
    throw new Error(running.lastWord(), { cause: error });
  });
}

export function contentOf({ directory }: RunningSidecar, file: string): string {
  return readFileSync(join(directory, file), 'utf8');
}

/** Counts how often a file is written, in place or by another one, until it is disposed of. */
export function countWrites(path: string): { readonly writes: number } & Disposable {
  const markOf = (): string => {
    try {
      const { ino, mtimeNs } = statSync(path, { bigint: true });
      return `${String(ino)} ${String(mtimeNs)}`;
    } catch {
      // Just being replaced by whoever does not rename.
      return mark;
    }
  };
  let mark = '';
  let writes = 0;
  mark = markOf();
  const timer = setInterval(() => {
    const now = markOf();
    if (now !== mark) writes += 1;
    mark = now;
  }, LOOK_EVERY_MS);
  return {
    get writes() {
      return writes;
    },
    [Symbol.dispose]() {
      clearInterval(timer);
    },
  };
}
