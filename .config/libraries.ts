import { existsSync, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { machineOf, readElf } from './elf.ts';

/** The packages of Debian that the libraries are of, whose licences must go with them. GCC's is that of libstdc++, too. */
export const PACKAGES_OF_LIBRARIES: readonly string[] = ['libc6', 'libgcc-s1'];

/** Where Debian and others have libraries: of several processors, of 64 bits, of one. */
const PLACES: readonly string[] = ['/lib', '/usr/lib'].flatMap((place) => [`${place}64`, place]);

/**
 * glibc loads it by its name when a thread ends by pthread_exit(3), and ends the process where it is missing: nothing that
 * a program says it needs.
 */
const LOADED_LATER: readonly string[] = ['libgcc_s.so.1'];

/**
 * What a program needs to be started on another root: its loader and libraries, each as the path where it is looked for and
 * the file that is found there.
 * @param base the root that they are taken from, which may be of another processor
 * @throws Error if one of them is missing there
 */
export function librariesOf(program: string, base: string): ReadonlyMap<string, string> {
  const { machine, interpreter, needed } = readElf(program);
  const found = new Map<string, string>();
  if (interpreter === undefined) return found;
  const loader = within(base, interpreter);
  if (!isFor(machine, loader)) throw new Error(`${base} has no loader ${interpreter} for ${program}`);
  found.set(interpreter, loader);
  // Libraries name the loader as one of theirs.
  const names = new Set([basename(interpreter)]);
  const open = [...needed, ...LOADED_LATER];
  for (const name of open) {
    if (names.has(name)) continue;
    names.add(name);
    const path = places(base)
      .map((place) => join(place, name))
      .find((place) => isFor(machine, within(base, place)));
    if (path === undefined) throw new Error(`${base} has no ${name} for ${program}`);
    const file = within(base, path);
    found.set(path, file);
    open.push(...readElf(file).needed);
  }
  return found;
}

/** Those of a processor first, as `/lib/aarch64-linux-gnu`. */
function places(base: string): string[] {
  return PLACES.flatMap((place) => {
    const directory = within(base, place);
    const own = existsSync(directory) ? readdirSync(directory) : [];
    return [...own.filter((name) => name.endsWith('-linux-gnu')).map((name) => join(place, name)), place];
  });
}

function isFor(machine: number, file: string): boolean {
  return existsSync(file) && machineOf(file) === machine;
}

/** The file of a root that a path names when the root is `/`: links there lead elsewhere when it is a directory. */
export function within(base: string, path: string): string {
  let known = '/';
  let open = path.split('/').filter((part) => part !== '');
  for (let links = 0; open.length > 0;) {
    const [part = '', ...rest] = open;
    const next = resolve(known, part);
    open = rest;
    if (lstatSync(join(base, next), { throwIfNoEntry: false })?.isSymbolicLink() !== true) {
      known = next;
      continue;
    }
    links += 1;
    if (links > 40) throw new Error(`${path} of ${base} is a circle of links`);
    open = [
      ...resolve(dirname(next), readlinkSync(join(base, next)))
        .split('/')
        .filter((name) => name !== ''),
      ...rest,
    ];
    known = '/';
  }
  return join(base, known);
}
