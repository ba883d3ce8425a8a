import http from 'node:http';
import type { Scope } from '../host/scope.ts';
import type { Http2Sessions } from './http2-sessions.ts';
import { openAhead } from './open-ahead.ts';
import { socketOf, type ReachableServer } from './proxy.ts';
import type { Proxy } from './server.ts';
import type { TlsProxies } from './tls-proxy.ts';
import { MOST_CONNECTIONS } from './wire.ts';

/** What says where a request goes, in axios's words. */
interface Agents {
  readonly httpAgent?: http.Agent;
  /** Of node:https. */
  readonly httpsAgent?: http.Agent;
  /** Where requests go instead of to the host of their URL. */
  readonly socketPath?: string;
}

/** The agents of a run: kept-alive connections, at most `sockets` of them, through proxies if any. */
export interface Transport {
  /** @param proxy undefined: none */
  readonly through: (proxy: Proxy | undefined) => Promise<Agents>;
  /** So many requests will be made at once. */
  readonly expect: (requests: number) => void;
  readonly destroy: () => void;
}

/**
 * @param sessions with the TLS settings read, and perhaps an established connection
 * @throws RunError `config` for unusable TLS files
 */
export async function createTransport(
  { address, tls }: ReachableServer,
  most = MOST_CONNECTIONS,
  now: Scope['now'],
  sessions?: Http2Sessions,
): Promise<Transport> {
  const create = address.startsWith('https:') ? await httpsAgents(tls, sessions) : httpAgents(address);
  const options = { keepAlive: true, maxSockets: most };
  const agents = new Map<string, http.Agent>();
  let tlsProxies: TlsProxies | undefined;
  let ahead: ReturnType<typeof openAhead> | undefined;
  let expected = 1;
  const agentThrough = (proxy: Proxy | undefined): http.Agent => {
    const url = proxy?.url ?? '';
    const known = agents.get(url);
    if (known !== undefined) return known;
    // The rules of NO_PROXY are ours, so Node is told none.
    const proxyEnv = { HTTP_PROXY: url, HTTPS_PROXY: url };
    const agent = create.agent(proxy === undefined ? options : { ...options, proxyEnv });
    agents.set(url, agent);
    if (proxy !== undefined && isTls(proxy)) tlsProxies?.lead(agent, proxy, address.startsWith('https:'));
    // A proxy's tunnels are made by requests of their own.
    if (proxy === undefined) {
      ahead = openAhead(agent, now, sessions?.takeHttp1Socket);
      ahead.expect(expected);
    }
    return agent;
  };
  return {
    async through(proxy) {
      if (proxy !== undefined && isTls(proxy)) tlsProxies ??= await openProxies(tls);
      return create.where(agentThrough(proxy));
    },
    expect(requests) {
      expected = Math.max(expected, Math.min(most, requests));
      ahead?.expect(expected);
    },
    destroy() {
      ahead?.close();
      tlsProxies?.close();
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

function isTls({ url }: Proxy): boolean {
  return url.startsWith('https:');
}

/** They are rare, and need TLS. */
async function openProxies(tls: ReachableServer['tls']): Promise<TlsProxies> {
  const { openTlsProxies } = await import('./tls-proxy.ts');
  return openTlsProxies(tls);
}

interface AgentKind {
  readonly agent: (options: http.AgentOptions) => http.Agent;
  readonly where: (agent: http.Agent) => Agents;
}

function httpAgents(address: string): AgentKind {
  const socketPath = socketOf(address);
  return {
    agent: (options) => new http.Agent(options),
    where: (httpAgent) => ({ httpAgent, ...(socketPath === undefined ? {} : { socketPath }) }),
  };
}

/** TLS is loaded only for it. */
async function httpsAgents(tls: ReachableServer['tls'], sessions?: Http2Sessions): Promise<AgentKind> {
  const { createHttpsAgent } = await import('./https-agent.ts');
  const { secureContextOf } = await import('./tls.ts');
  const secureContext = sessions?.secureContext ?? secureContextOf(tls);
  return {
    agent: (options) => createHttpsAgent(tls, options, secureContext),
    where: (httpsAgent) => ({ httpsAgent }),
  };
}
