import { accessTable, engineAdvice, type Access, type FoundEngine } from './check-access.ts';
import type { LoginDescription, PlanDescription } from './plan-description.ts';
import { alignColumns } from './table.ts';

/** What only a server or values can tell of a plan. */
export interface Found {
  readonly access?: readonly Access[];
  readonly engines?: readonly FoundEngine[];
  /** Outputs, with the values of fixtures. */
  readonly rendered?: number;
}

/** A plan as tables. */
export function tables(plan: PlanDescription & Found): string {
  const { requests } = plan;
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
    `server   ${plan.address}`,
    `login    ${logins.join(', or else ')}`,
    `requests ${requests.bound} ${String(requests.total)}: ${String(requests.login)} login, ${String(requests.mounts)} mount look-up, ${String(requests.secrets)} secrets, ${requests.tokens === 0 ? '' : `${String(requests.tokens)} for token outputs, `}${String(requests.revoke)} revoke`,
    '',
    ...alignColumns(['SECRET', 'REQUEST', 'PATH', 'ENGINE', ''], secrets),
    '',
    ...alignColumns(['OUTPUT', 'FORMAT', 'MODE', 'DIRECTORY', 'OWNER', 'SECRETS'], outputs),
    ...diskLines(plan),
    ...variablesTable(plan),
    ...(plan.access === undefined ? [] : accessTable(plan.access)),
    ...engineAdvice(plan.engines ?? []),
    ...(plan.rendered === undefined ? [] : ['', `all outputs render (${String(plan.rendered)})`]),
    '',
  ].join('\n');
}

function variablesTable({ variables }: PlanDescription): string[] {
  if (variables.length === 0) return [];
  const rows = variables.map(({ name, kind, secret, key }) => [name, secret ?? kind, key ?? '*']);
  return ['', ...alignColumns(['VARIABLE', 'SECRET', 'KEY'], rows)];
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
