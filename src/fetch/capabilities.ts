import type { PlannedRead } from './planned-reads.ts';

/** Engines for which writing needs `create` at a new path and `update` at an existing one. */
const STORES = new Set(['kv1', 'kv2']);

/** The capabilities that a token needs at a path. */
export interface Need {
  /** As in a policy: a `*` at the end matches everything below. */
  readonly path: string;
  readonly capabilities: readonly string[];
}

/** The capabilities that a token needs for a secret. https://openbao.org/docs/concepts/policies/#capabilities */
export function needsOf(read: PlannedRead): readonly Need[] {
  const { path } = read.request;
  switch (read.extent) {
    case 'secret':
      return [{ path, capabilities: capabilitiesAt(read) }];
    case 'names':
      return [{ path, capabilities: ['list'] }];
    case 'tree':
      return needsOfTree(read);
  }
}

function capabilitiesAt({ request, engine }: PlannedRead): readonly string[] {
  if (request.method === 'GET') return ['read'];
  const isStored = STORES.has(engine.name) || request.path.startsWith('cubbyhole/');
  return isStored ? ['create', 'update'] : ['update'];
}

/**
 * All folders, and the secrets in them, which KV version 2 keeps elsewhere. The server asks for the folder itself with a
 * slash at the end, which the `*` covers.
 */
function needsOfTree({ request, engine, mount, secrets: [secret] }: PlannedRead): readonly Need[] {
  const below = `${request.path}/*`;
  const secrets = `${engine.request({ path: secret?.path ?? '', mount, version: undefined }).path}/*`;
  if (secrets === below) return [{ path: below, capabilities: ['list', 'read'] }];
  return [
    { path: below, capabilities: ['list'] },
    { path: secrets, capabilities: ['read'] },
  ];
}

/** The needed capabilities that are not granted; `root` grants all, `deny` none. */
export function missingCapabilities(needed: readonly string[], given: readonly string[]): readonly string[] {
  if (given.includes('root')) return [];
  if (given.includes('deny')) return needed;
  return needed.filter((capability) => !given.includes(capability));
}
