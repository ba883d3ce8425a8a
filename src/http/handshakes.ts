import { X509Certificate } from 'node:crypto';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { listening, type CancelSignal } from '../base/cancellation.ts';
import type { Endpoint } from './endpoint.ts';
import { presentable } from './presentable.ts';

/** PEM texts, and where they come from; undefined: the built-in CAs. */
type Trust = readonly { readonly where: string; readonly pem: string }[] | undefined;

const MOST_SUBJECTS = 5;
const TIMEOUT_MS = 2000;

/*
 * A bundle of its own, `dist/handshakes.js`, for runs that fail.
 */

/**
 * The certificate that a server shows, with those that it sends besides, in a handshake that verifies nothing; no request follows it.
 * @returns undefined: it does not speak TLS, or not in time
 */
export async function certificateOf(
  endpoint: Endpoint & { readonly servername?: string },
  signal: CancelSignal,
): Promise<DetailedPeerCertificate | undefined> {
  const { promise, resolve } = Promise.withResolvers<DetailedPeerCertificate | undefined>();
  const stop = (): void => {
    resolve(undefined);
  };
  const socket: TLSSocket = connect({ ...endpoint, rejectUnauthorized: false }, () => {
    resolve(socket.getPeerCertificate(true));
  });
  socket.on('error', stop).on('close', stop);
  const timer = setTimeout(stop, TIMEOUT_MS);
  try {
    return await listening(signal, stop, () => promise);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/**
 * Says which issuer was wanted, and which certificates are trusted.
 * @param peer undefined: it could not be asked for
 * @param isName it is only the name that does not match
 */
export function describeDistrust(
  peer: DetailedPeerCertificate | undefined,
  trust: Trust,
  isName: boolean,
): readonly string[] {
  const presented = peer === undefined ? [] : describePeer(peer, isName);
  return isName ? presented : [...presented, ...describeTrust(trust)];
}

function describePeer(peer: DetailedPeerCertificate, isName: boolean): string[] {
  if (isName)
    return [`the certificate is for ${presentable(peer.subjectaltname ?? nameOf(peer.subject), [])}`];
  const last = lastOf(peer);
  return [
    `the certificate of the server: ${nameOf(peer.subject)}; the issuer wanted: ${nameOf(last.issuer)}`,
  ];
}

/** Of the certificates that the server sends, the last one: its issuer is what it takes to trust them. */
function lastOf(peer: DetailedPeerCertificate): DetailedPeerCertificate {
  const seen = new Set<string>();
  let last = peer;
  // Node links a certificate that has signed itself to itself; Bun leaves the link out.
  for (
    let next: DetailedPeerCertificate | undefined = peer;
    next !== undefined && !seen.has(next.fingerprint256);
    next = next.issuerCertificate as DetailedPeerCertificate | undefined
  ) {
    seen.add(next.fingerprint256);
    last = next;
  }
  return last;
}

function nameOf(name: object): string {
  const parts = Object.entries(name).map(([key, value]) => `${key}=${String(value)}`);
  return presentable(parts.join(', '), []);
}

function describeTrust(trust: Trust): string[] {
  if (trust === undefined) return ['trusted: the built-in CAs'];
  return [...Map.groupBy(trust, ({ where }) => where)].map(([where, some]) => {
    const subjects = some.flatMap(({ pem }) => subjectsIn(pem));
    const more = subjects.length - MOST_SUBJECTS;
    const listed = subjects.slice(0, MOST_SUBJECTS).join('; ');
    return `trusted, from ${where}: ${listed}${more > 0 ? `, and ${String(more)} more` : ''}`;
  });
}

function subjectsIn(pem: string): string[] {
  const blocks = pem.match(/-----BEGIN (TRUSTED )?CERTIFICATE-----[^-]*-----END \1CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => {
    try {
      return presentable(new X509Certificate(block).subject.replaceAll('\n', ', '), []);
    } catch {
      return 'one that cannot be parsed';
    }
  });
}
