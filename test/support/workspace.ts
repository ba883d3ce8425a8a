import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { memoryDirectory } from './places.ts';
import { createPrograms } from './programs.ts';

/** A file or directory as it is, to compare with what it becomes. */
export interface Snapshot {
  readonly [path: string]: {
    readonly mode: string;
    readonly uid: number;
    readonly gid: number;
    readonly mtimeNs: string;
    readonly content: string;
  };
}

/** A directory of a test's own, in memory. */
export interface Workspace {
  readonly root: string;
  path(...names: string[]): string;
  /** Writes a file, directories included, and returns its path. */
  write(name: string, content: string | Uint8Array, mode?: number): string;
  read(name: string): string;
  mode(name: string): string;
  /** Everything below a directory, byte for byte. */
  snapshot(name?: string): Snapshot;
  /** The names of everything below a directory, hidden files included. */
  list(name?: string): string[];
  /** Removes everything in it. */
  clear(): void;
  remove(): void;
}

export function createWorkspace(parent = memoryDirectory()): Workspace {
  const root = mkdtempSync(join(parent, 'vaultonce-test-'));
  const path = (...names: string[]): string => join(root, ...names);
  const programs = createPrograms(root);
  const remove = (): void => {
    process.off('exit', remove);
    rmSync(root, { recursive: true, force: true });
    programs.remove();
  };
  process.once('exit', remove);
  return {
    root,
    path,
    write(name, content, mode = 0o644) {
      mkdirSync(dirname(path(name)), { recursive: true });
      if ((mode & 0o111) === 0) writeFileSync(path(name), content, { mode });
      else programs.write(path(name), content, mode);
      return path(name);
    },
    read: (name) => readFileSync(path(name), 'utf8'),
    mode: (name) => modeText(lstatSync(path(name)).mode),
    snapshot(name = '.') {
      const entries = walk(path(name)).map((file) => [relative(path(name), file), describe(file)] as const);
      return Object.fromEntries(entries);
    },
    list: (name = '.') => walk(path(name)).map((file) => relative(path(name), file)),
    clear() {
      rmSync(root, { recursive: true, force: true });
      mkdirSync(root);
    },
    remove,
  };
}

function walk(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? [path, ...walk(path)] : [path];
    });
}

function describe(path: string): Snapshot[string] {
  const status = lstatSync(path, { bigint: true });
  return {
    mode: modeText(Number(status.mode)),
    uid: Number(status.uid),
    gid: Number(status.gid),
    mtimeNs: String(status.isDirectory() ? 0n : status.mtimeNs),
    content: status.isSymbolicLink()
      ? readlinkSync(path)
      : status.isFile()
        ? readFileSync(path, 'latin1')
        : '(directory)',
  };
}

function modeText(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
