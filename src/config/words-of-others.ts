import { shownName } from '../base/shown-text.ts';
import type { ConfigPath } from './interpolate.ts';

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
  role: ['role', 'name'],
  jwtTokenAudience: ['audience'],
  env: ['environment'],
  envs: ['environment'],
  variables: ['environment'],
  env_template: ['environment'],
  template: ['outputs'],
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

/** Where a key may belong that stands at the top, in `vault:`, or in an output. */
const ELSEWHERE: readonly (readonly [at: RegExp, sections: readonly string[]])[] = [
  [/^$/, ['vault', 'vault.tls', 'output', 'auth']],
  [/^vault$/, ['vault.tls']],
  [/^outputs\.\d+$/, ['output']],
];

type Known = (place: ConfigPath) => readonly string[];

/** What to write in place of a key that is not known at a place: what another tool calls so, or what belongs elsewhere. */
export function hintFor(key: string, path: ConfigPath, known: Known): string | undefined {
  const steps = key.split('.');
  const [first = ''] = steps;
  if (path.length === 0 && steps.length > 1 && known([]).includes(first)) return dottedHint(steps, known);
  const meant = keyHere(key, path, known);
  if (meant !== undefined) return `it is \`${meant}\` here`;
  return path[0] === 'auth' && key === 'role' ? 'this method names no role' : undefined;
}

/** For `vault.address:` at the top. */
function dottedHint(steps: readonly string[], known: Known): string {
  const [place, last = ''] = [steps.slice(0, -1), steps.at(-1)];
  const word = keyHere(last, place, known);
  const isLogin = place.join('.') === 'auth' && LOGIN_KEYS.includes(last);
  const name = word ?? (isLogin ? last : undefined);
  const meant = name === undefined || name.includes('.') ? name : [...place, name].join('.');
  // A part of it may be the name of a secret.
  if (meant === undefined || shownName(meant) !== meant) return 'keys are nested, not dotted';
  return `keys are nested, not dotted: it is \`${meant}\` here, \`${nested(meant)}\``;
}

function keyHere(key: string, path: ConfigPath, known: Known): string | undefined {
  const place = path.join('.');
  const sections = ELSEWHERE.find(([at]) => at.test(place))?.[1] ?? [];
  const here = known(path);
  const own = here.includes(key) ? key : keyMeant(key, here);
  if (own !== undefined) return own;
  for (const section of sections) {
    const there = known(section.split('.'));
    const meant = there.includes(key) ? key : keyMeant(key, there);
    if (meant !== undefined) return meant.includes('.') ? meant : `${section}.${meant}`;
  }
  // Which keys a login has is known once it has a method.
  return place === '' && LOGIN_KEYS.includes(key) ? `auth.${key}` : undefined;
}

const LOGIN_KEYS = ['method', 'role', 'role_id', 'mount'];

/** `vault: { tls: { ca_cert: … } }` */
function nested(path: string): string {
  const [first = '', ...rest] = path.split('.');
  return rest.length === 0 ? `${first}: …` : `${first}: { ${nested(rest.join('.'))} }`;
}

/** A key that stands for the one that is missing: `type:` for `method:`. */
export function otherNameOf(missing: string | number | undefined, object: unknown): string | undefined {
  const name = String(missing);
  const keys = typeof object === 'object' && object !== null ? Object.keys(object) : [];
  const other = keys.find((key) => keyMeant(key, [name]) === name);
  return other === undefined ? undefined : `\`${other}\` is called \`${name}\` here`;
}

/** How each part of a config begins. */
const BEGINNINGS: Readonly<Record<string, string>> = {
  vault:
    'write its keys below it: `vault: { address: https://vault.example.com:8200 }`; CONFIGURATION.md lists them',
  auth: 'name the method and its fields: `auth: { method: kubernetes, role: web }`',
  secrets: 'begin each with its name: `db: secret/app/db`',
  environment: 'begin each with its name: `DB_PASSWORD: secret/app/db#password`',
  output: 'it has defaults for all outputs: `output: { directory: /vault/secrets }`',
};

/** For a part of the config that is a list in place of a map, or the like. */
export function wayToWrite(path: ConfigPath, value: unknown): string | undefined {
  const [part, ...below] = path;
  if (below.length > 0) return undefined;
  if (part === 'outputs')
    return Array.isArray(value)
      ? undefined
      : 'begin each output with `-`; defaults for all of them belong to `output:`';
  return Object.hasOwn(BEGINNINGS, String(part)) ? BEGINNINGS[String(part)] : undefined;
}

/** The key that is meant by another tool's, among those that are known at its place. */
function keyMeant(word: string, known: readonly string[]): string | undefined {
  const candidates = Object.hasOwn(KEYS, word) ? KEYS[word] : undefined;
  return candidates?.find((key) => known.includes(key) || key.includes('.'));
}

/** The value that is meant, among the allowed ones. */
export function valueMeant(word: string, allowed: readonly string[]): string | undefined {
  const name = word.toLowerCase();
  const value = Object.hasOwn(VALUES, name) ? VALUES[name] : undefined;
  return value !== undefined && allowed.includes(value) ? value : undefined;
}
