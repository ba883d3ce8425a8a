import { isIP } from 'node:net';
import type { Io } from '../host/io.ts';
import { isUntrusted, WRONG_NAME } from './connection-failure.ts';
import { proxyOf, type ReachableServer } from './proxy.ts';
import { trustOf } from './tls-files.ts';

/** Lines for people about a certificate that was refused; none for other failures. */
export async function whyDistrusted(
  code: string,
  { address, tls, proxyAddress }: ReachableServer,
  env: Io['env'],
): Promise<readonly string[]> {
  if (!isUntrusted(code)) return [];
  const { describeDistrust } = await import('./distrust.ts');
  const { hostname, port } = new URL(address);
  const host = hostname.replace(/^\[|\]$/g, '');
  const servername = tls.serverName ?? (isIP(host) === 0 ? host : undefined);
  const isProxied = proxyOf({ address, proxyAddress }, env) !== undefined;
  return describeDistrust({
    endpoint: isProxied
      ? undefined
      : {
          host,
          port: Number(port === '' ? 443 : port),
          ...(servername === undefined ? {} : { servername }),
        },
    trust: trustOf(tls),
    isName: code === WRONG_NAME,
  });
}
