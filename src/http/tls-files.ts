import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { RunError, systemErrorCode } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { credentialFromFile } from '../host/credential-files.ts';
import { PendingPipe, readInput } from '../host/input-file.ts';
import type { TlsSettings } from './server.ts';

/** Twenty times all CAs that there are. */
const LARGEST_BYTES = 4 * 1024 * 1024;

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
  const ca = caOf(tls);
  const passphrase = passwordOf(tls.clientKeyPassword);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(tls.clientCert === undefined ? {} : { cert: readPem(tls.clientCert, 'client certificate') }),
    ...(tls.clientKey === undefined ? {} : { key: readPem(tls.clientKey, 'client key') }),
    ...(passphrase === undefined ? {} : { passphrase: passphrase.reveal() }),
  };
}

function caOf({ ca, systemCa }: TlsSettings): string[] | undefined {
  if (ca !== undefined) return readCa(ca);
  // Loaded for this alone, because loading it takes time.
  return systemCa ? process.getBuiltinModule('node:tls').getCACertificates('system') : undefined;
}

function passwordOf(password: TlsSettings['clientKeyPassword']): Secret | undefined {
  if (password === undefined || password instanceof Secret) return password;
  return credentialFromFile(password.file, 'the password of the client key');
}

function readCa(ca: NonNullable<TlsSettings['ca']>): string[] {
  switch (ca.kind) {
    case 'bytes':
      return [withCertificate(ca.value, 'ca_cert_bytes')];
    case 'file':
      return [withCertificate(readPem(ca.value, 'CA file'), ca.value)];
    case 'path':
      return readCaDirectory(ca.value);
  }
}

function readCaDirectory(directory: string): string[] {
  const names = attempt(() => readdirSync(directory), directory, 'CA directory');
  // Kubernetes mounts contain `..data` next to the files; directories and other files are skipped as in the Go clients.
  const certificates = names
    .filter((name) => !name.startsWith('..'))
    .flatMap((name) => readIfFile(join(directory, name)))
    .filter((text) => text.includes('-----BEGIN CERTIFICATE-----'));
  if (certificates.length > 0) return certificates;
  throw new RunError('config', 'the CA directory contains no PEM certificate', {
    where: directory,
    hint: 'put the CA there as PEM, or set vault.tls.ca_cert to a file',
  });
}

function readIfFile(path: string): string[] {
  return attempt(() => (statSync(path).isFile() ? [textOf(path)] : []), path, 'CA file');
}

function readPem(path: string, what: string): string {
  return attempt(() => textOf(path), path, what);
}

function textOf(path: string): string {
  return readInput(path, LARGEST_BYTES).toString('utf8');
}

function attempt<T>(read: () => T, path: string, what: string): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof PendingPipe ? error : unreadable(error, path, what);
  }
}

function unreadable(error: unknown, path: string, what: string): RunError {
  if (systemErrorCode(error) === 'EFBIG') {
    return new RunError('config', `the file is too large for a ${what}`, {
      where: path,
      hint: 'check the path: it has more than 4 MiB',
    });
  }
  return new RunError('config', `the ${what} cannot be read (${systemErrorCode(error) ?? 'unknown error'})`, {
    where: path,
    hint: 'check the path and its permissions; relative paths start at the working directory',
  });
}

function withCertificate(pem: string, where: string): string {
  if (pem.includes('-----BEGIN CERTIFICATE-----') || pem.includes('-----BEGIN TRUSTED CERTIFICATE-----'))
    return pem;
  throw new RunError('config', 'the CA contains no PEM certificate', {
    where,
    hint: 'it must contain `-----BEGIN CERTIFICATE-----` blocks',
  });
}
