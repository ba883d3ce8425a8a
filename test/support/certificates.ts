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
  await openssl(...selfSigned(key, '/CN=root-ca', 'root'));
  await writeFile(file('issuing.ext'), 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n');
  await writeFile(file('vault.ext'), 'subjectAltName=IP:127.0.0.1\n');
  for (const [name, by] of [
    ['issuing', 'root'],
    ['vault', 'issuing'],
  ]) {
    await openssl('req', ...key, '-subj', `/CN=${name!}`, '-keyout', `${name!}.key`, '-out', `${name!}.csr`);
    await openssl(...signedBy(by!, name!, `${name!}.ext`));
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
    await openssl(...selfSigned(key, `/CN=${name}`, name));
  }
  await openssl('req', ...key, '-subj', '/CN=vault', '-keyout', 'server.key', '-out', 'server.csr');
  await writeFile(file('san.ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:vault.internal\n');
  await openssl(...signedBy('ca', 'server', 'san.ext'));
  return {
    caFile: file('ca.pem'),
    otherCaFile: file('other-ca.pem'),
    certFile: file('server.pem'),
    keyFile: file('server.key'),
  };
}

/** What openssl takes to make NAME.pem and NAME.key. @param key the kind of key */
function selfSigned(key: readonly string[], subject: string, name: string): string[] {
  const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`];
  return ['req', '-x509', ...key, '-days', '2', '-subj', subject, ...files];
}

/** What openssl takes to make NAME.pem of NAME.csr, signed by the CA of this name. */
function signedBy(by: string, name: string, extensions: string): string[] {
  const ca = ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial'];
  const files = ['-in', `${name}.csr`, '-out', `${name}.pem`];
  return ['x509', '-req', ...ca, '-days', '2', '-extfile', extensions, ...files];
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
  await openssl(...selfSigned(key, subject, 'ca'));
  await openssl('req', ...key, '-subj', '/CN=vault', '-keyout', 'vault.key', '-out', 'vault.csr');
  // Without the ids of keys, by which it would not be the real one's.
  const extensions = [
    'subjectAltName=IP:127.0.0.1',
    'authorityKeyIdentifier=none',
    'subjectKeyIdentifier=none',
  ];
  await writeFile(join(directory, 'vault.ext'), `${extensions.join('\n')}\n`);
  await openssl(...signedBy('ca', 'vault', 'vault.ext'));
  return { certFile: join(directory, 'vault.pem'), keyFile: join(directory, 'vault.key') };
}
