import type { Io } from '../host/io.ts';
import type { ServerSettings } from './server.ts';

/** What it takes to connect to a server. */
export type ReachableServer = Pick<ServerSettings, 'address' | 'tls' | 'proxyAddress'>;

/**
 * The proxy in the shape of the agent's `proxyEnv` option. `vault.proxy_address` goes before the environment and
 * ignores NO_PROXY; a server on this machine is never reached through a proxy of the environment. Both as in
 * the official clients.
 */
export function proxyOf(
  { address, proxyAddress }: Pick<ServerSettings, 'address' | 'proxyAddress'>,
  env: Io['env'],
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
export function socketOf(address: string): string | undefined {
  return address.startsWith('unix://') ? address.slice('unix://'.length) : undefined;
}

/** What the URLs of requests start with. */
export function baseOf(address: string): string {
  return socketOf(address) === undefined ? address : 'http://localhost';
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}
