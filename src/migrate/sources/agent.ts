import { literal, type Draft, type Fields } from '../draft.ts';
import type { HclObject } from '../hcl/hcl-syntax.ts';
import { Stanza } from '../stanza.ts';
import { readMethod } from './agent-methods.ts';
import type { Reading, SourceFormat } from './source-format.ts';
import { modeOf, readTemplateStanza, templateOf } from './template-stanza.ts';
import { readAgentServer } from './vault-stanza.ts';

const TOOL = 'the agent';

/** What only configs of agents have. */
const OWN = [
  'auto_auth',
  'template_config',
  'env_template',
  'cache',
  'listener',
  'api_proxy',
  'exit_after_auth',
];

/** Settings of a process that keeps running. */
const LEFT_OUT = [
  ['cache', ['cache', 'listener', 'api_proxy', 'disable_idle_connections', 'disable_keep_alives']],
  [
    'logging',
    [
      ...['log_level', 'log_format', 'log_file', 'log_requests_level', 'telemetry'],
      ...['log_rotate_duration', 'log_rotate_bytes', 'log_rotate_max_files', 'log_rotate_max_archives'],
    ],
  ],
  ['process', ['pid_file', 'exit_after_auth']],
  ['watching', ['template_config']],
] as const;

/** Vault Agent, the agent of OpenBao. */
export const AGENT: SourceFormat = {
  title: 'Vault Agent',
  recognises: (parsed) => parsed.kind === 'hcl' && parsed.root.entries.some(({ key }) => OWN.includes(key)),
  read(parsed, { name }, draft, reading) {
    if (parsed.kind === 'hcl') readAgent(parsed.root, name, draft, reading);
  },
};

function readAgent(root: HclObject, file: string, draft: Draft, reading: Reading): void {
  const stanza = new Stanza(root, file, draft);
  for (const block of stanza.blocks('vault')) readAgentServer(block, draft);
  for (const block of stanza.blocks('auto_auth')) readAutoAuth(block, draft);
  for (const block of stanza.blocks('template')) {
    readTemplateStanza(block, { draft, reading, tool: TOOL });
  }
  for (const { label, stanza: block } of stanza.labelled('env_template', ['contents', 'source'])) {
    readVariable(label, block, draft, reading);
  }
  for (const block of stanza.blocks('exec')) readExec(block, draft);
  for (const [note, keys] of LEFT_OUT) {
    const found = keys.find((key) => stanza.has(key));
    stanza.knows(...keys);
    if (found !== undefined) draft.note(note, stanza.where(found));
  }
  stanza.end(TOOL);
}

function readAutoAuth(stanza: Stanza, draft: Draft): void {
  const methods = stanza.labelled('method', ['type', 'config', 'mount_path', 'namespace', 'wrap_ttl']);
  for (const { label, stanza: method } of methods) readMethod(label, method, draft);
  for (const { label, stanza: sink } of stanza.labelled('sink', ['type', 'config', 'wrap_ttl']))
    readSink(label, sink, draft);
  stanza.knows('enable_reauth_on_new_credentials');
  stanza.end(TOOL);
}

function readSink(label: string | undefined, stanza: Stanza, draft: Draft): void {
  const type = stanza.text('type') ?? label;
  const wrapTtl = stanza.text('wrap_ttl');
  if (type !== 'file')
    draft.problem(stanza.where(), 'a sink of another type than `file` has no counterpart', 'leave it out');
  if (stanza.knows('dh_type', 'dh_path', 'derive_key', 'aad', 'aad_env_var'))
    draft.problem(
      stanza.where(),
      'a sink that is encrypted (`dh_type`, `aad`) has no counterpart',
      'wrap the token: `wrap_ttl`',
    );
  for (const config of stanza.blocks('config')) {
    const path = config.text('path');
    const wrapping: Fields = wrapTtl === undefined ? {} : { wrap_ttl: literal(wrapTtl) };
    const fields = { token: true, ...wrapping, mode: modeOf(config.value('mode')) ?? '0640', ...ids(config) };
    config.end('a sink');
    if (path !== undefined) draft.output({ path: literal(path), fields }, config.where('path'));
    draft.note('token', stanza.where());
    draft.note('disk', stanza.where());
  }
  stanza.end('a sink');
}

function ids(config: Stanza): Fields {
  const found = (['owner', 'group'] as const).flatMap((key) => {
    const text = config.text(key);
    return text === undefined ? [] : [[key, Number(text)] as const];
  });
  return Object.fromEntries(found);
}

/** `env_template "NAME" { … }` */
function readVariable(name: string | undefined, stanza: Stanza, draft: Draft, reading: Reading): void {
  const template = templateOf(stanza, { draft, reading, tool: TOOL });
  stanza.knows('error_on_missing_key');
  stanza.end('a template of the agent');
  draft.note('missing key', stanza.where());
  if (template !== undefined && name !== undefined)
    draft.environment.set(name, { kind: 'template', template });
}

function readExec(stanza: Stanza, draft: Draft): void {
  draft.note('exec', stanza.where());
  stanza.knows('command', 'restart_on_secret_changes', 'restart_stop_signal');
  stanza.knows('child_process_stdout', 'child_process_stderr');
  stanza.end(TOOL);
}
