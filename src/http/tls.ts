import {
  checkServerIdentity,
  createSecureContext,
  type ConnectionOptions,
  type SecureContext,
} from 'node:tls';
import { RunError, systemErrorCode } from '../base/errors.ts';
import { isIP } from './endpoint.ts';
import type { TlsSettings } from './server.ts';
import { placesOf, readTlsFiles, type TlsFiles } from './tls-files.ts';

/**
 * The trust and the client certificate of a run, parsed once for all connections. As for Go's clients, an issuing CA or the
 * certificate of the server itself is enough, without the root.
 * @throws RunError `config` for a file that cannot be read or used
 */
export function secureContextOf(tls: TlsSettings, files: TlsFiles = readTlsFiles(tls)): SecureContext {
  const { ca, ...client } = files;
  try {
    return createSecureContext({
      ...client,
      ...(ca === undefined ? {} : { ca: [...ca] }),
      allowPartialTrustChain: true,
    });
  } catch (error) {
    // OpenSSL's text may quote the file, and a key is a secret.
    throw new RunError(
      'config',
      `the TLS files cannot be used (${systemErrorCode(error) ?? 'unknown error'})`,
      {
        where: placesOf(tls),
        hint: 'each must be PEM; the client certificate and its key must belong together; an encrypted key needs vault.tls.client_key_password_file',
      },
    );
  }
}

/** Whose certificate is expected, if it is not the host's. An address is not sent as SNI, but compared, as by Go's clients. */
export function expectedIdentity({
  serverName,
}: TlsSettings): Pick<ConnectionOptions, 'servername' | 'checkServerIdentity'> {
  if (serverName === undefined) return {};
  if (isIP(serverName) === 0) return { servername: serverName };
  return {
    servername: '',
    checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate),
  };
}
