import { RunError } from '../../src/base/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import { contentOf } from '../../src/csi/vault-class/object-content.ts';
import { requestOf } from '../../src/csi/vault-class/object-request.ts';
import { parseObjects } from '../../src/csi/vault-class/objects.ts';
import { openWire } from '../../src/http/open.ts';
import { BUILT_IN_CAS } from '../../src/http/third-party.ts';
import { createClient } from '../../src/vault/client.ts';
import { quietScope } from './quiet-scope.ts';

/**
 * Reads the objects of a class, one after the other, on the runtime that it is started with, and prints what each got. Arguments:
 * address, file of the CA, token, objects, and `once` if none after the first may be sent twice.
 */
const [address = '', caFile = '', token = '', objects = '', sending = ''] = process.argv.slice(2);
const scope = quietScope();
const server = {
  address,
  namespace: undefined,
  tls: {
    ...BUILT_IN_CAS,
    ca: caFile === '' ? undefined : { kind: 'file' as const, value: caFile, from: 'ca_cert' },
  },
  clientTimeoutMs: 20_000,
  mintTimeoutMs: 20_000,
  maxRetries: 0,
  rateLimit: undefined,
  proxyAddress: undefined,
};
const client = createClient(server, await openWire(server, undefined, scope), scope);
const counters = { requests: 0, retries: 0, bytes: 0 };
const results: Record<string, string> = {};
for (const object of parseObjects(objects)) {
  const request = {
    ...requestOf(object),
    namespace: undefined,
    token: new Secret(token),
    mints: sending === 'once' && counters.requests > 0,
  };
  const answer = await client.attempt(request, { signal: scope.signal, counters, log: scope.log });
  if (answer.kind === 'connection_failure') {
    results[object.objectName] = answer.code;
    continue;
  }
  try {
    if (answer.status >= 300) results[object.objectName] = String(answer.status);
    else results[object.objectName] = Buffer.from(contentOf(object, answer.body).reveal()).toString();
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    results[object.objectName] = error.message;
  }
}
process.stdout.write(JSON.stringify(results));
client[Symbol.dispose]();
