import { RunError } from '../base/errors.ts';
import { shownKey } from '../base/shown-text.ts';
import type { Io } from '../host/io.ts';
import { endpointOf } from './endpoint.ts';
import { isExempt, type Goal } from './no-proxy.ts';
import type { Proxy, ServerSettings } from './server.ts';

/** What it takes to connect to a server. */
export type ReachableServer = Pick<ServerSettings, 'address' | 'tls' | 'proxyAddress'>;

/**
 * The proxy for a server. `vault.proxy_address` goes before the environment and ignores NO_PROXY; a server on this machine is never
 * reached through a proxy of the environment. Both, and which variable counts, as in the official clients.
 * @throws RunError `config` for a proxy that is not supported
 */
export function proxyOf(
  { address, proxyAddress }: Pick<ServerSettings, 'address' | 'proxyAddress'>,
  env: Io['env'],
): Proxy | undefined {
  if (socketOf(address) !== undefined) return undefined;
  if (proxyAddress !== undefined) return proxyAddress;
  if (!namesProxy(env)) return undefined;
  const url = new URL(address);
  const { host, port } = endpointOf(url);
  const goal = { host, port: String(port) };
  const { name, value } = variableOf(url.protocol === 'http:' ? 'HTTP_PROXY' : 'HTTPS_PROXY', env);
  return value === '' || isDirect(goal, env) ? undefined : parseProxy(value, `$${name}`);
}

/** Whether the environment names a proxy, be it used or not. */
export function namesProxy(env: Io['env']): boolean {
  return variableOf('HTTPS_PROXY', env).value + variableOf('HTTP_PROXY', env).value !== '';
}

function isDirect(goal: Goal, env: Io['env']): boolean {
  return isLoopback(goal.host) || isExempt(variableOf('NO_PROXY', env).value, goal);
}

/** A variable of proxies. Go takes the name in capitals first; empty counts as unset. */
export function variableOf(name: string, env: Io['env']): { readonly name: string; readonly value: string } {
  const lower = name.toLowerCase();
  return (env[name] ?? '') === ''
    ? { name: lower, value: env[lower] ?? '' }
    : { name, value: env[name] ?? '' };
}

/**
 * `host:port` means `http://host:port`, as for Go.
 * @param from the variable or key
 * @throws RunError `config`
 */
export function parseProxy(text: string, from: string): Proxy {
  const url = URL.parse(/^[a-z][\w+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url !== null && url.hostname !== '' && /^https?:$/.test(url.protocol)) {
    return { url: url.href, name: shownKey(url.host), from };
  }
  throw new RunError(
    'config',
    `the proxy in ${from} is not supported: it must be of HTTP, with or without TLS`,
    {
      where: from,
      hint: 'write it as `http://proxy.example.com:3128`, or `https://` for a proxy that speaks TLS itself; SOCKS is not supported',
    },
  );
}

/** The path in an address `unix:///path`. */
export function socketOf(address: string): string | undefined {
  return address.startsWith('unix://') ? address.slice('unix://'.length) : undefined;
}

/** What the URLs of requests start with. */
export function baseOf(address: string): string {
  return socketOf(address) === undefined ? address : 'http://localhost';
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
