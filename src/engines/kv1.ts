import { keysOf, leaseOf, type Engine } from './engine.ts';

/** KV version 1. https://openbao.org/api-docs/secret/kv/kv-v1/ */
export const kv1: Engine = {
  name: 'kv1',
  about: 'KV version 1.',
  mints: false,
  request: ({ path }) => ({ path }),
  list: ({ path }) => path,
  read(status, envelope) {
    if (status === 404) return { kind: 'missing', reason: 'does not exist' };
    if (envelope.data === undefined || envelope.isBare) return { kind: 'odd' };
    return { kind: 'found', keys: keysOf(envelope.data), metadata: leaseOf(envelope) };
  },
};
