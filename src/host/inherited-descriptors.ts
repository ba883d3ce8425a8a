import { readdirSync, readlinkSync } from 'node:fs';
import { functionsOfC, textsForC } from './c-library.ts';

/** What a parent has given to this process beside its streams, for the program that it becomes. */

const F_SETFD = 2;
const FD_CLOEXEC = 1;

let inherited: ReadonlySet<string> = new Set();

/** Only true before anything is opened: until then the runtime has nothing but what it waits with. */
export function noteInherited(): void {
  inherited = new Set(openDescriptors().filter((name) => !targetOf(name).startsWith('anon_inode:')));
}

/** Becomes a program that has them, too; returns if there are none, or where it cannot. Bun's own way would close them. */
export function becomeHeir(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): void {
  if (inherited.size === 0) return;
  const c = functionsOfC({
    fcntl: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
    execve: { args: ['ptr', 'ptr', 'ptr'], returns: 'i32' },
  });
  if (c === undefined) return;
  for (const name of openDescriptors()) c.fcntl(Number(name), F_SETFD, inherited.has(name) ? 0 : FD_CLOEXEC);
  const variables = Object.entries(env).map(([name, value = '']) => `${name}=${value}`);
  c.execve(Buffer.from(`${file}\0`), textsForC(args), textsForC(variables));
}

/** Beside the three streams. */
function openDescriptors(): readonly string[] {
  return readdirSync('/proc/self/fd').filter((name) => Number(name) > 2);
}

/** Of the listing itself, which is closed by now, there is none. */
function targetOf(name: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${name}`);
  } catch {
    return 'anon_inode:';
  }
}
