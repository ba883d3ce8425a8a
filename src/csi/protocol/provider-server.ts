import { Server, ServerCredentials } from '@grpc/grpc-js';
import { RunError } from '../../base/errors.ts';
import { VERSION } from '../../base/version.ts';
import type { Scope } from '../../host/scope.ts';
import { checkSocketPath, madeName, publishSocket } from '../../watch/health/socket-file.ts';
import type { Mount } from '../mount.ts';
import { createHealthService, type HealthService } from './health-service.ts';
import { createMountCalls, type CallsUnderWay } from './mount-call.ts';
import type { MountStatistics } from './mount-statistics.ts';
import { HealthService as HealthMethods } from './proto/health.pb.ts';
import { CSIDriverProviderService as Methods, protobufPackage } from './proto/service.pb.ts';

export interface ProviderOptions {
  /** Absolute, as `endpointOf` has it. */
  readonly endpoint: string;
  readonly mount: Mount;
  /** Of the process; each call has a child of it. */
  readonly scope: Scope;
  /** What the driver takes: its `--max-call-recv-msg-size`. */
  readonly largestAnswerBytes: number;
  readonly statistics: MountStatistics;
}

export interface Provider {
  /**
   * Stops: no call is begun any more, and those under way have time to end.
   * @param graceMs then they are cancelled
   */
  close(graceMs: number): Promise<void>;
}

const WHERE = '--endpoint';
/** The driver connects as root; nobody else is to. */
const MODE = 0o600;
/** Names of the services, as health knows them. */
const SERVICES = ['', `${protobufPackage}.CSIDriverProvider`];
/** For answers that say that a call was cancelled. */
const FAREWELL_MS = 250;

const OPTIONS = {
  // For debugging; it would load a parser of .proto files.
  'grpc.enable_channelz': 0,
  // Looked at before: a message of its own says what to do.
  'grpc.max_send_message_length': -1,
};

/**
 * Serves the driver at a socket until it is closed.
 * @throws RunError `config` if no socket can be made there
 */
export async function serveProvider(options: ProviderOptions): Promise<Provider> {
  const { endpoint, scope } = options;
  const place = { path: endpoint, where: WHERE, mode: MODE, takesOver: true };
  await checkSocketPath(place);
  const calls = createMountCalls(options);
  const health = createHealthService(SERVICES);
  const server = serverOf(calls, health);
  const made = madeName(endpoint, scope.run.id);
  await listen(server, made);
  const file = publishSocket(made, place);
  return {
    async close(graceMs) {
      file.remove();
      calls.stop();
      health.stop();
      const closed = shutDown(server);
      if (!(await within(graceMs, calls.idle()))) {
        calls.cancel();
        await within(FAREWELL_MS, calls.idle());
      }
      await within(FAREWELL_MS, closed);
      server.forceShutdown();
    },
  };
}

function serverOf(calls: CallsUnderWay, health: HealthService): Server {
  const server = new Server(OPTIONS);
  server.addService(
    { ...Methods, mount: { ...Methods.mount, responseSerialize: asBuffer } },
    {
      version: (_call: unknown, callback: (error: null, value: object) => void) => {
        callback(null, { version: protobufPackage, runtimeName: 'vaultonce', runtimeVersion: VERSION });
      },
      mount: calls.handle,
    },
  );
  server.addService(HealthMethods, { check: health.check, watch: health.watch, list: health.list });
  return server;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function listen(server: Server, path: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<Error | null>();
  server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), resolve);
  if ((await promise) === null) return;
  server.forceShutdown();
  // Its error has no code.
  throw new RunError('config', 'no socket can be made here', {
    where: WHERE,
    hint: 'does the file system of this directory have sockets, and is there space?',
  });
}

async function shutDown(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  server.tryShutdown(() => {
    resolve(undefined);
  });
  await promise;
}

/** @returns whether it was over in time */
async function within(limitMs: number, work: Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, limitMs, false);
  try {
    return await Promise.race([work.then(() => true), promise]);
  } finally {
    clearTimeout(timer);
  }
}
