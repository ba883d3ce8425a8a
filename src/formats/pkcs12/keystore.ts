import { createHash, createHmac, hash, pbkdf2Sync, webcrypto } from 'node:crypto';
import { BmpString, ObjectIdentifier, OctetString } from 'asn1js';
import {
  Attribute,
  AuthenticatedSafe,
  CertBag,
  CryptoEngine,
  PFX,
  PKCS8ShroudedKeyBag,
  PrivateKeyInfo,
  SafeBag,
  SafeContents,
} from 'pkijs';

/** A bundle of its own, which nobody else loads: `dist/pkcs12.js`. */

export interface KeystoreEntries {
  /** DER. The first one is that of the key. */
  readonly certificates: readonly Uint8Array[];
  /** PKCS #8, DER. Undefined: the certificates are ones to trust. */
  readonly key: Uint8Array | undefined;
}

/** RFC 7292 §4.2, RFC 2985 §5.5. */
const OID = {
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certBag: '1.2.840.113549.1.12.10.1.3',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  friendlyName: '1.2.840.113549.1.9.20',
  localKeyId: '1.2.840.113549.1.9.21',
  /** Oracle's own: Java takes a certificate without it for a part of a chain, and shows none. */
  trustedKeyUsage: '2.16.840.1.113894.746875.1.1',
  anyExtendedKeyUsage: '2.5.29.37.0',
} as const;

/** What keytool takes. */
const ITERATIONS = 10_000;

/** AES-256-CBC with PBKDF2 and HMAC-SHA-256, sealed with HMAC-SHA-256: what OpenSSL 3 and Java since 8u301 write. */
const ALGORITHMS = {
  contentEncryptionAlgorithm: { name: 'AES-CBC', length: 256 },
  hmacHashAlgorithm: 'SHA-256',
  iterationCount: ITERATIONS,
};

/** @param password of ASCII */
export async function encodeKeystore(
  entries: KeystoreEntries,
  password: string,
  friendlyName: string | undefined,
): Promise<Uint8Array> {
  const engine = new SaltingEngine(saltsOf(entries, password, friendlyName));
  const secret = { password: bufferOf(Buffer.from(password)) };
  const encrypted = { ...ALGORITHMS, ...secret };
  const bags = certificateBags(entries, friendlyName);
  const safes = [{ privacyMode: 1, value: new SafeContents({ safeBags: bags }) }];
  if (entries.key !== undefined) {
    const info = PrivateKeyInfo.fromBER(bufferOf(entries.key));
    const shrouded = new PKCS8ShroudedKeyBag({ parsedValue: info });
    await shrouded.makeInternalValues(encrypted, engine);
    const bag = new SafeBag({
      bagId: OID.shroudedKeyBag,
      bagValue: shrouded,
      bagAttributes: attributesOf(entries, friendlyName),
    });
    safes.push({ privacyMode: 0, value: new SafeContents({ safeBags: [bag] }) });
  }
  const authenticatedSafe = new AuthenticatedSafe({ parsedValue: { safeContents: safes } });
  // Taken for the safe that is encrypted as a whole; in the other the key is encrypted already.
  await authenticatedSafe.makeInternalValues({ safeContents: safes.map(() => encrypted) }, engine);
  const store = new PFX({ parsedValue: { integrityMode: 0, authenticatedSafe } });
  const seal = { iterations: ITERATIONS, pbkdf2HashAlgorithm: 'SHA-256', hmacHashAlgorithm: 'SHA-256' };
  await store.makeInternalValues({ ...secret, ...seal }, engine);
  return new Uint8Array(store.toSchema().toBER());
}

function certificateBags(entries: KeystoreEntries, friendlyName: string | undefined): SafeBag[] {
  return entries.certificates.map((certificate, index) => {
    // The bytes as they are: their signature is over them.
    const certValue = new OctetString({ valueHex: bufferOf(certificate) });
    const bagValue = new CertBag({ certId: OID.x509Certificate, certValue });
    const bagAttributes =
      entries.key === undefined
        ? trustAttributes(friendlyName, index)
        : index === 0
          ? attributesOf(entries, friendlyName)
          : [];
    return new SafeBag({ bagId: OID.certBag, bagValue, bagAttributes });
  });
}

/** The key and its certificate have the same. */
function attributesOf({ certificates }: KeystoreEntries, friendlyName: string | undefined): Attribute[] {
  const id = createHash('sha1')
    .update(certificates[0] ?? new Uint8Array())
    .digest();
  return [
    ...nameAttribute(friendlyName),
    new Attribute({ type: OID.localKeyId, values: [new OctetString({ valueHex: bufferOf(id) })] }),
  ];
}

/** Java drops all but the last certificate of a name. */
function trustAttributes(friendlyName: string | undefined, index: number): Attribute[] {
  const name = index === 0 ? friendlyName : friendlyName && `${friendlyName}-${String(index + 1)}`;
  const usage = new ObjectIdentifier({ value: OID.anyExtendedKeyUsage });
  return [...nameAttribute(name), new Attribute({ type: OID.trustedKeyUsage, values: [usage] })];
}

function nameAttribute(name: string | undefined): Attribute[] {
  return name === undefined
    ? []
    : [new Attribute({ type: OID.friendlyName, values: [new BmpString({ value: name })] })];
}

/**
 * Bytes for salts and initialisation vectors that depend on all that is in the store, so that an unchanged store is the
 * same file: different content has different ones, and nobody can tell them without it. They cost whoever guesses at the
 * password as much as the seal does.
 */
function saltsOf(
  { certificates, key }: KeystoreEntries,
  password: string,
  friendlyName: string | undefined,
): (length: number) => Uint8Array {
  const parts = [...certificates, key ?? '', friendlyName ?? ''];
  const content = createHash('sha256');
  for (const part of parts) content.update(hash('sha256', part, 'buffer'));
  const seed = pbkdf2Sync(password, content.digest(), ITERATIONS, 32, 'sha256');
  let count = 0;
  return (length) => {
    count += 1;
    const bytes = createHmac('sha512', seed).update(String(count)).digest();
    if (length > bytes.length) throw new RangeError('more bytes than a salt has');
    return bytes.subarray(0, length);
  };
}

/** All that it takes for random is a salt or an initialisation vector: content keys are derived from the password. */
class SaltingEngine extends CryptoEngine {
  readonly #salts: (length: number) => Uint8Array;

  constructor(salts: (length: number) => Uint8Array) {
    super({ name: 'node', crypto: webcrypto });
    this.#salts = salts;
  }

  override getRandomValues<T extends ArrayBufferView | null>(array: T): T {
    if (!(array instanceof Uint8Array)) throw new TypeError('not the bytes of a salt');
    array.set(this.#salts(array.length));
    return array;
  }
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
