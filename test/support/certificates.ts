import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Certificates {
  readonly caFile: string;
  /** A CA that has signed nothing. */
  readonly otherCaFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface IssuedCertificate {
  readonly rootFile: string;
  /** The CA below the root that has issued the certificate. */
  readonly issuingFile: string;
  readonly certFile: string;
  /** The certificate and the issuing CA. */
  readonly chainFile: string;
  readonly keyFile: string;
}

/** A certificate for 127.0.0.1 of an issuing CA, which a root CA has signed. */
export async function createIssued(directory: string): Promise<IssuedCertificate> {
  const file = (name: string): string => join(directory, name);
  await mkdir(directory, { recursive: true });
  const openssl = (...args: string[]): Promise<unknown> => run('openssl', args, { cwd: directory });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const rootArgs = ['-days', '2', '-subj', '/CN=root-ca', '-keyout', 'root.key', '-out', 'root.pem'];
  await openssl('req', '-x509', ...key, ...rootArgs);
  await writeFile(file('issuing.ext'), 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n');
  await writeFile(file('vault.ext'), 'subjectAltName=IP:127.0.0.1\n');
  for (const [name, by] of [
    ['issuing', 'root'],
    ['vault', 'issuing'],
  ]) {
    await openssl('req', ...key, '-subj', `/CN=${name!}`, '-keyout', `${name!}.key`, '-out', `${name!}.csr`);
    const signed = [
      '-CA',
      `${by!}.pem`,
      '-CAkey',
      `${by!}.key`,
      '-CAcreateserial',
      '-extfile',
      `${name!}.ext`,
    ];
    await openssl('x509', '-req', '-in', `${name!}.csr`, '-days', '2', ...signed, '-out', `${name!}.pem`);
  }
  const [leaf, issuing] = await Promise.all(
    ['vault.pem', 'issuing.pem'].map((name) => readFile(file(name), 'utf8')),
  );
  await writeFile(file('chain.pem'), `${leaf ?? ''}${issuing ?? ''}`);
  return {
    rootFile: file('root.pem'),
    issuingFile: file('issuing.pem'),
    certFile: file('vault.pem'),
    chainFile: file('chain.pem'),
    keyFile: file('vault.key'),
  };
}

/** A CA, and a certificate of it for 127.0.0.1, localhost and vault.internal. */
export async function createCertificates(directory: string): Promise<Certificates> {
  const file = (name: string): string => join(directory, name);
  const openssl = (...args: string[]): Promise<unknown> => run('openssl', args, { cwd: directory });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  for (const name of ['ca', 'other-ca']) {
    await openssl(
      'req',
      '-x509',
      ...key,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    );
  }
  await openssl('req', ...key, '-subj', '/CN=vault', '-keyout', 'server.key', '-out', 'server.csr');
  await writeFile(file('san.ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:vault.internal\n');
  const signed = [
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    'san.ext',
  ];
  await openssl('x509', '-req', '-in', 'server.csr', ...signed, '-out', 'server.pem');
  return {
    caFile: file('ca.pem'),
    otherCaFile: file('other-ca.pem'),
    certFile: file('server.pem'),
    keyFile: file('server.key'),
  };
}

/** A CA in whose name a certificate for 127.0.0.1 is issued, without its key. */
export interface Imitation {
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * A certificate that claims to be issued by a CA of this name. Whoever trusts the real one finds that the signature is not its
 * own; whoever does not know it finds no issuer.
 * @param subject as `openssl -subj` has it
 */
export async function createImitation(directory: string, subject: string): Promise<Imitation> {
  await mkdir(directory, { recursive: true });
  const openssl = (...args: string[]): Promise<unknown> => run('openssl', args, { cwd: directory });
  // The kind of key that the real one has: a CA with another is passed over.
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...key,
    '-days',
    '2',
    '-subj',
    subject,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  );
  await openssl('req', ...key, '-subj', '/CN=vault', '-keyout', 'vault.key', '-out', 'vault.csr');
  // Without the ids of keys, by which it would not be the real one's.
  const extensions = [
    'subjectAltName=IP:127.0.0.1',
    'authorityKeyIdentifier=none',
    'subjectKeyIdentifier=none',
  ];
  await writeFile(join(directory, 'vault.ext'), `${extensions.join('\n')}\n`);
  const signed = [
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    'vault.ext',
  ];
  await openssl('x509', '-req', '-in', 'vault.csr', ...signed, '-out', 'vault.pem');
  return { certFile: join(directory, 'vault.pem'), keyFile: join(directory, 'vault.key') };
}
