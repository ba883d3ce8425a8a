import type { Io } from '../host/io.ts';
import { blockOf } from './no-proxy.ts';
import { parseProxy, variableOf } from './proxy.ts';

/** This machine is never reached through a proxy. */
const LOOPBACK = ['localhost', '127.0.0.0-127.255.255.255', '[::1]', '::1'];

/**
 * The proxies of the environment for an agent of Node that an SDK chooses hosts for, by the rules of this program as far as Node can
 * state them: it has no blocks of IPv6 addresses.
 * @throws RunError `config` for a proxy that is not supported
 */
export function proxiesForSdk(env: Io['env']): Record<string, string> {
  const found: Record<string, string> = {};
  for (const wanted of ['HTTP_PROXY', 'HTTPS_PROXY']) {
    const { name, value } = variableOf(wanted, env);
    if (value !== '') found[wanted] = parseProxy(value, `$${name}`).url;
  }
  const entries = variableOf('NO_PROXY', env).value.toLowerCase().split(',');
  return {
    ...found,
    NO_PROXY: [...LOOPBACK, ...entries.flatMap((entry) => entryOfNode(entry.trim()))].join(),
  };
}

/** Node takes a domain for itself alone, and a block of addresses as its first and its last. */
function entryOfNode(entry: string): string[] {
  const block = blockOf(entry);
  if (block === undefined) return /^[\w-]/.test(entry) ? [entry, `.${entry}`] : [entry];
  if (block.network.includes(':')) return [];
  const size = 2 ** (32 - block.bits);
  const number = block.network.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const first = number - (number % size);
  return [`${dotted(first)}-${dotted(first + size - 1)}`];
}

function dotted(address: number): string {
  return [2 ** 24, 2 ** 16, 2 ** 8, 1].map((unit) => Math.floor(address / unit) % 256).join('.');
}
