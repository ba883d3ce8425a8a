import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { RunError, systemErrorCode } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { PATH_HINT } from '../base/shown-text.ts';
import { passwordFromFile, placeOf } from '../host/credential-files.ts';
import { PendingPipe, readInput } from '../host/input-file.ts';
import type { CaSetting, TlsSettings } from './server.ts';

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
  const ca = trustOf(tls)?.map(({ pem }) => pem);
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

function caFileOf({ value, from }: CaSetting): TlsFile {
  return { path: value, what: 'CA file', field: from };
}

/** The files of the settings, for a message about all of them; they have been read. */
export function placesOf(tls: TlsSettings): string {
  const { ca, clientCert, clientKey } = tls;
  const files = [
    ...(ca === undefined || ca.kind === 'bytes' ? [] : [caFileOf(ca)]),
    ...(clientCert === undefined ? [] : [clientCertOf(clientCert, tls)]),
    ...(clientKey === undefined ? [] : [clientKeyOf(clientKey, tls)]),
  ];
  return files.map((file) => placeOf(file, true)).join(', ');
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
  const extra =
    extraCa === undefined
      ? []
      : [readTrust({ path: extraCa, what: 'CA file', field: '$NODE_EXTRA_CA_CERTS' })];
  return [...(ca === undefined ? caOfSystem() : readCa(ca)), ...extra];
}

function caOfSystem(): Trust[] {
  // Loaded for this alone, because loading it takes time.
  const found = process.getBuiltinModule('node:tls').getCACertificates('system');
  return found.map((pem) => ({ where: 'the operating system', pem }));
}

function passwordOf(password: TlsSettings['clientKeyPassword']): Secret | undefined {
  if (password === undefined || password instanceof Secret) return password;
  return passwordFromFile({
    path: password.file,
    what: 'the password of the client key',
    field: 'vault.tls.client_key_password_file',
  });
}

function readCa(ca: CaSetting): Trust[] {
  const file = caFileOf(ca);
  switch (ca.kind) {
    case 'bytes':
      return [withCertificate({ where: ca.from, pem: ca.value })];
    case 'file':
      return [readTrust(file)];
    case 'path':
      return readCaDirectory({ ...file, what: 'CA directory' });
    case 'paths': {
      // One of a list need not be there, for OpenSSL and Go.
      const paths = file.path.split(':').filter((path) => existsSync(path));
      const directories = paths.length === 0 ? [file.path] : paths;
      return directories.flatMap((path) => readCaDirectory({ ...file, path, what: 'CA directory' }));
    }
  }
}

function readTrust(file: TlsFile): Trust {
  return withCertificate({ where: placeOf(file, true), pem: readPem(file) });
}

function readCaDirectory(directory: TlsFile): Trust[] {
  const names = attempt(() => readdirSync(directory.path), directory);
  // Kubernetes mounts contain `..data` next to the files; directories and other files are skipped as in the Go clients.
  const certificates = names
    .filter((name) => !name.startsWith('..'))
    .flatMap((name) => readIfFile({ ...directory, path: join(directory.path, name), what: 'CA file' }))
    .filter(({ pem }) => pem.includes('-----BEGIN CERTIFICATE-----'));
  if (certificates.length > 0) return certificates.map(withCertificate);
  throw new RunError('config', 'the CA directory contains no PEM certificate', {
    where: placeOf(directory, true),
    hint: 'put the CA there as PEM, or set vault.tls.ca_cert to a file',
  });
}

function readIfFile(file: TlsFile): Trust[] {
  return attempt(
    () => (statSync(file.path).isFile() ? [{ where: placeOf(file, true), pem: textOf(file) }] : []),
    file,
  );
}

function readPem(file: TlsFile): string {
  return attempt(() => textOf(file), file);
}

function textOf({ path }: TlsFile): string {
  return readInput(path, LARGEST_BYTES).toString('utf8');
}

function attempt<T>(read: () => T, file: TlsFile): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof PendingPipe ? error : unreadable(error, file);
  }
}

function unreadable(error: unknown, file: TlsFile): RunError {
  const code = systemErrorCode(error) ?? 'unknown error';
  if (code === 'EFBIG') {
    return new RunError('config', `the file is too large for a ${file.what}`, {
      where: placeOf(file, true),
      hint: 'check the path: it has more than 4 MiB',
    });
  }
  const where = placeOf(file, code === 'EACCES' || code === 'EISDIR');
  return new RunError('config', `the ${file.what} cannot be read (${code})`, {
    where,
    hint:
      where === file.path
        ? 'check the path and its permissions; relative paths start at the working directory'
        : PATH_HINT,
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
  const der = Buffer.from(base64, 'base64');
  const [tag, first = 0] = der;
  if (tag !== 0x30 || first <= 0x80 || first > 0x84) return false;
  const start = 2 + first - 0x80;
  return der.length >= start && der.length >= start + der.readUIntBE(2, start - 2);
}
