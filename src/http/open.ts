import { turnsToSend } from '../base/turns.ts';
import type { Scope } from '../host/scope.ts';
import type { Http2Sessions } from './http2-sessions.ts';
import { proxyOf, type ReachableServer } from './proxy.ts';
import type { Connections, Wire } from './wire.ts';

/**
 * What suits the runtime. Node has its own client of HTTP/2 over TLS, and axios for the rest. Bun's own client takes a fifth of the CPU time of its
 * `node:http`, speaks HTTP/2, and works in a thread of its own. What it makes of the proxies of an environment is another
 * matter, so that axios goes through those.
 * @param ahead what `connectAhead` has opened
 * @throws RunError `config` for unusable TLS files
 */
export async function openWire(
  server: ReachableServer,
  connections: Connections,
  io: Pick<Scope, 'env' | 'now'>,
  ahead?: Http2Sessions,
): Promise<Wire> {
  if (process.versions['bun'] !== undefined && !namesProxy(server)) {
    const { openBunWire } = await import('./bun.ts');
    return openBunWire(server);
  }
  const sessions = ahead ?? (await openSessions(server, io));
  const openHttp1 = async (): Promise<Wire> => {
    const { openAxiosWire } = await import('./axios.ts');
    return openAxiosWire(server, connections, io, sessions);
  };
  if (sessions === undefined) return openHttp1();
  const { openHttp2Wire } = await import('./http2.ts');
  return openHttp2Wire(sessions, openHttp1);
}

/** Connects at once, so that the handshake goes on while other things are done. */
export async function openSessions(
  server: ReachableServer,
  { env }: Pick<Scope, 'env'>,
): Promise<Http2Sessions | undefined> {
  const { address, tls } = server;
  if (!address.startsWith('https:') || proxyOf(server, env) !== undefined) return undefined;
  const { createHttp2Sessions } = await import('./http2-sessions.ts');
  const sessions = createHttp2Sessions(tls);
  // What went wrong is told to the first request.
  sessions.sessionTo(new URL(address).origin).catch(() => undefined);
  await turnsToSend();
  return sessions;
}

/** Bun takes the proxy from the environment of the process, for every server and whatever it is told. */
export function namesProxy({ proxyAddress }: Pick<ReachableServer, 'proxyAddress'>): boolean {
  return proxyOf({ proxyAddress, address: 'https://elsewhere' }, process.env) !== undefined;
}
