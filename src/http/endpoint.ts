/** Where a server listens. */
export interface Endpoint {
  /** An IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Of a URL, with the port of its scheme if it names none. */
export function endpointOf({ hostname, port, protocol }: URL): Endpoint {
  const usual = protocol === 'https:' ? 443 : 80;
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? usual : Number(port) };
}

/** The name that is sent as SNI: an address is none. */
export function servernameOf({ host }: Endpoint, configured?: string): { servername?: string } {
  const servername = configured ?? host;
  return isIP(servername) === 0 ? { servername } : {};
}

/** 4, 6, or 0 for a name. node:net takes milliseconds to load, and many runs need no more of it. */
export function isIP(text: string): number {
  return process.getBuiltinModule('node:net').isIP(text);
}
