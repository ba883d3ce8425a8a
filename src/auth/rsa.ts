import { sign, type SignKeyObjectInput } from 'node:crypto';
import { RunError } from '../base/errors.ts';

/**
 * A signature with an RSA key, over SHA-256, in base64.
 * @param key in PEM
 * @param where the key comes from, for messages
 * @param options PKCS #1 v1.5 without
 * @throws RunError `config` when the key is none
 */
export function signRsa(
  data: string,
  key: string,
  where: string,
  options: Omit<SignKeyObjectInput, 'key'> & { readonly passphrase?: string } = {},
): string {
  try {
    return sign('sha256', Buffer.from(data), { key, ...options }).toString('base64');
  } catch {
    // OpenSSL's texts may quote what they could not read.
    throw new RunError('config', 'the private key cannot be used', {
      where,
      hint: 'it must be an RSA key in PEM, with the right passphrase if it has one',
    });
  }
}
