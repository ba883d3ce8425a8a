import type { Proxy } from './server.ts';

/** No answer came. The error of the HTTP client stays behind: it carries the token and the body. */
export interface ConnectionFailure {
  readonly kind: 'connection_failure';
  /** Node's or OpenSSL's code, such as `ECONNREFUSED`. */
  readonly code: string;
  /** False: it failed before a byte of the request was sent. */
  readonly ambiguous: boolean;
  /** True: another try fails in the same way, such as a certificate that is not trusted. */
  readonly permanent: boolean;
  readonly message: string;
  readonly hint: string | undefined;
  readonly details?: readonly string[] | undefined;
}

/** Codes of failures that happen before a byte of a request leaves this machine. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  // Of a unix socket.
  'ENOENT',
  'EACCES',
  // RFC 9113 §8.7: the server has not processed it.
  'HTTP2RefusedStream',
]);

/** Ours: a request in plain HTTP, to a server that speaks TLS. */
export const HTTP_TO_TLS = 'HTTP_TO_TLS';

/** The only one of them that is about the name. */
export const WRONG_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID';

const OF_PROXY = 'PROXY_';

/** Ours: the proxy could not be connected to, with this code of Node; or answered a CONNECT with this status; or not at all. */
export function ofProxy(reason: string | number): string {
  return `${OF_PROXY}${String(reason)}`;
}

export function isOfProxy(code: string): boolean {
  return code.startsWith(OF_PROXY);
}

export function isNotSent(code: unknown): code is string {
  return typeof code === 'string' && NOT_SENT.has(code);
}

/** OpenSSL's verification results, as Node names them; another try does not help with any of them. */
const TRUST_HINTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate has expired: renew it, or correct the clock of this machine',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet: correct the clock of this machine',
  [WRONG_NAME]:
    'the certificate is for another name: set vault.tls.server_name or $VAULT_TLS_SERVER_NAME to one of its names',
};
const TRUST_HINT =
  'set vault.tls.ca_cert or $VAULT_CACERT to a file with the issuer wanted; a CA above it suffices only if the server sends the certificates in between';

const UNTRUSTED = /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|HOSTNAME_MISMATCH|ERR_TLS_CERT)/;

export function isUntrusted(code: string): boolean {
  return UNTRUSTED.test(code);
}

/**
 * Describes why no answer came. Classified by code, because the texts differ between runtimes and versions.
 * @param code Node's error code
 * @param timeoutMs the limit of a single request
 * @param proxy that the request went through
 */
export function connectionFailure(
  code: string,
  address: string,
  timeoutMs: number,
  proxy?: Proxy,
): ConnectionFailure {
  if (proxy === undefined) return directFailure(code, address, timeoutMs);
  if (isOfProxy(code)) return proxyFailure(code.slice(OF_PROXY.length), proxy);
  const failure = directFailure(code, address, timeoutMs);
  return { ...failure, message: `${failure.message}, through the proxy ${proxy.name}` };
}

/** Request Timeout, Too Many Requests */
const PASSING = /^(?:408|429)$/;

/** Nothing of the request went further than to the proxy. */
function proxyFailure(reason: string, proxy: Proxy): ConnectionFailure {
  const isStatus = /^\d+$/.test(reason);
  return {
    kind: 'connection_failure',
    code: ofProxy(reason),
    ambiguous: false,
    permanent: isStatus && reason < '5' && !PASSING.test(reason),
    ...(isStatus ? refusedByProxy(reason, proxy) : unreachableProxy(reason, proxy)),
  };
}

function unreachableProxy(code: string, { name, from }: Proxy): Description {
  if (isUntrusted(code)) {
    const message = `the TLS certificate of the proxy ${name} is not trusted (${code})`;
    const another = `the certificate is for another name: write one of its names into ${from}`;
    const hint = code === WRONG_NAME ? another : (TRUST_HINTS[code] ?? TRUST_HINT);
    return { permanent: true, message, hint };
  }
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') {
    const message = `the TLS handshake with the proxy ${name} failed (${code})`;
    return { permanent: true, message, hint: `if the proxy does not speak TLS, write http:// into ${from}` };
  }
  const { message } = describePassing(code, `the proxy ${name}`, 0);
  return { message, hint: `is the proxy up, and is ${from} correct?` };
}

function refusedByProxy(status: string, { url, name, from }: Proxy): Description {
  if (status === '407') {
    const message = `the proxy ${name} asks for a user and a password (407)`;
    return { message, hint: `write them into ${from}: ${new URL(url).protocol}//USER:PASSWORD@${name}` };
  }
  return {
    message: `the proxy ${name} did not connect to the server (${status})`,
    hint: `allow the server in the proxy; if it is to be reached directly, add it to NO_PROXY, or remove ${from}`,
  };
}

function directFailure(code: string, address: string, timeoutMs: number): ConnectionFailure {
  const failure = {
    kind: 'connection_failure',
    code,
    ambiguous: !NOT_SENT.has(code),
    permanent: false,
  } as const;
  if (isUntrusted(code)) {
    return {
      ...failure,
      ambiguous: false,
      permanent: true,
      message: `the TLS certificate of ${address} is not trusted (${code})`,
      hint: TRUST_HINTS[code] ?? TRUST_HINT,
    };
  }
  if (code === HTTP_TO_TLS) {
    const message = `${address} speaks TLS, but the request was plain HTTP`;
    return { ...failure, ambiguous: false, permanent: true, message, hint: 'write https:// in the address' };
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return {
      ...failure,
      ambiguous: false,
      permanent: true,
      message: `${address} does not speak TLS (${code})`,
      hint: 'if the server listens without TLS, write http:// in the address; otherwise look for a proxy in between',
    };
  }
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') {
    return {
      ...failure,
      ambiguous: false,
      permanent: true,
      message: `the TLS handshake with ${address} failed (${code})`,
      hint: `if the server asks for a client certificate, set vault.tls.client_cert and vault.tls.client_key${
        // Bun has no separate code for a server without TLS.
        code === 'EPROTO' ? '; if it listens without TLS, write http:// in the address' : ''
      }`,
    };
  }
  return { ...failure, ...describePassing(code, address, timeoutMs) };
}

type Description = Pick<ConnectionFailure, 'message' | 'hint'> &
  Partial<Pick<ConnectionFailure, 'permanent'>>;

function describePassing(code: string, address: string, timeoutMs: number): Description {
  switch (code) {
    case 'ECONNREFUSED':
      return {
        message: `${address} refused the connection`,
        hint: 'is the server up, and is the port correct?',
      };
    case 'ENOENT':
      return {
        message: `there is no socket at ${address}`,
        hint: 'is the server or agent up, and is the path correct?',
      };
    case 'EACCES':
      return {
        message: `the connection to ${address} is not permitted (EACCES)`,
        hint: 'a socket needs to be writable for this user, and its directories to be searchable',
      };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        message: `the host of ${address} was not found (${code})`,
        hint: 'check the host name and DNS',
      };
    case 'TIMEOUT':
      return {
        message: `${address} did not answer within ${String(timeoutMs / 1000)} s`,
        hint: 'vault.client_timeout ($VAULT_CLIENT_TIMEOUT) is the limit of a single request',
      };
    case 'RESPONSE_TOO_LARGE':
      return {
        permanent: true,
        message: `the response from ${address} is larger than 64 MiB`,
        hint: 'split the secret: Vault itself accepts no request larger than 32 MiB',
      };
    default:
      return {
        message: `the connection to ${address} failed (${code})`,
        hint: 'something ended it on the way: look for a proxy or load balancer in between, and into the log of the server',
      };
  }
}
