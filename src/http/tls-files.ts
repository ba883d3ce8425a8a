import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RunError, systemErrorCode } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { PATH_HINT } from '../base/shown-text.ts';
import { passwordFromFile, placeOf } from '../host/credential-files.ts';
import type { TlsSettings } from './server.ts';

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
    ...(tls.clientCert === undefined ? {} : { cert: readPem(clientCertOf(tls.clientCert, tls)) }),
    ...(tls.clientKey === undefined ? {} : { key: readPem(clientKeyOf(tls.clientKey, tls)) }),
    ...(passphrase === undefined ? {} : { passphrase: passphrase.reveal() }),
  };
}

/** A file that the settings name. */
interface TlsFile {
  readonly path: string;
  readonly what: string;
  /** Where it is named. */
  readonly field: string;
}

type Fields = Pick<TlsSettings, 'fields'>;

function clientCertOf(path: string, { fields }: Fields): TlsFile {
  return { path, what: 'client certificate', field: fields?.clientCert ?? 'vault.tls.client_cert' };
}

function clientKeyOf(path: string, { fields }: Fields): TlsFile {
  return { path, what: 'client key', field: fields?.clientKey ?? 'vault.tls.client_key' };
}

/** The files of the settings, for a message about all of them; they have been read. */
export function placesOf(tls: TlsSettings): string {
  const { ca, clientCert, clientKey } = tls;
  const files = [
    ...(ca === undefined || ca.kind === 'bytes' ? [] : [caFileOf(ca.value, tls)]),
    ...(clientCert === undefined ? [] : [clientCertOf(clientCert, tls)]),
    ...(clientKey === undefined ? [] : [clientKeyOf(clientKey, tls)]),
  ];
  return files.map((file) => placeOf(file, true)).join(', ');
}

function caFileOf(path: string, { fields }: Fields): TlsFile {
  return { path, what: 'CA file', field: fields?.ca ?? 'vault.tls.ca_cert' };
}

function caOf(tls: TlsSettings): string[] | undefined {
  const { ca, systemCa } = tls;
  if (ca !== undefined) return readCa(ca, tls);
  // Loaded for this alone, because loading it takes time.
  return systemCa ? process.getBuiltinModule('node:tls').getCACertificates('system') : undefined;
}

function passwordOf(password: TlsSettings['clientKeyPassword']): Secret | undefined {
  if (password === undefined || password instanceof Secret) return password;
  return passwordFromFile({
    path: password.file,
    what: 'the password of the client key',
    field: 'vault.tls.client_key_password_file',
  });
}

function readCa(ca: NonNullable<TlsSettings['ca']>, tls: Fields): string[] {
  const file = caFileOf(ca.value, tls);
  switch (ca.kind) {
    case 'bytes':
      return [withCertificate(ca.value, 'ca_cert_bytes')];
    case 'file':
      return [withCertificate(readPem(file), placeOf(file, true))];
    case 'path':
      return readCaDirectory({ ...file, what: 'CA directory' });
  }
}

function readCaDirectory(directory: TlsFile): string[] {
  const names = attempt(() => readdirSync(directory.path), directory);
  // Kubernetes mounts contain `..data` next to the files; directories and other files are skipped as in the Go clients.
  const certificates = names
    .filter((name) => !name.startsWith('..'))
    .flatMap((name) => readIfFile({ ...directory, path: join(directory.path, name), what: 'CA file' }))
    .filter((text) => text.includes('-----BEGIN CERTIFICATE-----'));
  if (certificates.length > 0) return certificates;
  throw new RunError('config', 'the CA directory contains no PEM certificate', {
    where: placeOf(directory, true),
    hint: 'put the CA there as PEM, or set vault.tls.ca_cert to a file',
  });
}

function readIfFile(file: TlsFile): string[] {
  try {
    return [readFileSync(file.path, 'utf8')];
  } catch (error) {
    if (systemErrorCode(error) === 'EISDIR') return [];
    throw unreadable(error, file);
  }
}

function readPem(file: TlsFile): string {
  return attempt(() => readFileSync(file.path, 'utf8'), file);
}

function attempt<T>(read: () => T, file: TlsFile): T {
  try {
    return read();
  } catch (error) {
    throw unreadable(error, file);
  }
}

function unreadable(error: unknown, file: TlsFile): RunError {
  const code = systemErrorCode(error) ?? 'unknown error';
  const where = placeOf(file, code === 'EACCES' || code === 'EISDIR');
  return new RunError('config', `the ${file.what} cannot be read (${code})`, {
    where,
    hint:
      where === file.path
        ? 'check the path and its permissions; relative paths start at the working directory'
        : PATH_HINT,
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
