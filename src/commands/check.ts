import { traitsOf, type LoginTraits } from '../auth/index.ts';
import { throwIfAny, type Failure } from '../base/errors.ts';
import type { AuthConfig, Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { Flags } from '../config/settings.ts';
import { readFixtures } from '../fetch/fixtures.ts';
import { withPipes } from '../host/input-file.ts';
import { NOBODY, resolveReads } from '../fetch/planned-reads.ts';
import type { Io } from '../host/io.ts';
import type { OutputPlan } from '../plan/outputs.ts';
import { planConfig } from '../plan/plan-config.ts';
import { secretsOf, type Plan, type SecretPlan } from '../plan/plan.ts';
import { requestsForTokenOutputs, tokenOutputsOf } from '../plan/token-outputs.ts';
import { diskUnder } from '../publish/files/targets.ts';
import { readInputs } from '../render/format-inputs.ts';
import { modeText } from '../report/report.ts';
import { inspectCapabilities, warnOfGuessedData } from '../run/inspect.ts';
import { withAnyAddress, withinTimeout } from '../run/perform.ts';
import { renderAll } from '../run/render-all.ts';
import { fixtureTokens } from '../session/tokens-for-outputs.ts';
import {
  accessTable,
  denialOf,
  describeAccess,
  engineAdvice,
  enginesFound,
  type Access,
  type FoundEngine,
} from './check-access.ts';
import {
  describeVariable,
  renderedLines,
  variablesTable,
  type Rendered,
  type VariableDescription,
} from './check-variables.ts';
import { alignColumns } from './table.ts';

export interface CheckOptions {
  readonly json?: boolean;
  /** Proves the outputs with the values of this file. */
  readonly fixtures?: string;
  /** Logs in, and asks what the token may do; no secret is read. */
  readonly online?: boolean;
  /** `PATH=REF` each. */
  readonly out?: readonly string[];
}

/**
 * `vaultonce check`: validates without a server and shows what `render` would do, or `exec` and `env` without outputs.
 * @throws RunError with every problem
 */
export async function check(
  { json = false, fixtures, online = false, out }: CheckOptions,
  flags: Flags,
  io: Io,
): Promise<void> {
  const config = await loadConfig(fixtures === undefined ? flags : withAnyAddress(flags), io, {
    outputs: out,
  });
  // A config without outputs is one for `exec` and `env`.
  const values = config.outputs.length === 0 ? config.environment : [];
  const plan = await planConfig(config, { secrets: 'all', outputs: config.outputs, values });
  const rendered = fixtures === undefined ? {} : await renderFixtures(fixtures, config, io);
  const { denials, ...found } = online ? await askServer(config, plan, io) : { denials: [] };
  if (!online) warnOfGuessedData(resolveReads(plan.secrets, new Map(), NOBODY).reads, io.scope.log);
  const logins = await Promise.all(config.auth.map(traitsOf));
  const description = { ...describePlan(config, plan, logins), ...found, ...rendered };
  io.stdout.write(json ? `${JSON.stringify(description, undefined, 2)}\n` : tables(description));
  throwIfAny(denials);
}

async function askServer(
  config: Config,
  plan: Plan,
  io: Io,
): Promise<Found & { readonly denials: readonly Failure[] }> {
  const inspected = await inspectCapabilities(config, plan, io.scope);
  io.scope.log.stopProgress();
  const denials = inspected.flatMap(denialOf);
  return { access: inspected.map(describeAccess), engines: enginesFound(inspected), denials };
}

/** Of all that is declared, even what no single command uses. */
async function renderFixtures(path: string, config: Config, io: Io): Promise<Rendered> {
  using scope = withinTimeout(config, io.scope);
  const values = config.environment;
  const plan = await planConfig(config, { secrets: 'all', outputs: config.outputs, values });
  const secrets = await readFixtures(path, plan.secrets, { ...io, scope });
  const outputs = await withPipes(scope.signal, () => readInputs(plan.outputs));
  const fetched = { secrets, failures: [] };
  const { values: variables } = await renderAll({ ...plan, outputs }, fetched, fixtureTokens(plan), scope);
  return { rendered: outputs.length, rendered_variables: variables.length };
}

interface LoginDescription {
  readonly method: string;
  readonly mount: string | null;
  readonly namespace: string | null;
}

interface PlanDescription {
  readonly config: readonly string[];
  readonly address: string;
  readonly login: LoginDescription;
  /** What is tried next, where the credentials of what comes before are not there. */
  readonly login_alternatives: readonly LoginDescription[];
  readonly secrets: readonly {
    readonly name: string;
    /** LIST: the names below the path; `recursive` reads them, too. */
    readonly method: 'GET' | 'POST' | 'LIST';
    readonly recursive: boolean;
    readonly path: string;
    readonly namespace: string | null;
    /** `by mount`: the server's mount table will say. */
    readonly engine: string;
    readonly version: number | null;
    readonly optional: boolean;
    /** Not asked for while an earlier run has left what is still good. */
    readonly reuse: boolean;
  }[];
  readonly outputs: readonly {
    readonly path: string;
    readonly format: string;
    /** None for an entry of a Secret. */
    readonly mode: string | null;
    /** Of directories that are created. */
    readonly directory_mode: string | null;
    readonly owner: number | null;
    readonly group: number | null;
    readonly secrets: readonly string[];
    /** The type of the file system on this machine, unless that is memory. */
    readonly disk: string | null;
  }[];
  readonly environment: readonly string[];
  /** Where each variable comes from. */
  readonly variables: readonly VariableDescription[];
  /** The most that `render` sends when nothing is repeated; with trees, of which only the server knows the size, the least. */
  readonly requests: {
    readonly bound: 'at most' | 'at least';
    readonly login: number;
    readonly mounts: number;
    readonly secrets: number;
    /** Renewing and wrapping the token for outputs. */
    readonly tokens: number;
    readonly revoke: number;
    readonly total: number;
  };
  readonly timeout_ms: number;
}

function describeLogin(auth: AuthConfig, { server }: Config): LoginDescription {
  return {
    method: auth.method,
    mount: 'mount' in auth ? auth.mount : null,
    namespace: auth.namespace ?? server.namespace ?? null,
  };
}

function describePlan(config: Config, plan: Plan, logins: readonly LoginTraits[]): PlanDescription {
  const { server } = config;
  const { secrets, outputs } = plan;
  const [login, ...alternatives] = config.auth.map((auth) => describeLogin(auth, config)) as [
    LoginDescription,
    ...LoginDescription[],
  ];
  return {
    config: config.sources,
    address: server.address,
    login,
    login_alternatives: alternatives,
    secrets: secrets.map(describeSecret),
    outputs: outputs.map(describeOutput),
    environment: config.environment.map(({ name }) => name),
    variables: config.environment.map(describeVariable),
    requests: countRequests(config, plan, logins),
    timeout_ms: config.timeoutMs,
  };
}

function describeSecret(secret: SecretPlan): PlanDescription['secrets'][number] {
  return {
    name: secret.name,
    method: secret.listing !== undefined ? 'LIST' : secret.write === undefined ? 'GET' : 'POST',
    recursive: secret.listing?.kind === 'tree',
    path: secret.path,
    namespace: secret.namespace ?? null,
    engine: secret.engine ?? (secret.needsMountTable ? 'by mount' : 'raw'),
    version: secret.version ?? null,
    optional: secret.optional,
    reuse: secret.reuse,
  };
}

function describeOutput({ target, content, kubernetes }: OutputPlan): PlanDescription['outputs'][number] {
  return {
    path: target.path,
    format: content.kind === 'format' ? content.format.name : content.kind,
    mode: kubernetes === undefined ? modeText(target.mode) : null,
    directory_mode: kubernetes === undefined ? modeText(target.directoryMode) : null,
    owner: kubernetes === undefined ? (target.uid ?? null) : null,
    group: kubernetes === undefined ? (target.gid ?? null) : null,
    secrets: secretsOf({ content }),
    disk: kubernetes === undefined ? (diskUnder(target.path) ?? null) : null,
  };
}

function countRequests(
  { revoke }: Config,
  plan: Plan,
  logins: readonly LoginTraits[],
): PlanDescription['requests'] {
  const { secrets } = plan;
  const login = logins.some(({ posts }) => posts) ? 1 : 0;
  const mounts = new Set(secrets.filter((secret) => secret.needsMountTable).map(({ namespace }) => namespace))
    .size;
  const reads = new Set(secrets.map(identityOf)).size;
  const tokenOutputs = tokenOutputsOf(plan);
  const tokens = requestsForTokenOutputs(tokenOutputs, login === 1);
  const isReturned = revoke === 'always' || (revoke === 'auto' && login === 1 && tokenOutputs.length === 0);
  const returned = isReturned ? 1 : 0;
  const bound = secrets.some(({ listing }) => listing?.kind === 'tree') ? 'at least' : 'at most';
  const total = login + mounts + reads + tokens + returned;
  return { bound, login, mounts, secrets: reads, tokens, revoke: returned, total };
}

/** As far as it is known offline; a logical and an API path of one secret are joined when the mounts are known. */
function identityOf(secret: SecretPlan): string {
  const { namespace, path, mount, engine, version, write, wrapTtlMs, listing } = secret;
  const lists = listing !== undefined;
  return JSON.stringify([namespace, path, mount, engine, version, write?.reveal(), wrapTtlMs, lists]);
}

interface Found {
  readonly access?: readonly Access[];
  readonly engines?: readonly FoundEngine[];
}

function tables(plan: PlanDescription & Found & Partial<Rendered>): string {
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
    ...variablesTable(plan.variables),
    ...(plan.access === undefined ? [] : accessTable(plan.access)),
    ...engineAdvice(plan.engines ?? []),
    ...renderedLines(plan),
    '',
  ].join('\n');
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
