/** A class for the provider `vault`, and what becomes of it. */
interface VaultClass {
  readonly name: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly config: unknown;
  readonly audience?: string;
  /** By the names of the objects. */
  readonly requests: Readonly<Record<string, string>>;
  readonly modes?: readonly number[];
}

const TLS = { vaultAddress: 'https://vault:8200', vaultCACertPath: '/tls/ca.crt' };
const MUTUAL_TLS = {
  ...TLS,
  vaultTLSClientCertPath: '/tls/client.crt',
  vaultTLSClientKeyPath: '/tls/client.key',
};
const VAULT = { address: 'https://vault:8200', tls: { ca_cert: '/tls/ca.crt' } };
const MUTUAL_VAULT = {
  address: 'https://vault:8200',
  tls: { ca_cert: '/tls/ca.crt', client_cert: '/tls/client.crt', client_key: '/tls/client.key' },
};

const auth = (role: string, mount?: string): object => ({
  method: 'kubernetes',
  ...(mount === undefined ? {} : { mount }),
  role,
});

/** Classes with the same fields as those by which vault-csi-provider 1.7.4 and secrets-store-csi-driver 1.6.0 are tested. */
export const CLASSES: readonly VaultClass[] = [
  {
    name: 'KV version 2, with a permission',
    parameters: {
      roleName: 'kv',
      audience: 'vault',
      objects: `
- objectName: "one"
  secretPath: "secret/data/kv1"
  secretKey: "a"
  filePermission: 0624
- objectName: "two"
  secretPath: "secret/data/kv2"
  secretKey: "b"
`,
    },
    config: { auth: auth('kv') },
    audience: 'vault',
    requests: { one: 'GET secret/data/kv1', two: 'GET secret/data/kv2' },
    modes: [0o624, 0o644],
  },
  {
    name: 'three spellings of a path, and an encoding',
    parameters: {
      roleName: 'kv',
      audience: 'vault',
      ...MUTUAL_TLS,
      objects: `
- objectName: "one"
  secretPath: "/v1/secret/data/sync1"
  secretKey: "a"
- objectName: "two"
  secretPath: "v1/secret/data/sync2"
  secretKey: "b"
- objectName: "three"
  secretPath: "/secret/data/sync3"
  secretKey: "c"
  encoding: "base64"
`,
    },
    config: { vault: MUTUAL_VAULT, auth: auth('kv') },
    audience: 'vault',
    requests: { one: 'GET secret/data/sync1', two: 'GET secret/data/sync2', three: 'GET secret/data/sync3' },
  },
  {
    name: 'a certificate, as the whole answer to a PUT',
    parameters: {
      roleName: 'pki',
      audience: 'vault',
      ...TLS,
      objects: `
- objectName: "certs"
  secretPath: "pki/issue/web"
  secretArgs:
    common_name: "web.example.com"
    ttl: "24h"
  method: "PUT"
`,
    },
    config: { vault: VAULT, auth: auth('pki') },
    audience: 'vault',
    requests: { certs: 'PUT pki/issue/web {"common_name":"web.example.com","ttl":"24h"}' },
  },
  {
    name: 'two certificates of one role',
    parameters: {
      roleName: 'pki',
      objects: `
- objectName: "public"
  secretPath: "pki/issue/web"
  secretKey: "certificate"
  secretArgs:
    common_name: "public.example.com"
    ip_sans: "127.0.0.1"
    exclude_cn_from_sans: true
  method: "PUT"
- objectName: "internal"
  secretPath: "pki/issue/web"
  secretArgs:
    common_name: "internal.example.com"
  method: "PUT"
`,
    },
    config: { auth: auth('pki') },
    requests: {
      public:
        'PUT pki/issue/web {"common_name":"public.example.com","exclude_cn_from_sans":true,"ip_sans":"127.0.0.1"}',
      internal: 'PUT pki/issue/web {"common_name":"internal.example.com"}',
    },
  },
  {
    name: 'dynamic credentials, a certificate and KV',
    parameters: {
      roleName: 'all',
      audience: 'vault',
      ...MUTUAL_TLS,
      objects: `
- objectName: "user"
  secretPath: "database/creds/app"
  secretKey: "username"
- objectName: "password"
  secretPath: "database/creds/app"
  secretKey: "password"
- objectName: "certs"
  secretPath: "pki/issue/web"
  secretArgs:
    common_name: "web.example.com"
    ttl: "24h"
  method: "PUT"
- objectName: "kv"
  secretPath: "secret/data/kv1"
  secretKey: "a"
`,
    },
    config: { vault: MUTUAL_VAULT, auth: auth('all') },
    audience: 'vault',
    requests: {
      user: 'GET database/creds/app',
      password: 'GET database/creds/app',
      certs: 'PUT pki/issue/web {"common_name":"web.example.com","ttl":"24h"}',
      kv: 'GET secret/data/kv1',
    },
  },
  {
    name: 'a namespace',
    parameters: {
      roleName: 'kv',
      vaultNamespace: 'acceptance',
      audience: 'vault',
      objects: '- { objectName: "one", secretPath: "secret/data/kv1-namespace", secretKey: "a" }',
    },
    config: { vault: { namespace: 'acceptance' }, auth: auth('kv') },
    audience: 'vault',
    requests: { one: 'GET secret/data/kv1-namespace' },
  },
  {
    name: 'an audience of its own',
    parameters: {
      audience: 'custom',
      roleName: 'kv-custom',
      objects: '- objectName: "one"\n  secretPath: "secret/data/kv-custom"\n  secretKey: "a"\n\n',
    },
    config: { auth: auth('kv-custom') },
    audience: 'custom',
    requests: { one: 'GET secret/data/kv-custom' },
  },
  {
    name: 'the JWT login',
    parameters: {
      roleName: 'jwt-kv',
      vaultAuthMountPath: 'jwt',
      audience: 'vault',
      objects:
        '- objectName: "one"\n  secretPath: "secret/data/kv1"\n  secretKey: "a"\n  filePermission: 0644\n',
    },
    config: { auth: auth('jwt-kv', 'jwt') },
    audience: 'vault',
    requests: { one: 'GET secret/data/kv1' },
    modes: [0o644],
  },
  {
    name: 'the driver’s own: files in a directory',
    parameters: {
      roleName: 'csi',
      vaultAddress: 'http://vault.vault:8200',
      objects: `
- secretPath: "secret/data/foo"
  objectName: "bar"
  secretKey: "bar"
- secretPath: "secret/data/foo1"
  objectName: "bar1"
  secretKey: "bar1"
- secretPath: "secret/data/foo"
  objectName: "nested/bar"
  secretKey: "bar"
`,
    },
    config: { vault: { address: 'http://vault.vault:8200' }, auth: auth('csi') },
    requests: {
      bar: 'GET secret/data/foo',
      bar1: 'GET secret/data/foo1',
      'nested/bar': 'GET secret/data/foo',
    },
  },
  {
    name: 'a list whose items begin on the next line, and unused parameters',
    parameters: {
      roleName: 'example',
      vaultAddress: 'http://vault:8200',
      vaultSkipTLSVerify: 'true',
      vaultKubernetesMountPath: 'cluster-a',
      kubernetesServiceAccountPath: '/token',
      vaultCAPem: 'x',
      objects:
        '-\n  secretPath: "v1/secret/foo1"\n  objectName: "bar1"\n  objectVersion: ""\n  method: "GET"\n-\n  secretPath: "v1/secret/foo2"\n  objectName: "bar2"\n',
    },
    config: {
      vault: { address: 'http://vault:8200', tls: { skip_verify: true } },
      auth: auth('example', 'cluster-a'),
    },
    requests: { bar1: 'GET secret/foo1', bar2: 'GET secret/foo2' },
  },
];

const LONG = 'x'.repeat(255);

/** Names of files, good and bad ones. */
export const OBJECT_NAMES: readonly string[] = [
  ...['a', 'a/b', '.a', 'a..', 'a/..b', 'a b', 'é', '...a/b', 'x:y', LONG, `${LONG}/${LONG}`],
  ...[
    '',
    '/',
    '/a',
    '..',
    '../a',
    'a/../b',
    'a/..',
    '..a',
    '..data',
    '...',
    '.',
    './a',
    'a/.',
    'a/./b',
    'a//b',
    'a/',
  ],
  ...[`${LONG}x`, `a/${LONG}x`, 'é'.repeat(128), `${LONG}/`.repeat(16) + LONG, `${LONG}/`.repeat(15) + LONG],
];

/** Whether the driver takes it: what Validate of its fileutil refuses, by the rules of Go's path.Clean. */
export function isObjectName(name: string): boolean {
  const parts = name.split('/');
  const bytes = (text: string): number => Buffer.byteLength(text);
  return (
    name !== '' &&
    !(name.startsWith('..') && (parts[0] ?? '').length > 1) &&
    !parts.some((part) => part === '' || part === '.' || part === '..' || bytes(part) > 255) &&
    bytes(name) <= 4096
  );
}
