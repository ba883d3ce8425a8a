import { isJsonObject, type JsonObject } from '../base/lossless-json.ts';
import { keysOf, type Engine, type ReadResult } from './engine.ts';

/** KV version 2. https://openbao.org/api-docs/secret/kv/kv-v2/ */
export const kv2: Engine = {
  name: 'kv2',
  about: 'KV version 2.',
  mints: false,
  request({ path, mount, version }) {
    return {
      path: toDataPath(path, mount ?? firstSegment(path)),
      ...(version === undefined ? {} : { query: { version: String(version) } }),
    };
  },
  list: ({ path, mount }) => toMetadataPath(path, mount ?? firstSegment(path)),
  read(status, { data, isBare }) {
    if (isBare) return { kind: 'odd' };
    if (data === undefined) {
      if (status !== 404) return { kind: 'odd' };
      return { kind: 'missing', reason: 'does not exist, or not in this version' };
    }
    const metadata = isJsonObject(data['metadata']) ? data['metadata'] : {};
    const version = typeof metadata['version'] === 'number' ? metadata['version'] : undefined;
    if (!isJsonObject(data['data'])) return status === 404 ? withoutData(metadata, version) : { kind: 'odd' };
    return { kind: 'found', keys: keysOf(data['data']), metadata: version === undefined ? {} : { version } };
  },
};

/** Accepts the API path (`secret/data/app`) and the logical one (`secret/app`). */
function toDataPath(path: string, mount: string): string {
  const below = path.slice(mount.length);
  if (below === '') return `${mount}data`;
  return below.startsWith('data/') ? path : `${mount}data/${below}`;
}

/** The same for names, which are listed below `metadata/`; the mount itself is the root. */
function toMetadataPath(path: string, mount: string): string {
  const below = path.slice(mount.length);
  const folder = below.startsWith('data/') ? below.slice('data/'.length) : below;
  return folder === '' ? `${mount}metadata` : `${mount}metadata/${folder}`;
}

function firstSegment(path: string): string {
  return `${path.split('/', 1)[0] ?? ''}/`;
}

/** A 404 with metadata: the version existed once. */
function withoutData(metadata: JsonObject, version: number | undefined): ReadResult {
  const what = version === undefined ? '' : `version ${String(version)} `;
  if (metadata['destroyed'] === true) {
    return {
      kind: 'missing',
      reason: `${what}is destroyed: its data is gone for good`,
      hint: 'write a new version, or pin another one with `version:`',
    };
  }
  return {
    kind: 'missing',
    reason: `${what}is deleted`,
    hint: 'undelete it (`bao kv undelete`), write a new version, or pin another one with `version:`',
  };
}
