import { signRsa } from '../rsa.ts';

/** What signs requests: a key, and the name that Oracle knows it by. */
export interface OciKey {
  /** `TENANCY/USER/FINGERPRINT`, or a token that the key belongs to. */
  readonly keyId: string;
  readonly pem: string;
  readonly passphrase?: string | undefined;
  /** For messages. */
  readonly where: string;
}

/**
 * The `Authorization` of a request, over the headers in the order that they have here; `(request-target)` is one of them.
 * https://docs.oracle.com/en-us/iaas/Content/API/Concepts/signingrequests.htm
 */
export function authorization(
  headers: readonly (readonly [name: string, value: string])[],
  { keyId, pem, passphrase, where }: OciKey,
): string {
  const text = headers.map(([name, value]) => `${name}: ${value}`).join('\n');
  const names = headers.map(([name]) => name).join(' ');
  const signature = signRsa(text, pem, where, passphrase === undefined ? {} : { passphrase });
  return `Signature version="1",headers="${names}",keyId="${keyId}",algorithm="rsa-sha256",signature="${signature}"`;
}
