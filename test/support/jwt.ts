import { generateKeyPairSync, sign } from 'node:crypto';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
/** What a server checks the tokens with. */
export const PUBLIC_PEM = publicKey.export({ type: 'spki', format: 'pem' });

/** A token as an identity provider signs it. */
export function signJwt(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${part({ alg: 'ES256', typ: 'JWT' })}.${part(claims)}`;
  return `${input}.${sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** Ten minutes from now, as `exp` has it. */
export const soon = (): number => Math.floor(Date.now() / 1000) + 600;
