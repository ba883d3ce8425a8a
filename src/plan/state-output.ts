import type { DeclaredState } from '../config/config.ts';
import type { PlacedOutput } from './outputs.ts';

/** It holds hashes, no secrets, and is for this program alone. */
const MODE = 0o400;

/** What `reuse` remembers is written as an output is, together with them. */
export function planState({ path, directoryMode, allowDisk }: DeclaredState): PlacedOutput {
  const owner = { uid: undefined, gid: undefined };
  return { where: 'reuse', target: { path, kind: 'file', mode: MODE, directoryMode, ...owner, allowDisk } };
}
