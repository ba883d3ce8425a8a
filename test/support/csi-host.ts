import { setTimeout as delay } from 'node:timers/promises';
import { RunError, type Failure } from '../../src/base/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import type { MountAnswer, MountRequest, Volumes } from '../../src/csi/mount.ts';
import { endpointOf } from '../../src/csi/protocol/socket-endpoint.ts';
import { serveCsi } from '../../src/csi/serve.ts';
import { createProcessIo } from '../../src/host/process-io.ts';
import type { Scope } from '../../src/host/scope.ts';

/**
 * A provider whose volumes do what the parameters of their class say, on the runtime that it is started with. Arguments: the
 * endpoint, the largest answer, the address of health, and whether its server is `up` or `down`.
 */

const [endpoint = '', largest = '4194304', health, server] = process.argv.slice(2);
const { io, configureLog } = createProcessIo();
configureLog({ level: 'info', format: 'json' });

async function mount(request: MountRequest, scope: Scope): Promise<MountAnswer> {
  const { parameters } = request;
  const wait = Number(parameters['wait'] ?? 0);
  if (parameters['stray'] !== undefined)
    setImmediate(() => {
      throw new Error('stray');
    });
  if (parameters['rejected'] !== undefined) void Promise.reject(new Error('rejected'));
  if (parameters['bug'] !== undefined) throw new TypeError('hvs.secret-of-a-bug');
  if (wait > 0) {
    const ended = Promise.withResolvers<never>();
    const listener = (): void => {
      process.stdout.write(`ended: ${(scope.signal.reason as Error).message}\n`);
      ended.reject(scope.signal.reason);
    };
    scope.signal.addEventListener('abort', listener);
    process.stdout.write(`waiting: ${String(Math.round(scope.remainingMs()))}\n`);
    await Promise.race([delay(wait, undefined, { ref: false }), ended.promise]);
    scope.signal.removeEventListener('abort', listener);
  }
  const failures = parameters['failures'];
  if (failures !== undefined) throw new RunError(JSON.parse(failures) as Failure[]);
  const size = parameters['size'];
  const contents = size === undefined ? seen(request) : 'x'.repeat(Number(size));
  return {
    files: [{ path: 'deep/file', mode: 0o640, contents: new Secret(Buffer.from(contents)) }],
    versions: [{ id: 'file', version: 'v1' }],
  };
}

/** All of it, for the test to compare. */
function seen({ tokens, secrets, ...rest }: MountRequest): string {
  const shown = (map: ReadonlyMap<string, Secret>) =>
    Object.fromEntries([...map].map(([name, secret]) => [name, secret.reveal()]));
  return JSON.stringify({ ...rest, tokens: shown(tokens), secrets: shown(secrets) });
}

const volumes: Volumes = {
  counts: { volumes: 3, staleVolumes: 1, logins: 4, tokenRenewals: 5, leaseRenewals: 6, requests: 70 },
  mount,
  watchOver: () => new Promise<never>(() => undefined),
  close() {
    process.stdout.write('volumes closed\n');
    return Promise.resolve();
  },
};

try {
  await serveCsi(
    {
      endpoints: [endpointOf(endpoint, process.cwd())],
      health: health === '' ? undefined : health,
      largestAnswerBytes: Number(largest),
      volumes,
      isServerReachable: server === undefined ? undefined : () => Promise.resolve(server === 'up'),
    },
    io,
  );
} catch (error) {
  if (!(error instanceof RunError)) throw error;
  process.stdout.write(`${JSON.stringify(error.failures)}\n`);
}
