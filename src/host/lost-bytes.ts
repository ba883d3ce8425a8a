import { readFileSync } from 'node:fs';

/** What Node and Bun make of bytes that are not UTF-8, and pass on to other programs. */
const REPLACED = '\uFFFD';

/**
 * Which of the last arguments of this process are not what it was started with. Empty without /proc.
 * @returns their positions
 */
export function changedArguments(last: readonly string[]): readonly number[] {
  if (!last.some((text) => text.includes(REPLACED))) return [];
  const all = stringsOf('/proc/self/cmdline');
  const given = all.slice(-last.length);
  return [...last.keys()].filter((index) => given[index] !== undefined && isChanged(given[index]));
}

/** The names of variables that are not what this process was started with. Empty without /proc. */
export function changedVariables(env: Readonly<Record<string, string>>): readonly string[] {
  if (!Object.entries(env).some((pair) => pair.join('').includes(REPLACED))) return [];
  const changed = stringsOf('/proc/self/environ').filter(isChanged).map(nameOf);
  return [...new Set(changed)].filter((name) => Object.hasOwn(env, name));
}

function nameOf(variable: Buffer): string {
  return variable.toString().split('=', 1).join();
}

function isChanged(bytes: Buffer): boolean {
  return !Buffer.from(bytes.toString()).equals(bytes);
}

/** What ends in a NUL byte each. */
function stringsOf(file: string): readonly Buffer[] {
  try {
    const strings = readFileSync(file, 'latin1').split('\0').slice(0, -1);
    return strings.map((text) => Buffer.from(text, 'latin1'));
  } catch {
    return [];
  }
}
