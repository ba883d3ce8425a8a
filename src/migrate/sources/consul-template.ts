import { literal, literalOf, type Draft } from '../draft.ts';
import type { HclObject } from '../hcl/hcl-syntax.ts';
import { Stanza } from '../stanza.ts';
import type { Reading, SourceFormat } from './source-format.ts';
import { readTemplateStanza } from './template-stanza.ts';
import { setAddress, setText } from './vault-stanza.ts';

const TOOL = 'consul-template';

/** What only configs of consul-template have, beside templates. */
const OWN = ['template', 'deduplicate', 'default_left_delimiter', 'template_error_fatal'];

/** Settings of a process that keeps running. */
const LEFT_OUT = [
  [
    'watching',
    ['wait', 'max_stale', 'deduplicate', 'block_query_wait', 'template_error_fatal', 'err_on_failed_lookup'],
  ],
  ['logging', ['log_level', 'syslog', 'telemetry', 'log_file', 'log_rotate_bytes', 'log_rotate_duration']],
  ['process', ['pid_file', 'kill_signal', 'reload_signal', 'once', 'parse_only', 'log_rotate_max_files']],
] as const;

export const CONSUL_TEMPLATE: SourceFormat = {
  title: TOOL,
  recognises: (parsed) => parsed.kind === 'hcl' && parsed.root.entries.some(({ key }) => OWN.includes(key)),
  read(parsed, { name }, draft, reading) {
    if (parsed.kind === 'hcl') readConfig(parsed.root, name, draft, reading);
  },
};

function readConfig(root: HclObject, file: string, draft: Draft, reading: Reading): void {
  const stanza = new Stanza(root, file, draft);
  for (const block of stanza.blocks('vault')) readTokenServer(block, draft);
  const left = stanza.text('default_left_delimiter');
  const right = stanza.text('default_right_delimiter');
  const delimiters = { left: left ?? '{{', right: right ?? '}}' };
  for (const block of stanza.blocks('template'))
    readTemplateStanza(block, { draft, reading, tool: TOOL, delimiters });
  for (const block of stanza.blocks('exec')) readExec(block, TOOL, draft);
  if (stanza.knows('consul', 'nomad')) draft.note('consul', stanza.where('consul'));
  leaveOut(stanza, LEFT_OUT, draft);
  stanza.end(TOOL);
}

/** `exec { … }` of consul-template and envconsul: the command is given on the command line. */
export function readExec(stanza: Stanza, tool: string, draft: Draft): void {
  draft.note('exec', stanza.where());
  stanza.knows('enabled', 'command');
  for (const env of stanza.blocks('env')) {
    if (env.boolean('pristine') === true) draft.note('pristine', env.where('pristine'));
    leaveOut(env, [['exec env', ['custom', 'allowlist', 'denylist', 'whitelist', 'blacklist']]], draft);
    env.end(tool);
  }
  leaveOut(
    stanza,
    [
      ['process', ['kill_signal', 'kill_timeout', 'reload_signal']],
      ['watching', ['splay', 'timeout']],
    ],
    draft,
  );
  stanza.end(tool);
}

/** Notes what has no meaning for a run. */
export function leaveOut(
  stanza: Stanza,
  kinds: readonly (readonly [Parameters<Draft['note']>[0], readonly string[]])[],
  draft: Draft,
): void {
  for (const [note, keys] of kinds) {
    const found = keys.find((key) => stanza.has(key));
    stanza.knows(...keys);
    if (found !== undefined) draft.note(note, stanza.where(found));
  }
}

/** `vault { … }` of consul-template and envconsul, which are given a token. */
export function readTokenServer(stanza: Stanza, draft: Draft): void {
  setAddress(literalOf(stanza.text('address')), stanza.where('address'), draft);
  setText(stanza, 'namespace', ['vault', 'namespace'], draft);
  for (const ssl of stanza.blocks('ssl')) readTls(ssl, draft);
  readToken(stanza, draft);
  leaveOut(
    stanza,
    [
      ['retry', ['retry', 'transport', 'client_user_agent']],
      [
        'once',
        ['renew_token', 'renew', 'default_lease_duration', 'lease_renewal_threshold', 'grace', 'enabled'],
      ],
    ],
    draft,
  );
  stanza.end(TOOL);
}

const TLS = {
  ca_cert: 'ca_cert',
  ca_path: 'ca_path',
  cert: 'client_cert',
  key: 'client_key',
  server_name: 'server_name',
} as const;

function readTls(ssl: Stanza, draft: Draft): void {
  for (const [theirs, ours] of Object.entries(TLS)) setText(ssl, theirs, ['vault.tls', ours], draft);
  if (ssl.boolean('verify') === false) draft.set('vault.tls', 'skip_verify', true, ssl.where('verify'));
  if (ssl.text('ca_cert_bytes') !== undefined)
    draft.problem(ssl.where('ca_cert_bytes'), 'the CA stands in the file', 'write it into a file: `ca_cert`');
  ssl.knows('enabled');
  ssl.end(TOOL);
}

function readToken(stanza: Stanza, draft: Draft): void {
  const role = stanza.text('k8s_auth_role_name');
  const file = stanza.text('vault_agent_token_file');
  const token = stanza.text('token');
  const where = stanza.where();
  if (stanza.boolean('unwrap_token') === true) {
    draft.set('auth', 'method', 'token', where);
    draft.set('auth', 'wrapped', true, stanza.where('unwrap_token'));
  }
  if (role !== undefined) {
    draft.set('auth', 'method', 'kubernetes', stanza.where('k8s_auth_role_name'));
    draft.set('auth', 'role', literal(role), stanza.where('k8s_auth_role_name'));
    setText(stanza, 'k8s_service_account_token_path', ['auth', 'token_file'], draft);
    setText(stanza, 'k8s_service_mount_path', ['auth', 'mount'], draft);
  } else if (file !== undefined) {
    draft.set('auth', 'method', 'token', where);
    draft.set('auth', 'token_file', literal(file), stanza.where('vault_agent_token_file'));
  } else if (token !== undefined) {
    draft.note('credential', stanza.where('token'));
  }
  if (stanza.text('k8s_service_account_token') !== undefined)
    draft.note('credential', stanza.where('k8s_service_account_token'));
}
