import type { Mount } from '../vault/responses.ts';
import type { Engine } from './engine.ts';
import { kv1 } from './kv1.ts';
import { kv2 } from './kv2.ts';
import { raw } from './raw.ts';

/** The engines that a config can declare with `engine:`. */
export const ENGINES = { kv1, kv2, raw } as const satisfies Record<string, Engine>;

export type EngineName = keyof typeof ENGINES;

/** What each of them reads. */
export function engineMeanings(): Readonly<Record<EngineName, string>> {
  const meanings = Object.entries(ENGINES).map(([name, { about }]) => [name, about]);
  return Object.fromEntries(meanings) as Record<EngineName, string>;
}

/** Mount types that read stored data, and create nothing. */
const STORED_TYPES = new Set(['cubbyhole', 'identity', 'system', 'generic']);

const rawStored: Engine = { ...raw, mints: false };

/** API paths of a kv2 mount other than `data/`. */
const KV2_OTHER = ['metadata/', 'subkeys/'];

/** How a path below this mount is read, as the server declares the mount. */
export function engineOf(mount: Mount, path: string): Engine {
  if (mount.type !== 'kv') return STORED_TYPES.has(mount.type) ? rawStored : raw;
  if (mount.version !== '2') return kv1;
  const below = path.slice(mount.path.length);
  return KV2_OTHER.some((prefix) => below.startsWith(prefix)) ? rawStored : kv2;
}
