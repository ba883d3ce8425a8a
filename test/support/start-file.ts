import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Workspace } from './workspace.ts';

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** As PATH: this Node. */
export const NODE = dirname(process.execPath);
/** As PATH: nothing is found there. */
export const NOWHERE = '/nonexistent';

/** Starts a file as the kernel does, or a shell on it. */
export function startFile(
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
): Ran {
  const { status, stdout, stderr, error } = spawnSync(program, args, { env, encoding: 'utf8' });
  if (error !== undefined) throw error;
  return { code: status, stdout, stderr };
}

/** As PATH: the programs that the launcher may need, and no Node. */
export function programsWithoutNode(workspace: Workspace): string {
  const directory = workspace.path('programs');
  mkdirSync(directory, { recursive: true });
  for (const name of ['uname', 'readlink']) {
    const program = ['/usr/bin', '/bin'].map((place) => join(place, name)).find(existsSync);
    if (program !== undefined && !existsSync(join(directory, name)))
      symlinkSync(program, join(directory, name));
  }
  return directory;
}
