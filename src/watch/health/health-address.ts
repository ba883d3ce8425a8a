import type { Failure } from '../../base/errors.ts';

/** Where health is served. */
export type HealthAddress =
  | { readonly kind: 'socket'; readonly path: string }
  /** Without a host: on all addresses. */
  | { readonly kind: 'port'; readonly host: string | undefined; readonly port: number };

/** Of the path of a socket, less room for what it is called before it is ready: sockaddr_un takes 108 bytes, with its end. */
export const LONGEST_PATH_BYTES = 107 - 9;
const LARGEST_PORT = 65_535;

/** @returns undefined for anything that is no such address */
export function parseHealthAddress(text: string): HealthAddress | undefined {
  const path = /^unix:\/\/(\/.*[^/])$/.exec(text)?.[1];
  if (path !== undefined) {
    const isShort = Buffer.byteLength(path) <= LONGEST_PATH_BYTES && !path.includes('\0');
    return isShort ? { kind: 'socket', path } : undefined;
  }
  const [, bracketed, host = bracketed, digits] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))?:(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port === 0 || port > LARGEST_PORT) return undefined;
  return { kind: 'port', host, port };
}

/** @param where the address, for messages: `vaultonce.yaml:31, watch.health.address` */
export function checkHealthAddress(text: string, where: string): readonly Failure[] {
  if (parseHealthAddress(text) !== undefined) return [];
  return [
    {
      kind: 'config',
      message: 'this is not an address to listen on',
      where,
      hint: `write \`HOST:PORT\`, \`:PORT\`, \`[::1]:9102\` or \`unix:///path\`, a path of at most ${String(LONGEST_PATH_BYTES)} bytes`,
    },
  ];
}
