/**
 * Endpoints that answer only to a write, by the type of their mount; and what its data looks like. Measured, except ldap and
 * ad, which are https://developer.hashicorp.com/vault/api-docs/secret/ldap#check-out-management. What looks like them but is
 * read without data: `totp/keys` and `totp/code`, `transit/keys` and `transit/export`, `pki/cert`, all other `creds`.
 */
const ENDPOINTS: readonly (readonly [type: string, below: RegExp, data: string])[] = [
  ['pki', /^(?:issuer\/[^/]+\/)?issue\//, 'common_name: web.example.com'],
  ['pki', /^(?:issuer\/[^/]+\/)?sign\/|^(?:issuer\/[^/]+\/)?sign-verbatim(?:\/|$)/, 'csr: …'],
  ['pki', /^(?:root|issuer\/[^/]+)\/sign-intermediate$/, 'csr: …'],
  ['pki', /^(?:root|issuer\/[^/]+)\/sign-self-issued$/, 'certificate: …'],
  ['ssh', /^sign\//, 'public_key: ssh-ed25519 …'],
  ['ssh', /^creds\//, 'ip: 192.0.2.1'],
  ['ssh', /^issue\//, 'key_type: ed25519'],
  ['transit', /^encrypt\//, 'plaintext: …'],
  ['transit', /^(?:decrypt|rewrap)\//, 'ciphertext: …'],
  ['transit', /^(?:hmac|sign)\/|^hash(?:\/|$)/, 'input: …'],
  ['transit', /^verify\//, 'input: …, signature: …'],
  ['transit', /^random(?:\/|$)/, 'bytes: 32'],
  ['transit', /^datakey\//, 'bits: 256'],
  ['transform', /^(?:en|de)code\//, 'value: …'],
  ['kubernetes', /^creds\//, 'kubernetes_namespace: default'],
  ['ldap', /^library\/.+\/check-out$/, 'ttl: 1h'],
  ['ad', /^library\/.+\/check-out$/, 'ttl: 1h'],
  ['system', /^tools\/random(?:\/|$)/, 'bytes: 32'],
  ['system', /^tools\/hash(?:\/|$)/, 'input: …'],
  ['identity', /^lookup\/(?:entity|group)$/, 'name: …'],
];

/**
 * The data that an endpoint takes, for a hint.
 * @param type of the mount
 * @param below the path without the mount
 * @returns undefined: it may be read without data
 */
export function dataTakenBy(type: string, below: string): string | undefined {
  return ENDPOINTS.find(([name, endpoint]) => name === type && endpoint.test(below))?.[2];
}

/** The same for a path whose mount is called like its type, as most are: a guess. */
export function dataTakenAt(path: string): string | undefined {
  const [, type = '', below = ''] = /^([a-z]+)[^/]*\/(.*)$/.exec(path) ?? [];
  return dataTakenBy(type, below);
}
