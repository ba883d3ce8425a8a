import { keysOf, leaseOf, type Engine } from './engine.ts';

/** Any other path, read or written verbatim: database, pki, ssh, cubbyhole, identity, sys … */
export const raw: Engine = {
  name: 'raw',
  about: 'Any other path, read or written as it stands.',
  mints: true,
  request: ({ path }) => ({ path }),
  list: ({ path }) => path,
  read(status, envelope) {
    if (status === 404) return { kind: 'missing', reason: 'does not exist' };
    if (envelope.data === undefined)
      return { kind: 'missing', reason: 'has no data: the server returned an empty answer' };
    return { kind: 'found', keys: keysOf(envelope.data), metadata: leaseOf(envelope) };
  },
};
