import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a server may show in the place of a certificate of a known CA for its name. */
export const WRONG_CERTIFICATES = [
  'that has expired',
  'of another name',
  'without a name',
  'of another CA',
  'that has signed itself',
] as const;
export type WrongCertificate = (typeof WRONG_CERTIFICATES)[number];

export interface KeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** @param directory of `createCertificates` */
export function createWrongCertificates(directory: string): ReadonlyMap<WrongCertificate, KeyPair> {
  const place = join(directory, 'wrong');
  mkdirSync(place, { recursive: true });
  const openssl = (...args: string[]): unknown =>
    execFileSync('openssl', args, { cwd: place, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'own.key'];
  openssl('req', ...key, '-subj', '/CN=vault', '-out', 'own.csr');
  const sign = (ca: string, names: string, days: string): void => {
    writeFileSync(join(place, 'names.ext'), names);
    const by = ['-CA', `../${ca}.pem`, '-CAkey', `../${ca}.key`, '-CAcreateserial', '-extfile', 'names.ext'];
    openssl('x509', '-req', '-in', 'own.csr', '-days', days, ...by, '-out', 'own.pem');
  };
  const good = 'subjectAltName=IP:127.0.0.1,DNS:localhost\n';
  const make: Readonly<Record<WrongCertificate, () => void>> = {
    'that has expired': () => {
      sign('ca', good, '-1');
    },
    'of another name': () => {
      sign('ca', 'subjectAltName=DNS:other.test\n', '2');
    },
    'without a name': () => {
      sign('ca', 'keyUsage=digitalSignature\n', '2');
    },
    'of another CA': () => {
      sign('other-ca', good, '2');
    },
    'that has signed itself': () => {
      const own = ['-key', 'own.key', '-subj', '/CN=vault', '-addext', good.trim()];
      openssl('req', '-x509', ...own, '-days', '2', '-out', 'own.pem');
    },
  };
  const read = (name: string): Buffer => readFileSync(join(place, name));
  return new Map(
    WRONG_CERTIFICATES.map((kind) => {
      make[kind]();
      return [kind, { cert: read('own.pem'), key: read('own.key') }];
    }),
  );
}
