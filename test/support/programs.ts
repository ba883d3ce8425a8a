import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startsPrograms } from './places.ts';

/** The programs that tests write. */
export interface Programs {
  /** @param path below the root */
  write(path: string, content: string | Uint8Array, mode: number): void;
  remove(): void;
}

/** @param root what they are below: where nothing can be started from there, they are links to what is elsewhere */
export function createPrograms(root: string): Programs {
  let elsewhere: string | undefined;
  const target = (path: string): string => {
    elsewhere ??= startsPrograms(root) ? root : mkdtempSync(join(tmpdir(), 'vaultonce-programs-'));
    return path.replace(root, elsewhere);
  };
  return {
    write(path, content, mode) {
      const program = target(path);
      mkdirSync(dirname(program), { recursive: true });
      writeFileSync(program, content, { mode });
      if (program === path) return;
      rmSync(path, { force: true });
      symlinkSync(program, path);
    },
    remove() {
      if (elsewhere !== undefined) rmSync(elsewhere, { recursive: true, force: true });
    },
  };
}
