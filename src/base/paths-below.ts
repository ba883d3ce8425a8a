import { sep } from 'node:path';

/** True for paths inside a directory, but not the directory itself. Both are absolute and normalised. */
export function isBelow(root: string, path: string): boolean {
  return path !== root && path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`);
}

/** Like `isBelow`, and true for the directory itself. */
export function isAtOrBelow(root: string, path: string): boolean {
  return path === root || isBelow(root, path);
}
