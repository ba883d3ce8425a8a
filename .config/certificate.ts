import { webcrypto } from 'node:crypto';
import { Integer, OctetString, Utf8String } from 'asn1js';
import {
  AttributeTypeAndValue,
  Certificate,
  CryptoEngine,
  Extension,
  GeneralName,
  GeneralNames,
} from 'pkijs';

/** PEM. */
export interface OwnCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** RFC 5280, appendix A. */
const OID = { commonName: '2.5.4.3', subjectAltName: '2.5.29.17' } as const;
/** The kind of a GeneralName that is an IP address, RFC 5280 §4.2.1.6. */
const IP_ADDRESS = 7;
const HOUR_MS = 3_600_000;

/** A certificate for 127.0.0.1 and its key, made anew: who trusts it trusts nothing else. It is good for an hour. */
export async function createOwnCertificate(): Promise<OwnCertificate> {
  const { subtle } = webcrypto;
  const keys = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const engine = new CryptoEngine({ name: 'node', crypto: webcrypto });
  const own = new Certificate({ version: 2, serialNumber: new Integer({ value: 1 }) });
  const name = new AttributeTypeAndValue({
    type: OID.commonName,
    value: new Utf8String({ value: 'stand-in' }),
  });
  own.subject.typesAndValues.push(name);
  own.issuer.typesAndValues.push(name);
  own.notBefore.value = new Date(Date.now() - HOUR_MS);
  own.notAfter.value = new Date(Date.now() + HOUR_MS);
  const address = new OctetString({ valueHex: new Uint8Array([127, 0, 0, 1]).buffer });
  const names = new GeneralNames({ names: [new GeneralName({ type: IP_ADDRESS, value: address })] });
  own.extensions = [new Extension({ extnID: OID.subjectAltName, extnValue: names.toSchema().toBER() })];
  await own.subjectPublicKeyInfo.importKey(keys.publicKey, engine);
  await own.sign(keys.privateKey, 'SHA-256', engine);
  return {
    certificate: pem('CERTIFICATE', own.toSchema(true).toBER()),
    key: pem('PRIVATE KEY', await subtle.exportKey('pkcs8', keys.privateKey)),
  };
}

function pem(label: string, der: ArrayBuffer): string {
  const text = Buffer.from(der).toString('base64');
  return `-----BEGIN ${label}-----\n${text.replaceAll(/.{64}/g, '$&\n')}\n-----END ${label}-----\n`;
}
