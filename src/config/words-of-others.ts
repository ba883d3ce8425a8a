/** A bundle of its own, `dist/words.js`: few configs have a mistake, and nobody else needs it. */

/**
 * Keys of the agent, consul-template, vault-action, the CSI provider and Kubernetes, as they are called here. Of several, the
 * first that there is at the place is meant; what has a dot is a place of its own.
 */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  addr: ['address'],
  url: ['address'],
  uri: ['address'],
  server: ['address', 'vault'],
  ns: ['namespace'],
  ca: ['vault.tls.ca_cert'],
  ca_cert: ['vault.tls.ca_cert'],
  ca_file: ['vault.tls.ca_cert'],
  cacert: ['vault.tls.ca_cert'],
  caCertificate: ['vault.tls.ca_cert_bytes'],
  ca_path: ['vault.tls.ca_path'],
  client_cert: ['vault.tls.client_cert'],
  client_key: ['vault.tls.client_key'],
  tls_server_name: ['server_name', 'vault.tls.server_name'],
  insecure: ['skip_verify', 'vault.tls.skip_verify'],
  tls_skip_verify: ['skip_verify', 'vault.tls.skip_verify'],
  tlsSkipVerify: ['skip_verify', 'vault.tls.skip_verify'],
  verify: ['skip_verify', 'vault.tls.skip_verify'],
  ssl: ['tls', 'vault.tls'],
  retry: ['max_retries', 'vault.max_retries'],
  retries: ['max_retries', 'vault.max_retries'],
  auto_auth: ['auth'],
  login: ['auth'],
  authentication: ['auth'],
  type: ['method', 'format'],
  path: ['mount'],
  mount_path: ['mount'],
  auth_path: ['mount'],
  authPath: ['mount'],
  roleName: ['role'],
  role_name: ['role'],
  jwtTokenAudience: ['audience'],
  env: ['environment'],
  envs: ['environment'],
  variables: ['environment'],
  env_template: ['environment'],
  templates: ['outputs'],
  files: ['outputs'],
  sinks: ['outputs'],
  sink: ['outputs'],
  objects: ['secrets'],
  destination: ['path'],
  dest: ['path'],
  file: ['path'],
  filename: ['path'],
  secretPath: ['path'],
  objectName: ['path'],
  secretKey: ['key'],
  field: ['key'],
  source: ['template'],
  template_file: ['template'],
  content: ['contents'],
  perms: ['mode'],
  perm: ['mode'],
  permissions: ['mode'],
  filePermission: ['mode'],
  defaultMode: ['mode'],
  user: ['owner'],
  uid: ['owner'],
  gid: ['group'],
  runAsUser: ['owner'],
  fsGroup: ['group'],
  directory: ['output.directory'],
  dir: ['directory', 'output.directory'],
  data: ['write'],
  params: ['write'],
  secretArgs: ['write'],
  ignoreNotFound: ['optional'],
};

/** The same for values. */
const VALUES: Readonly<Record<string, string>> = {
  github: 'github-actions',
  actions: 'github-actions',
  azure: 'azure-pipelines',
  azure_devops: 'azure-pipelines',
  bitbucket_pipelines: 'bitbucket',
  k8s: 'kubernetes',
  serviceaccount: 'kubernetes',
  oidc: 'jwt',
  app_role: 'approle',
  token_file: 'token',
  userpassword: 'userpass',
  env: 'dotenv',
  '.env': 'dotenv',
  sh: 'shell',
  bash: 'shell',
  export: 'shell',
  yml: 'yaml',
  props: 'properties',
  p12: 'pkcs12',
  pfx: 'pkcs12',
  text: 'raw',
  plain: 'raw',
  dir: 'files',
  directory: 'files',
  kv: 'kv2',
  'kv-v1': 'kv1',
  'kv-v2': 'kv2',
  uppercase: 'upper',
  lowercase: 'lower',
};

/** The key that is meant by another tool's, among those that are known at its place. */
export function keyMeant(word: string, known: readonly string[]): string | undefined {
  const candidates = Object.hasOwn(KEYS, word) ? KEYS[word] : undefined;
  return candidates?.find((key) => known.includes(key) || key.includes('.'));
}

/** The value that is meant, among the allowed ones. */
export function valueMeant(word: string, allowed: readonly string[]): string | undefined {
  const name = word.toLowerCase();
  const value = Object.hasOwn(VALUES, name) ? VALUES[name] : undefined;
  return value !== undefined && allowed.includes(value) ? value : undefined;
}
