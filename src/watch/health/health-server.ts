import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { RunError, systemErrorCode, throwIfAny } from '../../base/errors.ts';
import { sendOnce } from '../../http/send-once.ts';
import type { Scope } from '../../host/scope.ts';
import { answerTo, said, type HealthAnswer, type Pages } from './health-answer.ts';
import { checkHealthAddress, parseHealthAddress, type HealthAddress } from './health-address.ts';
import { checkSocketPath, madeName, publishSocket } from './socket-file.ts';

/** Those who ask send a line and a few headers, at once, and few of them at the same time. */
const LIMITS = {
  headersTimeout: 5000,
  requestTimeout: 5000,
  connectionsCheckingInterval: 5000,
  maxHeaderSize: 8192,
};
const MOST_CONNECTIONS = 512;

const WHY_NOT: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there: name another port',
  EACCES: 'ports below 1024, and the directory of a socket, may need other rights',
  EADDRNOTAVAIL: 'this machine has no such address',
};

/** The owner and the group, as that of a pod's volumes: who asks may run as another user. */
const SOCKET_MODE = 0o660;

/**
 * Serves pages, such as `/livez`, until it is disposed of.
 * @param where the address, for messages: `vaultonce.yaml:31, watch.health.address`
 * @throws RunError `config` for an address that cannot be listened on
 */
export async function openHealth(
  address: string,
  pages: Pages<HealthAnswer | Promise<HealthAnswer>>,
  where: string,
  scope: Scope,
): Promise<AsyncDisposable> {
  const parsed = addressOf(address, where);
  const place =
    parsed.kind === 'port' ? undefined : { path: parsed.path, where, mode: SOCKET_MODE, takesOver: false };
  if (place !== undefined) await checkSocketPath(place);
  const server = createServer(LIMITS, (request, response) => {
    void answer(request, response, pages);
  });
  server.maxConnections = MOST_CONNECTIONS;
  const made = place && madeName(place.path, scope.run.id);
  await listen(server, parsed, made, where);
  const file = made === undefined || place === undefined ? undefined : publishSocket(made, place);
  return {
    async [Symbol.asyncDispose]() {
      file?.remove();
      const { promise, resolve } = Promise.withResolvers<undefined>();
      server.close(() => {
        resolve(undefined);
      });
      server.closeAllConnections();
      await promise;
    },
  };
}

function addressOf(address: string, where: string): HealthAddress {
  const parsed = parseHealthAddress(address);
  if (parsed !== undefined) return parsed;
  throwIfAny(checkHealthAddress(address, where));
  throw new RunError('internal', 'an address that was good is not');
}

async function listen(
  server: Server,
  address: HealthAddress,
  made: string | undefined,
  where: string,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  server.once('listening', () => {
    resolve(undefined);
  });
  try {
    if (address.kind === 'port')
      server.listen({ port: address.port, ...(address.host === undefined ? {} : { host: address.host }) });
    else server.listen(made);
    await promise;
  } catch (error) {
    const code = systemErrorCode(error) ?? 'unknown error';
    throw new RunError('config', `health cannot be served here (${code})`, {
      where,
      hint: WHY_NOT[code] ?? 'check the address',
    });
  }
  server.removeListener('error', reject);
  // Nobody waits for it any more; a connection that broke off is the problem of whoever asked.
  server.on('error', () => undefined);
}

async function answer(
  { method = '', url = '' }: IncomingMessage,
  response: ServerResponse,
  pages: Pages<HealthAnswer | Promise<HealthAnswer>>,
): Promise<void> {
  const { status: code, type, text, allow } = await answered(method, url, pages);
  // One request for each connection: nobody keeps one for later.
  response.writeHead(code, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    connection: 'close',
    ...(allow === undefined ? {} : { allow }),
  });
  response.end(method === 'HEAD' ? undefined : text);
}

/** What cannot be told is not well. */
async function answered(
  method: string,
  url: string,
  pages: Pages<HealthAnswer | Promise<HealthAnswer>>,
): Promise<HealthAnswer> {
  try {
    return await answerTo(method, url, pages);
  } catch {
    return said(500, 'internal error');
  }
}

/** What a probe gets when it asks for every address. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
const PROBE_TIMEOUT_MS = 5000;

/**
 * Asks a server of this program.
 * @param path such as `/readyz`
 * @returns whether it answered that all is well
 * @throws RunError `config` for an address that is none, `unavailable` if nothing answers
 */
export async function probe(address: string, path: string, where: string, scope: Scope): Promise<boolean> {
  const parsed = addressOf(address, where);
  const request = { method: 'GET', timeoutMs: PROBE_TIMEOUT_MS, path, isDirect: true };
  const url =
    parsed.kind === 'socket'
      ? `unix://${parsed.path}`
      : `http://${hostOf(parsed.host)}:${String(parsed.port)}${path}`;
  return (await sendOnce({ ...request, url }, scope)) === 200;
}

function hostOf(host = '127.0.0.1'): string {
  const asked = LOOPBACK[host] ?? host;
  return asked.includes(':') ? `[${asked}]` : asked;
}
