import { DEFAULT_LOGIN, traitsOf, type LoginTraits } from '../auth/index.ts';
import { RunError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { Flags } from '../config/settings.ts';
import { needsOf } from '../fetch/capabilities.ts';
import { NOBODY, resolveReads, type PlannedRead } from '../fetch/planned-reads.ts';
import type { Io } from '../host/io.ts';
import { planConfig } from '../plan/plan-config.ts';
import type { Plan } from '../plan/plan.ts';
import { tokenOutputsOf, type TokenOutput } from '../plan/token-outputs.ts';
import { inspectReads, warnOfGuessedData } from '../run/inspect.ts';

/**
 * `vaultonce policy`: the least that the token of this config must be allowed, as HCL. Logs in only where the server
 * must say how a path is read.
 * @throws RunError
 */
export async function policy(flags: Flags, io: Io): Promise<void> {
  const { config, auth } = await loadBoth(flags, io);
  const plan = await planConfig(config, {
    secrets: 'all',
    outputs: config.outputs,
    values: config.environment,
  });
  const reads = await readsOf(config, plan, io);
  io.scope.log.stopProgress();
  const logins = await Promise.all(auth.map(traitsOf));
  const given: Given = { config: { ...config, auth }, logins, tokenOutputs: tokenOutputsOf(plan) };
  io.stdout.write(policyText(given, reads));
}

/**
 * The config, and the logins that its runs will use: those of the files, if they have any. `--auth` and the like only say
 * who asks the server now, such as an operator with a token of their own.
 */
async function loadBoth(
  flags: Flags,
  io: Io,
): Promise<{ readonly config: Config; readonly auth: Config['auth'] }> {
  const { auth: method, role, authMount, ...others } = flags;
  const set = flags.set?.filter((text) => !/^auth[.=]/.test(text));
  const isOverridden = (method ?? role ?? authMount) !== undefined || set?.length !== flags.set?.length;
  if (!isOverridden) {
    const config = await loadConfig(flags, io);
    return { config, auth: config.auth };
  }
  let stdin: ReturnType<Io['readStdin']> | undefined;
  const readStdin: Io['readStdin'] = (...limits) => (stdin ??= io.readStdin(...limits));
  const again = { ...io, readStdin };
  const config = await loadConfig(flags, again);
  const own = await loadConfig({ ...others, ...(set === undefined ? {} : { set }) }, again, {
    optional: true,
  });
  return { config, auth: own.auth[0] === DEFAULT_LOGIN ? config.auth : own.auth };
}

async function readsOf(config: Config, plan: Plan, io: Io): Promise<readonly PlannedRead[]> {
  if (plan.secrets.some(({ needsMountTable }) => needsMountTable))
    return inspectReads(config, plan, io.scope);
  const { reads, failures } = resolveReads(plan.secrets, new Map(), NOBODY);
  if (failures.length > 0) throw new RunError(failures);
  warnOfGuessedData(reads, io.scope.log);
  return reads;
}

/** What the token is for, besides reading secrets. */
interface Given {
  readonly config: Config;
  readonly logins: readonly LoginTraits[];
  readonly tokenOutputs: readonly TokenOutput[];
}

interface Rule {
  readonly path: string;
  readonly capabilities: readonly string[];
  /** What needs it. */
  readonly reason: string;
}

function policyText(given: Given, reads: readonly PlannedRead[]): string {
  const { config } = given;
  const [{ namespace: login }] = config.auth;
  const own = login ?? config.server.namespace;
  const groups = Map.groupBy(reads, ({ request }) => request.namespace);
  const sections = [...groups].map(([namespace, some]) => {
    const rules = [
      ...rulesOf(some),
      ...leaseRules(given, some),
      ...(namespace === own ? tokenRules(given) : []),
    ];
    return sectionText(namespace, rules, CHECK_ONLINE);
  });
  if (groups.has(own)) return sections.join('\n');
  const rules = tokenRules(given);
  return [...sections, ...(rules.length > 0 ? [sectionText(own, rules, '')] : [])].join('\n');
}

/** One rule for each path: a policy that names a path twice keeps only the last. */
function rulesOf(reads: readonly PlannedRead[]): Rule[] {
  const needs = reads.flatMap((read) => {
    checkLiteral(read.request.path, read);
    return needsOf(read).map((need) => ({ ...need, read }));
  });
  return [...Map.groupBy(needs, ({ path }) => path)].map(([path, some]) => ({
    path,
    capabilities: [...new Set(some.flatMap(({ capabilities }) => capabilities))].sort(),
    reason: some.flatMap(({ read }) => read.secrets.map(({ name }) => name)).join(', '),
  }));
}

/** `+` and a `*` at the end stand for other paths, and nothing quotes them. */
function checkLiteral(path: string, { secrets }: PlannedRead): void {
  const isOpen = /\$\{[^}]*$/.test(path);
  if (!isOpen && !path.endsWith('*') && !path.split('/').includes('+')) return;
  throw new RunError('config', `no policy can name the path ${path} and nothing else`, {
    where: secrets.map(({ where }) => where).join(', '),
    hint: isOpen
      ? 'HCL needs a `}` after `${`: give the secret another path'
      : 'a `*` at the end and a segment `+` are wildcards in policies: give the secret another path',
  });
}

function returnsToken({ config: { revoke }, logins }: Given): boolean {
  return revoke === 'always' || (revoke === 'auto' && logins.some(({ posts }) => posts));
}

/** Leases of a failed run end with its token; where that stays, each is revoked by itself. */
function leaseRules(given: Given, reads: readonly PlannedRead[]): readonly Rule[] {
  const mint = reads.filter(({ request }) => request.mints && request.wrapTtl === undefined);
  if (mint.length === 0) return [];
  if (given.config.watch.isDeclared) return WATCHED_LEASES;
  if (returnsToken(given)) return [];
  return [{ path: 'sys/leases/revoke', capabilities: ['update'], reason: 'ends leases if the run fails' }];
}

const WATCHED_LEASES: readonly Rule[] = [
  { path: 'sys/leases/renew', capabilities: ['update'], reason: 'watch: renews leases' },
  { path: 'sys/leases/revoke', capabilities: ['update'], reason: 'watch: ends leases that were replaced' },
];

/** A role may come without the default policy, which would allow them. */
function tokenRules(given: Given): Rule[] {
  const { logins, tokenOutputs } = given;
  const hasLimit = tokenOutputs.some(({ content }) => content.minTtlMs !== undefined);
  const { isDeclared: isWatched } = given.config.watch;
  const renews = isWatched || hasLimit || logins.some((login) => login.renews);
  const wraps = tokenOutputs.some(({ content }) => content.wrapTtlMs !== undefined);
  const rules: readonly (readonly [boolean, Rule])[] = [
    [renews, { path: 'auth/token/renew-self', capabilities: ['update'], reason: 'renews the token' }],
    [
      isWatched || (hasLimit && logins.some(({ posts }) => !posts)),
      { path: 'auth/token/lookup-self', capabilities: ['read'], reason: 'how long the token lives' },
    ],
    [wraps, { path: 'sys/wrapping/wrap', capabilities: ['update'], reason: 'wraps the token for an output' }],
    [
      returnsToken(given),
      { path: 'auth/token/revoke-self', capabilities: ['update'], reason: 'gives the token back' },
    ],
  ];
  return rules.filter(([needed]) => needed).map(([, rule]) => rule);
}

/** What only this command needs is no part of the least. */
const CHECK_ONLINE = `# \`vaultonce check --online\` also needs this, which the default policy allows; take it in for a role without that:
# path "sys/capabilities-self" {
#   capabilities = ["update"]
# }
`;

/** @param more at the end */
function sectionText(namespace: string | undefined, rules: readonly Rule[], more: string): string {
  const heading = namespace === undefined ? [] : [`# In namespace ${namespace}:`];
  const texts = rules.map(({ path, capabilities, reason }) => {
    const list = capabilities.map((capability) => JSON.stringify(capability)).join(', ');
    return `# ${reason}\npath ${hclText(path)} {\n  capabilities = [${list}]\n}\n`;
  });
  return [...heading, ...texts, ...(more === '' ? [] : [more])].join('\n');
}

/** Servers take what is between `${` and `}` as it stands; measured on OpenBao 2.7.2. */
function hclText(text: string): string {
  return JSON.stringify(text);
}
