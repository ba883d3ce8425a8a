import type { PlannedRead } from '../fetch/resolve.ts';

/** Engines that tell a path that exists from one that does not: writing needs `create` for one and `update` for the other. */
const STORES = new Set(['kv1', 'kv2']);

/** What a token has to be allowed for a request. https://openbao.org/docs/concepts/policies/#capabilities */
export function capabilitiesFor({ request, engine }: PlannedRead): readonly string[] {
  if (request.method === 'GET') return ['read'];
  const isStored = STORES.has(engine.name) || request.path.startsWith('cubbyhole/');
  return isStored ? ['create', 'update'] : ['update'];
}

/** Those of the needed capabilities that are not among the given ones; `root` has all, `deny` none. */
export function missingCapabilities(needed: readonly string[], given: readonly string[]): readonly string[] {
  if (given.includes('root')) return [];
  if (given.includes('deny')) return needed;
  return needed.filter((capability) => !given.includes(capability));
}
