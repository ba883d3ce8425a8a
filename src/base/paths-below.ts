import { sep } from 'node:path';

/** True for what is inside a directory, and not the directory itself. Both are absolute and normalised. */
export function isBelow(root: string, path: string): boolean {
  return path !== root && path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`);
}

/** True for the directory itself, too. */
export function isAtOrBelow(root: string, path: string): boolean {
  return path === root || isBelow(root, path);
}
