import { literal, type Draft } from '../draft.ts';
import type { HclEntry, HclObject } from '../hcl/hcl-syntax.ts';
import { Stanza } from '../stanza.ts';

/** A login of an agent, as it is called here. */
interface AgentMethod {
  readonly method: string;
  /** Keys of its `config`, by their names here. */
  readonly fields: Readonly<Record<string, string>>;
  /** Credentials that may stand in the file. */
  readonly credentials?: readonly string[];
  /** Keys without a meaning here. */
  readonly ignored?: readonly string[];
  /** What else its keys say. */
  readonly more?: (config: Stanza, draft: Draft) => void;
}

const ROLE = { role: 'role' } as const;

const METHODS: ReadonlyMap<string, AgentMethod> = new Map<string, AgentMethod>([
  [
    'approle',
    {
      method: 'approle',
      fields: { role_id_file_path: 'role_id_file', secret_id_file_path: 'secret_id_file' },
      more: readApprole,
    },
  ],
  ['kubernetes', { method: 'kubernetes', fields: { ...ROLE, token_path: 'token_file' } }],
  [
    'jwt',
    {
      method: 'jwt',
      fields: { ...ROLE, path: 'jwt_file' },
      ignored: ['remove_jwt_follows_symlinks', 'skip_remove_jwt', 'jwt_read_period'],
      more: (config, draft) => {
        if (config.boolean('remove_jwt_after_reading') !== false) draft.note('remove jwt', config.where());
      },
    },
  ],
  [
    'cert',
    {
      method: 'cert',
      fields: { name: 'name', client_cert: 'client_cert', client_key: 'client_key' },
      ignored: ['reload'],
      more: (config, draft) => {
        const file = config.text('ca_cert');
        if (file !== undefined) draft.set('vault.tls', 'ca_cert', literal(file), config.where('ca_cert'));
      },
    },
  ],
  ['token_file', { method: 'token', fields: { token_file_path: 'token_file' } }],
  [
    'ldap',
    {
      method: 'ldap',
      fields: { username: 'username', password_file_path: 'password_file' },
      ignored: ['remove_password_after_reading', 'remove_password_follows_symlinks'],
    },
  ],
  [
    'aws',
    {
      method: 'aws',
      fields: { ...ROLE, type: 'type', region: 'region', header_value: 'header_value' },
      credentials: ['access_key', 'secret_key', 'session_token'],
      ignored: ['nonce', 'credential_poll_interval', 'iam_server_id_header_value'],
    },
  ],
  [
    'azure',
    {
      method: 'azure',
      fields: { ...ROLE, resource: 'resource', object_id: 'object_id', client_id: 'client_id' },
      ignored: ['authenticate_from_environment'],
    },
  ],
  [
    'gcp',
    {
      method: 'gcp',
      fields: {
        ...ROLE,
        type: 'type',
        service_account: 'service_account',
        credentials: 'credentials_file',
      },
      ignored: ['project', 'jwt_exp'],
    },
  ],
  [
    'alicloud',
    {
      method: 'alicloud',
      fields: { ...ROLE, region: 'region' },
      credentials: ['access_key', 'access_secret', 'secret_key', 'access_token'],
      ignored: ['credential_poll_interval'],
    },
  ],
  ['cf', { method: 'cf', fields: ROLE }],
  ['oci', { method: 'oci', fields: { ...ROLE, type: 'type' }, ignored: ['credential_poll_interval'] }],
]);

/** What all methods have: `mount_path` is the method's path with `auth/` in front. */
const OF_ALL = ['min_backoff', 'max_backoff', 'exit_on_err', 'max_backoff_seconds'];

/** `method "…" { … }` of `auto_auth`. */
export function readMethod(label: string | undefined, stanza: Stanza, draft: Draft): void {
  const type = stanza.text('type') ?? label;
  const found = METHODS.get(type ?? '');
  if (found === undefined) {
    reportMethod(stanza.where(), draft);
    return;
  }
  const where = stanza.where();
  draft.set('auth', 'method', found.method, where);
  const mount = stanza
    .text('mount_path')
    ?.replace(/^\/?auth\//, '')
    .replace(/\/$/, '');
  if (mount !== undefined && mount !== found.method)
    draft.set('auth', 'mount', literal(mount), stanza.where('mount_path'));
  const namespace = stanza.text('namespace');
  if (namespace !== undefined) draft.set('auth', 'namespace', literal(namespace), stanza.where('namespace'));
  if (stanza.text('wrap_ttl') !== undefined)
    draft.problem(
      stanza.where('wrap_ttl'),
      'a login whose answer is wrapped has no counterpart',
      'wrap the token where it is written: `wrap_ttl` of a sink',
    );
  if (stanza.knows(...OF_ALL)) draft.note('retry', where);
  const configs = stanza.blocks('config');
  for (const config of configs) readFields(found, config, draft);
  stanza.end('a login of the agent');
}

function reportMethod(where: string, draft: Draft): void {
  draft.problem(
    where,
    'this login of the agent has no counterpart',
    `write \`auth:\` by hand; there are ${[...METHODS.keys()].join(', ')}, and \`method: custom\` for any other`,
  );
}

/** A login whose fields stand elsewhere, by the names that the agent has for them. */
export function fieldsOfMethod(
  type: string,
  fields: readonly { readonly key: string; readonly text: string; readonly where: string }[],
  where: string,
  draft: Draft,
): void {
  if (!METHODS.has(type)) {
    reportMethod(where, draft);
    return;
  }
  const file = where.replace(/:\d+$/, '');
  const entries = fields.map(({ key, text, where: place }): HclEntry => {
    const line = lineOf(place);
    return { key, line, value: { kind: 'text', text, line, firstLine: line, isVerbatim: false } };
  });
  const config: HclEntry = {
    key: 'config',
    line: 1,
    value: { kind: 'object', entries, line: lineOf(where) },
  };
  const root: HclObject = { kind: 'object', entries: [config], line: lineOf(where) };
  readMethod(type, new Stanza(root, file, draft), draft);
}

function lineOf(where: string): number {
  return Number(/\d+$/.exec(where)?.[0] ?? 1);
}

function readFields(
  { fields, credentials = [], ignored = [], more }: AgentMethod,
  config: Stanza,
  draft: Draft,
): void {
  for (const [theirs, ours] of Object.entries(fields)) {
    const text = config.text(theirs);
    if (text !== undefined) draft.set('auth', ours, literal(text), config.where(theirs));
  }
  for (const key of credentials)
    if (config.text(key) !== undefined) draft.note('credential', config.where(key));
  more?.(config, draft);
  config.knows(...ignored);
  config.end('this login of the agent');
}

function readApprole(config: Stanza, draft: Draft): void {
  const path = config.text('secret_id_response_wrapping_path');
  if (path !== undefined) {
    const where = config.where('secret_id_response_wrapping_path');
    draft.set('auth', 'secret_id_wrapped', true, where);
    draft.set('auth', 'secret_id_creation_path', literal(path), where);
  }
  const removes = config.boolean('remove_secret_id_file_after_reading') ?? true;
  if (!removes || !config.has('secret_id_file_path')) return;
  draft.set('auth', 'remove_secret_id_file', true, config.where());
  draft.note('remove secret_id', config.where());
}
