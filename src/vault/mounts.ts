import type { Mount } from './responses.ts';

/** The mount that serves a path: the longest one that is a prefix of it. */
export function findMount(mounts: readonly Mount[], path: string): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const serves = path.startsWith(mount.path) || `${path}/` === mount.path;
    if (serves && (best === undefined || mount.path.length > best.path.length)) best = mount;
  }
  return best;
}
