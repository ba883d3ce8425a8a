import http from 'node:http';
import type https from 'node:https';
import type { ServerSettings } from '../config/config.ts';

/** The agents of a run: kept-alive connections, at most `sockets` of them, through the environment's proxy if any. */
export interface Transport {
  readonly httpAgent?: http.Agent;
  readonly httpsAgent?: https.Agent;
  /** Where requests go instead of to the host of their URL. */
  readonly socketPath?: string;
  destroy(): void;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @param sockets how many connections may be open at once
 * @throws RunError `config` for unusable TLS files
 */
export async function createTransport(
  server: Pick<ServerSettings, 'address' | 'tls' | 'proxyAddress'>,
  sockets: number,
  env: Environment,
): Promise<Transport> {
  const proxyEnv = proxyOf(server, env);
  const options = { keepAlive: true, maxSockets: sockets, ...(proxyEnv === undefined ? {} : { proxyEnv }) };
  if (!server.address.startsWith('https:')) {
    const httpAgent = new http.Agent(options);
    const socketPath = socketOf(server.address);
    return {
      httpAgent,
      ...(socketPath === undefined ? {} : { socketPath }),
      destroy: () => {
        httpAgent.destroy();
      },
    };
  }
  const { createHttpsAgent } = await import('./https-agent.ts');
  const httpsAgent = createHttpsAgent(server.tls, options);
  return {
    httpsAgent,
    destroy: () => {
      httpsAgent.destroy();
    },
  };
}

/**
 * The proxy in the shape of the agent's `proxyEnv` option. `vault.proxy_address` goes before the environment and
 * ignores NO_PROXY; a server on this machine is never reached through a proxy of the environment. Both as in
 * the official clients.
 */
function proxyOf(
  { address, proxyAddress }: Pick<ServerSettings, 'address' | 'proxyAddress'>,
  env: Environment,
): Record<string, string> | undefined {
  if (proxyAddress !== undefined && socketOf(address) === undefined)
    return { HTTP_PROXY: proxyAddress, HTTPS_PROXY: proxyAddress };
  if (socketOf(address) !== undefined || isLoopback(new URL(address).hostname)) return undefined;
  const found: Record<string, string> = {};
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']) {
    const value = env[name.toLowerCase()] ?? env[name];
    if (value !== undefined && value !== '') found[name] = value;
  }
  return found['HTTP_PROXY'] === undefined && found['HTTPS_PROXY'] === undefined ? undefined : found;
}

/** The path in an address `unix:///path`. */
function socketOf(address: string): string | undefined {
  return address.startsWith('unix://') ? address.slice('unix://'.length) : undefined;
}

/** What the URLs of requests start with. */
export function baseOf(address: string): string {
  return socketOf(address) === undefined ? address : 'http://localhost';
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}
