import { generateKeyPair, hash, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { RunError } from '../../base/errors.ts';
import { credentialFromText } from '../../host/credential-files.ts';
import { askThirdParty } from '../../http/third-party.ts';
import { askMetadata, objectIn, refusedBy, textIn } from '../metadata.ts';
import type { AuthIo } from '../method.ts';
import type { OciConfig } from './config.ts';
import { authorization, type OciKey } from './signature.ts';

const WHAT = "Oracle's metadata service";
const FEDERATION = "Oracle's token service for machines";
const ADDRESS = 'http://169.254.169.254/opc/v2';

/**
 * A key for this run alone, and the token that Oracle gives for it to the holder of the machine's certificate. Oracle's
 * package for it takes 740 KiB.
 * https://docs.oracle.com/en-us/iaas/Content/Identity/Tasks/callingservicesfrominstances.htm
 */
export async function machineKey(config: OciConfig, io: AuthIo): Promise<OciKey> {
  const ask = askMachine(config, io);
  // One after the other: the first says whether this is a machine of Oracle at all.
  const cert = await ask('identity/cert.pem');
  const key = await ask('identity/key.pem');
  const intermediate = await ask('identity/intermediate.pem');
  const url = config.federation_endpoint ?? federationAddress(await ask('instance/regionInfo'));
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const body = JSON.stringify({
    certificate: withoutFrame(cert),
    publicKey: withoutFrame(publicKey),
    intermediateCertificates: [withoutFrame(intermediate)],
  });
  const token = await federate(url, body, { keyId: keyIdOf(cert), pem: key, where: WHAT }, io);
  return { keyId: `ST$${token}`, pem: privateKey, where: FEDERATION };
}

function askMachine(config: OciConfig, io: AuthIo): (path: string) => Promise<string> {
  const variable = io.env['OCI_METADATA_BASE_URL'] ?? '';
  const named = config.metadata_endpoint ?? (variable === '' ? undefined : variable);
  const address = (named ?? ADDRESS).replace(/\/+$/, '');
  return async (path) => {
    const answer = await askMetadata(
      {
        method: 'GET',
        url: `${address}/${path}`,
        headers: { Authorization: 'Bearer Oracle' },
        what: WHAT,
        named: named !== undefined,
        absent: 'this is not a machine of Oracle Cloud',
      },
      io,
    );
    if (answer.status === 200) return answer.text;
    throw refusedBy(WHAT, answer.status);
  };
}

function federationAddress(regionInfo: string): string {
  const region = objectIn({ status: 200, text: regionInfo }, WHAT);
  const domain = textIn(region, 'realmDomainComponent', WHAT);
  return `https://auth.${textIn(region, 'regionIdentifier', WHAT)}.${domain}`;
}

/** The tenancy is in the subject of the certificate, as one of its names; the form is that of Oracle's SDK for Go. */
function keyIdOf(pem: string): string {
  try {
    const { subject, fingerprint } = new X509Certificate(pem);
    const tenancy = /opc-(?:tenant|identity):([^\s+]+)/.exec(subject)?.[1];
    if (tenancy !== undefined) return `${tenancy}/fed-x509/${fingerprint.toLowerCase()}`;
  } catch {
    // Told below.
  }
  throw new RunError('auth', `${WHAT} gave no certificate of a tenancy`, { where: 'auth' });
}

async function federate(address: string, body: string, key: OciKey, io: AuthIo): Promise<string> {
  const url = `${address.replace(/\/+$/, '')}/v1/x509`;
  const signed = [
    ['date', new Date().toUTCString()],
    ['(request-target)', 'post /v1/x509'],
    ['content-length', String(Buffer.byteLength(body))],
    ['content-type', 'application/json'],
    ['x-content-sha256', hash('sha256', body, 'base64')],
  ] as const;
  const headers = Object.fromEntries(signed.filter(([name]) => !name.startsWith('(')));
  const answer = await askThirdParty(
    {
      method: 'POST',
      url,
      headers: { ...headers, Authorization: authorization(signed, key) },
      body,
      what: FEDERATION,
    },
    io,
  );
  if (answer.status !== 200)
    throw refusedBy(FEDERATION, answer.status, 'is the clock of this machine right?');
  return credentialFromText(
    textIn(objectIn(answer, FEDERATION), 'token', FEDERATION),
    'the token',
    FEDERATION,
  ).reveal();
}

/** The base64 of a PEM text, without its first and last line. */
function withoutFrame(pem: string): string {
  return pem.replace(/-----[A-Z ]+-----|\s/g, '');
}
