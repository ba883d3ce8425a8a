import { accessTable, engineAdvice } from './check-access.ts';
import type { Found, LoginDescription, PlanDescription, Rendered, Watched } from './check-plan.ts';
import { alignColumns } from './table.ts';

/** The plan for people. */
export function tables(plan: PlanDescription & Found & Partial<Rendered> & Watched): string {
  const logins = [plan.login, ...plan.login_alternatives].map(loginText);
  const secrets = plan.secrets.map((secret) => [
    secret.name,
    secret.method,
    `${secret.path}${secret.recursive ? '/**' : ''}${secret.version === null ? '' : ` (version ${String(secret.version)})`}`,
    secret.engine,
    [secret.optional ? 'optional' : '', secret.reuse ? 'reused' : ''].filter((one) => one !== '').join(', '),
  ]);
  const outputs = plan.outputs.map((output) => [
    output.path,
    output.format,
    output.mode ?? '-',
    output.directory_mode ?? '-',
    ownerText(output),
    output.secrets.join(', '),
  ]);
  return [
    `config   ${plan.config.join(', ')}`,
    ...(plan.defaults.length === 0 ? [] : [`defaults ${plan.defaults.join(', ')}`]),
    plan.address === null ? `values   ${plan.fixtures ?? ''}` : `server   ${plan.address}`,
    `login    ${logins.join(', or else ')}`,
    `requests ${requestsText(plan)}`,
    ...table(['SECRET', 'REQUEST', 'PATH', 'ENGINE', ''], secrets),
    ...table(['OUTPUT', 'FORMAT', 'MODE', 'DIRECTORY', 'OWNER', 'SECRETS'], outputs),
    ...diskLines(plan),
    ...variablesTable(plan),
    ...watchTable(plan),
    ...(plan.access === undefined ? [] : accessTable(plan.access)),
    ...engineAdvice(plan.engines ?? []),
    ...originsTable(plan),
    ...renderedLines(plan),
    '',
  ].join('\n');
}

function requestsText({ requests }: PlanDescription): string {
  const { bound, total, login, mounts, secrets, tokens, revoke } = requests;
  const parts = [
    `${String(login)} ${login > 1 ? 'for the ' : ''}login`,
    `${String(mounts)} mount look-up${mounts > 1 ? 's' : ''}`,
    `${String(secrets)} secret${secrets === 1 ? '' : 's'}`,
    ...(tokens === 0 ? [] : [`${String(tokens)} for token outputs`]),
    `${String(revoke)} revoke`,
  ];
  return `${bound} ${String(total)}: ${parts.join(', ')}`;
}

/** With an empty line before it; nothing without rows. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : ['', ...alignColumns(header, rows)];
}

function renderedLines({
  outputs,
  variables,
  rendered,
  rendered_variables,
}: PlanDescription & Partial<Rendered>): string[] {
  if (rendered === undefined) return [];
  const lines = [
    ...(outputs.length === 0 ? [] : [`all outputs render (${String(rendered)})`]),
    ...(variables.length === 0 ? [] : [`all variables render (${String(rendered_variables)})`]),
  ];
  return lines.length === 0 ? [] : ['', ...lines];
}

function variablesTable({ variables }: PlanDescription): string[] {
  const rows = variables.map(({ name, kind, secret, key }) =>
    secret === null ? [name, '-', '-', kind] : [name, secret, key ?? '*', ''],
  );
  return table(['VARIABLE', 'SECRET', 'KEY', ''], rows);
}

function watchTable({ watch }: Watched): string[] {
  if (watch === undefined) return [];
  return table(
    ['WATCH', ''],
    [['(token)', watch.token], ...watch.secrets.map(({ name, rule }) => [name, rule])],
  );
}

/** Of a single file, its lines say it. */
function originsTable({ config, defaults, origins }: PlanDescription): string[] {
  if (config.length + defaults.length < 2) return [];
  return table(
    ['KEY', 'FROM'],
    origins.map(({ key, from }) => [key, from]),
  );
}

function diskLines({ outputs }: PlanDescription): string[] {
  const onDisk = outputs.flatMap(({ path, disk }) => (disk === null ? [] : [`${path} (${disk})`]));
  return onDisk.length === 0 ? [] : ['', `not on tmpfs on this machine: ${onDisk.join(', ')}`];
}

function loginText({ method, mount, namespace }: LoginDescription): string {
  const at = mount === null ? '' : ` at auth/${mount}`;
  return `${method}${at}${namespace === null ? '' : ` in namespace ${namespace}`}`;
}

function ownerText({ owner, group }: PlanDescription['outputs'][number]): string {
  if (owner === null && group === null) return '-';
  return `${String(owner ?? '-')}:${String(group ?? '-')}`;
}
