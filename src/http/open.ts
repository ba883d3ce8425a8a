import { nextTurn } from '../base/turns.ts';
import type { Scope } from '../host/scope.ts';
import type { Dialled } from './dial.ts';
import type { Http2Sessions } from './http2-sessions.ts';
import { namesProxy, proxyOf, type ReachableServer } from './proxy.ts';
import type { Wire } from './wire.ts';

/**
 * Chooses the HTTP client. Node has its own client for HTTP/2 over TLS, and axios for the rest. Bun's own client takes much less CPU
 * time than its `node:http`, speaks HTTP/2, and works in a thread of its own. It does not follow our rules about the proxies of the
 * environment, so axios is used where there are any.
 * @param most requests at once; undefined: the default
 * @param connects it will be connected at once: on Node this begins while TLS is being loaded
 * @throws RunError `config` for unusable TLS files, and for a proxy that is not supported
 */
export async function openWire(
  server: ReachableServer,
  most: number | undefined,
  io: Pick<Scope, 'env' | 'now'>,
  { connects = false }: { readonly connects?: boolean } = {},
): Promise<Wire> {
  if (usesBun(server)) {
    const { openBunWire } = await import('./bun.ts');
    return openBunWire(server, most);
  }
  const openHttp1 = async (sessions?: Http2Sessions): Promise<Wire> => {
    const { openAxiosWire } = await import('./axios.ts');
    return openAxiosWire(server, most, io, sessions);
  };
  if (!server.address.startsWith('https:') || proxyOf(server, io.env) !== undefined) return openHttp1();
  const dialled = connects ? await dialFirst(server.address) : undefined;
  try {
    const { openHttp2Wire } = await import('./http2.ts');
    return openHttp2Wire(server, most, openHttp1, io.env, dialled);
  } catch (error) {
    dialled?.socket.destroy();
    throw error;
  }
}

/**
 * Loading TLS takes as long as many a round trip, and so does making a trust of many CAs. Before each of them the event loop turns:
 * without that, no packet leaves, neither when it begins nor once its name is resolved.
 */
async function dialFirst(address: string): Promise<Dialled> {
  const { dial } = await import('./dial.ts');
  const dialled = dial(address);
  await nextTurn();
  await import('./tls.ts');
  await nextTurn();
  return dialled;
}

/** Starts what the HTTP client can start before it is known where requests go. */
export async function warmUp(): Promise<void> {
  if (!usesBun({ proxyAddress: undefined })) return;
  const { wakeHttpThread } = await import('./first-connection.ts');
  wakeHttpThread();
}

/** Bun's client goes through no proxy, and a redirect may lead to a server behind one. */
function usesBun({ proxyAddress }: Pick<ReachableServer, 'proxyAddress'>): boolean {
  return process.versions['bun'] !== undefined && proxyAddress === undefined && !namesProxy(process.env);
}
