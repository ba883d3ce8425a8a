import { matchesGlob } from '../base/glob.ts';
import type { Listing } from '../config/config.ts';

type Patterns = Pick<Listing, 'include' | 'exclude'>;

/** Whether a name below the path is wanted. */
export function isWanted(name: string, { include, exclude }: Patterns): boolean {
  return (
    (include === undefined || include.some((pattern) => matchesGlob(pattern, name))) &&
    !exclude.some((pattern) => matchesGlob(pattern, name))
  );
}

/** Whether a folder can contain anything wanted: a skipped folder needs no permission and costs no request. */
export function mayHoldWanted(folder: string, { include, exclude }: Patterns): boolean {
  if (exclude.some((pattern) => matchesGlob(pattern, folder))) return false;
  return (
    include === undefined ||
    include.some((pattern) => {
      const [literal = ''] = pattern.split('*', 1);
      return literal.startsWith(folder) || (pattern.includes('*') && folder.startsWith(literal));
    })
  );
}
