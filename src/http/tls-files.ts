import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RunError, systemErrorCode } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { credentialFromFile } from '../host/credential-files.ts';
import type { CaSetting, TlsSettings } from './server.ts';

/** What the TLS settings name, read: PEM texts. */
export interface TlsFiles {
  /** Replaces the built-in list, as in the official clients. */
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
}

/**
 * @throws RunError `config` for a file that cannot be read or contains no certificate
 */
export function readTlsFiles(tls: TlsSettings): TlsFiles {
  const ca = trustOf(tls)?.map(({ pem }) => pem);
  const passphrase = passwordOf(tls.clientKeyPassword);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(tls.clientCert === undefined ? {} : { cert: readPem(tls.clientCert, 'client certificate') }),
    ...(tls.clientKey === undefined ? {} : { key: readPem(tls.clientKey, 'client key') }),
    ...(passphrase === undefined ? {} : { passphrase: passphrase.reveal() }),
  };
}

/** CAs, and the file or setting that they come from. */
export interface Trust {
  readonly where: string;
  readonly pem: string;
}

/**
 * @returns undefined: the CAs that are built in
 * @throws RunError `config`
 */
export function trustOf({ ca, extraCa, systemCa }: TlsSettings): readonly Trust[] | undefined {
  if (ca === undefined && !systemCa) return undefined;
  const extra = extraCa === undefined ? [] : [readTrust(extraCa)];
  return [...(ca === undefined ? caOfSystem() : readCa(ca)), ...extra];
}

function caOfSystem(): Trust[] {
  // Loaded for this alone, because loading it takes time.
  const found = process.getBuiltinModule('node:tls').getCACertificates('system');
  return found.map((pem) => ({ where: 'the operating system', pem }));
}

function passwordOf(password: TlsSettings['clientKeyPassword']): Secret | undefined {
  if (password === undefined || password instanceof Secret) return password;
  return credentialFromFile(password.file, 'the password of the client key');
}

function readCa(ca: CaSetting): Trust[] {
  switch (ca.kind) {
    case 'bytes':
      return [withCertificate({ where: ca.from, pem: ca.value })];
    case 'file':
      return [readTrust(ca.value)];
    case 'path':
      return readCaDirectory(ca.value);
  }
}

function readTrust(file: string): Trust {
  return withCertificate({ where: file, pem: readPem(file, 'CA file') });
}

function readCaDirectory(directory: string): Trust[] {
  const names = attempt(() => readdirSync(directory), directory, 'CA directory');
  // Kubernetes mounts contain `..data` next to the files; directories and other files are skipped as in the Go clients.
  const certificates = names
    .filter((name) => !name.startsWith('..'))
    .flatMap((name) => readIfFile(join(directory, name)))
    .filter(({ pem }) => pem.includes('-----BEGIN CERTIFICATE-----'));
  if (certificates.length > 0) return certificates.map(withCertificate);
  throw new RunError('config', 'the CA directory contains no PEM certificate', {
    where: directory,
    hint: 'put the CA there as PEM, or set vault.tls.ca_cert to a file',
  });
}

function readIfFile(path: string): Trust[] {
  try {
    return [{ where: path, pem: readFileSync(path, 'utf8') }];
  } catch (error) {
    if (systemErrorCode(error) === 'EISDIR') return [];
    throw unreadable(error, path, 'CA file');
  }
}

function readPem(path: string, what: string): string {
  return attempt(() => readFileSync(path, 'utf8'), path, what);
}

function attempt<T>(read: () => T, path: string, what: string): T {
  try {
    return read();
  } catch (error) {
    throw unreadable(error, path, what);
  }
}

function unreadable(error: unknown, path: string, what: string): RunError {
  return new RunError('config', `the ${what} cannot be read (${systemErrorCode(error) ?? 'unknown error'})`, {
    where: path,
    hint: 'check the path and its permissions; relative paths start at the working directory',
  });
}

/** OpenSSL passes over what it cannot parse, and the server would then not be trusted. */
function withCertificate(trust: Trust): Trust {
  const { where, pem } = trust;
  const blocks = [...pem.matchAll(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----([^-]*)(-----END)?/g)];
  if (blocks.length === 0) {
    throw new RunError('config', 'the CA contains no PEM certificate', {
      where,
      hint: 'it must contain `-----BEGIN CERTIFICATE-----` blocks',
    });
  }
  const wrong = blocks.findIndex(([, base64 = '', end]) => end === undefined || !isDer(base64));
  if (wrong === -1) return trust;
  const which = blocks.length === 1 ? 'the CA certificate' : `CA certificate ${String(wrong + 1)}`;
  throw new RunError('config', `${which} cannot be parsed`, {
    where,
    hint: pem.includes('\\n')
      ? 'write real line breaks in place of `\\n`'
      : 'it is cut off or altered: copy the whole PEM again, `-----END CERTIFICATE-----` included',
  });
}

/** Whether it is one ASN.1 SEQUENCE of the stated length. A trusted certificate has its uses after that. */
function isDer(base64: string): boolean {
  if (!/^[\w+/=\s]+$/.test(base64)) return false;
  const [tag, first = 0, ...more] = Buffer.from(base64, 'base64');
  if (tag !== 0x30 || first <= 0x80 || first > 0x84) return false;
  const octets = first - 0x80;
  const length = more.slice(0, octets).reduce((sum, byte) => sum * 256 + byte, 0);
  return more.length >= octets + length;
}
