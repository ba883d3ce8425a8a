import { isIP } from './endpoint.ts';

/** Where a request goes. */
export interface Goal {
  /** In lower case; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: string;
}

/**
 * Whether `$NO_PROXY` exempts a host, by the rules of Go, which the official clients follow:
 * https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config
 * @param noProxy entries with commas between them: `*`, an address, a CIDR block, or a domain, which covers all below it and, unless
 *   it begins with a dot, itself; each but the first with a port if need be, `[::1]:8200`
 */
export function isExempt(noProxy: string, goal: Goal): boolean {
  return noProxy
    .toLowerCase()
    .split(',')
    .some((entry) => matches(entry.trim(), goal));
}

function matches(entry: string, { host, port }: Goal): boolean {
  if (entry === '' || entry === '*') return entry === '*';
  const block = blockOf(entry);
  if (block !== undefined) return isWithin(host, block);
  const wanted = endpointOf(entry);
  if (wanted.host === '' || (wanted.port !== '' && wanted.port !== port)) return false;
  const address = blockOf(`${wanted.host}/${isIP(wanted.host) === 4 ? '32' : '128'}`);
  return address === undefined ? isBelow(host, wanted.host) : isWithin(host, address);
}

interface Block {
  readonly network: string;
  readonly bits: number;
}

/** @returns undefined: it is no CIDR block */
export function blockOf(entry: string): Block | undefined {
  const [, network = '', bits = ''] = /^(.*)\/(\d{1,3})$/.exec(entry) ?? [];
  const family = isIP(network);
  return family === 0 || Number(bits) > (family === 4 ? 32 : 128)
    ? undefined
    : { network, bits: Number(bits) };
}

/** `host:port` or `[address]:port`; whatever else is a host. */
function endpointOf(entry: string): Goal {
  const found = /^(?:\[(?<address>[^[\]]*)\]|(?<name>[^:[\]]*)):(?<port>[^:[\]]*)$/.exec(entry)?.groups;
  return { host: found?.['address'] ?? found?.['name'] ?? entry, port: found?.['port'] ?? '' };
}

function isWithin(host: string, { network, bits }: Block): boolean {
  if (isIP(host) === 0 || (isIP(host) === 4 && familyOf(network) === 'ipv6')) return false;
  const { BlockList } = process.getBuiltinModule('node:net');
  const list = new BlockList();
  list.addSubnet(network, bits, familyOf(network));
  return list.check(host, familyOf(host));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}

function isBelow(host: string, domain: string): boolean {
  const name = domain.replace(/^\*\./, '.');
  const suffix = name.startsWith('.') ? name.slice(1) : name;
  // The host of a URL is written in ASCII.
  const ascii = /^[\0-\x7f]*$/.test(suffix) ? suffix : (URL.parse(`http://${suffix}`)?.hostname ?? suffix);
  return host.endsWith(`.${ascii}`) || (!name.startsWith('.') && host === ascii);
}
