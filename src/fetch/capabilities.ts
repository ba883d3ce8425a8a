import type { PlannedRead } from './planned-reads.ts';

/** Engines that tell a path that exists from one that does not: writing needs `create` for one and `update` for the other. */
const STORES = new Set(['kv1', 'kv2']);

/** What a token has to be allowed at a path. */
export interface Need {
  /** As a policy has it: a `*` at the end stands for everything below. */
  readonly path: string;
  readonly capabilities: readonly string[];
}

/** What a token has to be allowed for a secret. https://openbao.org/docs/concepts/policies/#capabilities */
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

/** Those of the needed capabilities that are not among the given ones; `root` has all, `deny` none. */
export function missingCapabilities(needed: readonly string[], given: readonly string[]): readonly string[] {
  if (given.includes('root')) return [];
  if (given.includes('deny')) return needed;
  return needed.filter((capability) => !given.includes(capability));
}
