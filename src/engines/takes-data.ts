/** Endpoints that answer only to data, by the type of their mount; and what such data looks like. */
const ENDPOINTS: readonly (readonly [type: string, below: RegExp, data: string])[] = [
  ['pki', /^(?:issuer\/[^/]+\/)?(?:issue|sign|sign-verbatim)(?:\/|$)/, 'common_name: web.example.com'],
  ['ssh', /^sign\//, 'public_key: ssh-ed25519 …'],
  ['ssh', /^creds\//, 'ip: 192.0.2.1'],
  ['ssh', /^issue\//, 'key_type: ed25519'],
  ['transit', /^encrypt\//, 'plaintext: …'],
  ['transit', /^(?:decrypt|rewrap)\//, 'ciphertext: …'],
  ['transit', /^(?:hmac|sign|verify|hash)(?:\/|$)/, 'input: …'],
  ['transit', /^random(?:\/|$)/, 'bytes: 32'],
  ['transit', /^datakey\//, 'bits: 256'],
  ['transform', /^(?:en|de)code\//, 'value: …'],
  ['kubernetes', /^creds\//, 'kubernetes_namespace: default'],
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
