import { dirname } from 'node:path';
import type { LoginTraits } from '../auth/index.ts';
import type { AuthConfig, Config, DeclaredVariable } from '../config/config.ts';
import type { ValueOrigin } from '../config/value-origins.ts';
import type { OutputPlan } from '../plan/outputs.ts';
import { secretsOf, type Plan, type SecretPlan } from '../plan/plan.ts';
import { isSecretOutput } from '../plan/cluster-outputs.ts';
import { requestsForTokenOutputs, tokenOutputsOf } from '../plan/token-outputs.ts';
import { directoryModes } from '../publish/files/directories.ts';
import { diskUnder } from '../publish/files/targets.ts';
import { modeText } from '../report/report.ts';
import type { Source } from '../shape/ref.ts';
import type { Schedule } from '../watch/schedule.ts';
import type { Access, FoundEngine } from './check-access.ts';

/** What the server says. */
export interface Found {
  readonly access?: readonly Access[];
  readonly engines?: readonly FoundEngine[];
}

/** What the values of fixtures are enough for. */
export interface Rendered {
  /** The file that takes the place of the server. */
  readonly fixtures: string;
  /** Outputs. */
  readonly rendered: number;
  readonly rendered_variables: number;
}

/** What `watch` would do. */
export interface Watched {
  readonly watch?: Schedule;
}

export interface LoginDescription {
  readonly method: string;
  readonly mount: string | null;
  readonly namespace: string | null;
}

export interface PlanDescription {
  readonly config: readonly string[];
  /** Files below it. */
  readonly defaults: readonly string[];
  /** Null with fixtures. */
  readonly address: string | null;
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
    /** Of its directory, if that is created: the modes of all outputs below it together. */
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
  /** The most that a run sends when nothing is repeated; with trees, of which only the server knows the size, the least. */
  readonly requests: {
    readonly bound: 'at most' | 'at least';
    /** Opening a wrapped credential and renewing a given token included. */
    readonly login: number;
    readonly mounts: number;
    readonly secrets: number;
    /** Renewing and wrapping the token for outputs. */
    readonly tokens: number;
    readonly revoke: number;
    readonly total: number;
  };
  readonly timeout_ms: number;
  /** Where the value of each key comes from. */
  readonly origins: readonly ValueOrigin[];
}

function describeLogin(auth: AuthConfig, { server }: Config): LoginDescription {
  return {
    method: auth.method,
    mount: 'mount' in auth ? auth.mount : null,
    namespace: auth.namespace ?? server.namespace ?? null,
  };
}

export function describePlan(config: Config, plan: Plan, logins: readonly LoginTraits[]): PlanDescription {
  const { server } = config;
  const { secrets, outputs } = plan;
  const [login, ...alternatives] = config.auth.map((auth) => describeLogin(auth, config)) as [
    LoginDescription,
    ...LoginDescription[],
  ];
  return {
    config: config.sources,
    defaults: config.defaults,
    address: server.address,
    login,
    login_alternatives: alternatives,
    secrets: secrets.map(describeSecret),
    outputs: describeOutputs(outputs),
    environment: config.environment.map(({ name }) => name),
    variables: config.environment.map(describeVariable),
    requests: countRequests(config, plan, logins),
    timeout_ms: config.timeoutMs,
    origins: config.origins(),
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

function describeOutputs(outputs: readonly OutputPlan[]): PlanDescription['outputs'] {
  const files = outputs.filter((output) => !isSecretOutput(output));
  const modeOf = directoryModes(files.map((plan) => ({ plan, files: [] })));
  return outputs.map((output) => {
    const { target, content } = output;
    const isFile = !isSecretOutput(output);
    const directory = target.kind === 'directory' ? target.path : dirname(target.path);
    return {
      path: target.path,
      format: content.kind === 'format' ? content.format.name : content.kind,
      mode: isFile ? modeText(target.mode) : null,
      directory_mode: isFile ? modeText(modeOf(directory)) : null,
      owner: isFile ? (target.uid ?? null) : null,
      group: isFile ? (target.gid ?? null) : null,
      secrets: secretsOf({ content }),
      disk: isFile ? (diskUnder(target.path) ?? null) : null,
    };
  });
}

function countRequests(
  { revoke }: Config,
  plan: Plan,
  logins: readonly LoginTraits[],
): PlanDescription['requests'] {
  const { secrets } = plan;
  const mints = logins.some(({ posts }) => posts);
  const login = Math.max(...logins.map(requestsToLogIn));
  const mounts = new Set(secrets.filter((secret) => secret.needsMountTable).map(({ namespace }) => namespace))
    .size;
  const reads = new Set(secrets.map(identityOf)).size;
  const tokenOutputs = tokenOutputsOf(plan);
  const tokens = requestsForTokenOutputs(tokenOutputs, mints);
  // With outputs there may be runs without variables.
  const isKept = tokenOutputs.some(({ what }) => what === 'output' || plan.outputs.length === 0);
  const isReturned = revoke === 'always' || (revoke === 'auto' && mints && !isKept);
  const returned = isReturned ? 1 : 0;
  const bound = secrets.some(({ listing }) => listing?.kind === 'tree') ? 'at least' : 'at most';
  const total = login + mounts + reads + tokens + returned;
  return { bound, login, mounts, secrets: reads, tokens, revoke: returned, total };
}

/** One method of a list is used: the most that any of them needs counts. */
function requestsToLogIn({ posts, renews, unwraps }: LoginTraits): number {
  return unwraps + Number(posts) + Number(renews);
}

/** As far as it is known offline; a logical and an API path of one secret are joined when the mounts are known. */
function identityOf(secret: SecretPlan): string {
  const { namespace, path, mount, engine, version, write, wrapTtlMs, listing } = secret;
  const lists = listing !== undefined;
  return JSON.stringify([namespace, path, mount, engine, version, write?.reveal(), wrapTtlMs, lists]);
}

interface VariableDescription {
  readonly name: string;
  readonly kind: DeclaredVariable['content']['kind'];
  /** Null: the token, or those that a template names. */
  readonly secret: string | null;
  /** Null: all keys, or those that a template names. */
  readonly key: string | null;
}

function describeVariable({ name, content }: DeclaredVariable): VariableDescription {
  const { kind } = content;
  switch (kind) {
    case 'value':
      return { name, kind, secret: secretOf(content.ref), key: content.ref.key };
    case 'keys':
    case 'secret':
      return { name, kind, secret: secretOf(content.of), key: null };
    case 'template':
    case 'token':
      return { name, kind, secret: null, key: null };
  }
}

function secretOf(ref: Source): string {
  if (ref.kind === 'name') return ref.name;
  return ref.version === undefined ? ref.path : `${ref.path}@${String(ref.version)}`;
}
