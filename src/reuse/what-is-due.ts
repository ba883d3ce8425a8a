import type { Secrets } from '../base/secret-data.ts';
import { revealedJson } from '../base/revealed-json.ts';
import { Secret } from '../base/secret.ts';
import type { Config, DeclaredOutput } from '../config/config.ts';
import { isSecretOutput } from '../plan/cluster-outputs.ts';
import type { OutputPlan, PlacedOutput, RenderedOutput, WritableOutput } from '../plan/outputs.ts';
import { secretsOf, type Plan, type SecretPlan } from '../plan/plan.ts';
import { tokenOutputsOf } from '../plan/token-outputs.ts';
import { secretsOfVariable } from '../plan/variables.ts';
import { hashOf, stateText, type KnownOutput } from './known-outputs.ts';

/** A secret in outputs that are reused. */
export interface ReusedSecret {
  readonly name: string;
  readonly path: string;
  /** Seconds since 1970; undefined: it has no end. */
  readonly expires_at: number | undefined;
  /** Seconds since 1970; undefined: unknown. */
  readonly read_at: number | undefined;
}

/** The part of a plan that must be done now. */
export interface Due {
  /** The outputs to write, and the secrets to fetch for them. */
  readonly rest: Plan;
  /** When the first reused output is due, in seconds since 1970; Infinity: none. */
  readonly nextAt: number;
  /** The secrets that are not fetched. */
  readonly reused: readonly ReusedSecret[];
  /** Nothing needs to be requested from the server. */
  readonly isNothing: boolean;
  /**
   * All outputs to publish: the new ones, the reused ones with their content, and the record of both for later runs.
   * @param readAtS when the first of the secrets was read, in seconds since 1970; by default now
   */
  outputsAfter(
    rendered: readonly RenderedOutput[],
    secrets: Secrets,
    readAtS?: number,
  ): readonly WritableOutput[];
}

/** An output that is unchanged, and has time left. */
interface ReusableOutput {
  readonly plan: OutputPlan;
  readonly known: KnownOutput;
}

/**
 * Finds the outputs that can be reused: made of the same requests in the same way, valid for longer than `min_ttl`, and
 * read no longer ago than `max_age`. A secret is due if any output that uses it is due. Pure.
 * @param known the unchanged outputs of earlier runs
 * @param nowS seconds since 1970
 */
export function whatIsDue(config: Config, plan: Plan, known: readonly KnownOutput[], nowS: number): Due {
  const { state } = plan;
  if (state === undefined) return everythingIsDue(plan);
  const madeOf = fingerprints(config, plan);
  const found = plan.outputs.flatMap((output) => {
    const entry = known.find(({ path }) => path === output.target.path);
    if (entry === undefined || entry.made_of !== madeOf.get(output.where)) return [];
    // What was read in the future was read by another clock.
    if ((entry.read_at ?? 0) > nowS || dueAt(entry, output, plan) < nowS) return [];
    return [{ plan: output, known: entry }];
  });
  const reusable = withoutShared(found, plan);
  const names = new Set(reusable.flatMap((one) => secretsOf(one.plan)));
  const rest: Plan = {
    ...plan,
    outputs: plan.outputs.filter((output) => !reusable.some((one) => one.plan === output)),
    secrets: plan.secrets.filter(({ name }) => !names.has(name)),
  };
  const unchanged = reusable.map(({ plan: output, known: { files } }) => ({ plan: output, files }));
  return {
    rest,
    nextAt: Math.min(...reusable.map((one) => dueAt(one.known, one.plan, plan))),
    reused: plan.secrets
      .filter(({ name }) => names.has(name))
      .map((secret) => reusedSecret(secret, reusable)),
    isNothing: reusable.length > 0 && rest.secrets.length === 0 && isFixed(rest),
    outputsAfter: (rendered, secrets, readAtS = nowS) => [
      ...rendered,
      ...unchanged,
      ...stateAfter(rendered, secrets, { state, madeOf, reusable, plan, readAtS: Math.floor(readAtS) }),
    ],
  };
}

export function everythingIsDue(plan: Plan): Due {
  return {
    rest: plan,
    nextAt: Infinity,
    reused: [],
    isNothing: false,
    outputsAfter: (rendered) => rendered,
  };
}

/** A fingerprint of each output that is eligible for reuse, by its `where`. */
function fingerprints(config: Config, { outputs, secrets }: Plan): ReadonlyMap<string, string> {
  const byName = new Map(secrets.map((secret) => [secret.name, secret]));
  const reused = new Set(secrets.filter(({ reuse }) => reuse).map(({ name }) => name));
  return new Map(
    outputs.flatMap((output) => {
      const declared = config.outputs.find(({ where }) => where === output.where);
      if (declared === undefined || !isReusable(output, reused)) return [];
      return [
        [
          output.where,
          fingerprint(
            declared,
            output,
            secretsOf(output).map((name) => byName.get(name)),
          ),
        ],
      ];
    }),
  );
}

/** @param reused names of secrets */
function isReusable(output: OutputPlan, reused: ReadonlySet<string>): boolean {
  const used = secretsOf(output);
  // Whether a Secret is unchanged is known only to the cluster.
  return used.length > 0 && used.every((name) => reused.has(name)) && !isSecretOutput(output);
}

/** @param planned includes the password of a key store, whose file may have changed */
function fingerprint(
  { content }: DeclaredOutput,
  { content: planned }: OutputPlan,
  secrets: readonly (SecretPlan | undefined)[],
): string {
  const inputs = planned.kind === 'format' ? planned.inputs : undefined;
  const requests = secrets.map((secret) => [
    secret?.name,
    secret?.namespace,
    secret?.path,
    secret?.engine,
    secret?.mount,
    secret?.version,
    secret?.write,
    secret?.default,
    secret?.parse,
  ]);
  return hashOf(revealedJson([content, inputs, requests]));
}

/** When an output has less time left than its secrets require, or is older than they allow, in seconds since 1970. */
function dueAt(known: KnownOutput, output: OutputPlan, plan: Plan): number {
  const { expires_at = Infinity, read_at = 0, without_end = [] } = known;
  const names = secretsOf(output);
  const used = plan.secrets.filter(({ name }) => names.includes(name));
  const times = used.map(({ name, minTtlMs = 0, maxAgeMs }) => {
    if (maxAgeMs === undefined && without_end.includes(name)) return -Infinity;
    const oldestAt = maxAgeMs === undefined ? Infinity : read_at + maxAgeMs / 1000;
    return Math.min(expires_at - minTtlMs / 1000, oldestAt);
  });
  return Math.min(...times);
}

/** A secret that anything else needs is fetched, and all its outputs are written again: it is one credential. */
function withoutShared(
  found: readonly ReusableOutput[],
  { outputs, values }: Plan,
): readonly ReusableOutput[] {
  let reusable = found;
  for (;;) {
    const written = outputs.filter((output) => !reusable.some(({ plan }) => plan === output));
    const needed = new Set([...written.flatMap(secretsOf), ...values.flatMap(secretsOfVariable)]);
    const still = reusable.filter(({ plan }) => !secretsOf(plan).some((name) => needed.has(name)));
    if (still.length === reusable.length) return reusable;
    reusable = still;
  }
}

function reusedSecret({ name, path }: SecretPlan, reusable: readonly ReusableOutput[]): ReusedSecret {
  const users = reusable.filter(({ plan }) => secretsOf(plan).includes(name));
  const [first] = users;
  const hasEnd = first?.known.without_end?.includes(name) !== true;
  const ends = users.map(({ known }) => known.expires_at ?? Infinity);
  return { name, path, expires_at: hasEnd ? Math.min(...ends) : undefined, read_at: first?.known.read_at };
}

/** True for a plan that needs neither a fetched secret nor the token. */
function isFixed(plan: Plan): boolean {
  return tokenOutputsOf(plan).length === 0 && plan.outputs.every((output) => secretsOf(output).length === 0);
}

interface After {
  readonly state: PlacedOutput;
  readonly madeOf: ReadonlyMap<string, string>;
  readonly reusable: readonly ReusableOutput[];
  readonly plan: Pick<Plan, 'secrets'>;
  /** Seconds since 1970: before they were read. */
  readonly readAtS: number;
}

function stateAfter(
  rendered: readonly RenderedOutput[],
  secrets: Secrets,
  { state, madeOf, reusable, plan: { secrets: plans }, readAtS: read_at }: After,
): readonly WritableOutput[] {
  const written = rendered.flatMap(({ plan, files }) => {
    const made_of = madeOf.get(plan.where);
    const ends = secretsOf(plan).map((name) => ({ name, end: endOf(name, secrets) }));
    const without_end = ends.filter(({ end }) => end === undefined).map(({ name }) => name);
    const isAged = ({ name, maxAgeMs }: SecretPlan): boolean =>
      maxAgeMs !== undefined || !without_end.includes(name);
    if (made_of === undefined || !plans.every(isAged)) return [];
    const end = Math.min(...ends.map((one) => one.end ?? Infinity));
    const expires_at = Number.isFinite(end) ? end : undefined;
    const hashes = files.map(({ path, content }) => ({ path, sha256: hashOf(content.reveal()) }));
    return [{ path: plan.target.path, made_of, expires_at, read_at, without_end, files: hashes }];
  });
  const text = stateText([...reusable.map(({ known }) => known), ...written]);
  return [{ plan: state, files: [{ path: state.target.path, content: new Secret(Buffer.from(text)) }] }];
}

/** Undefined: it has no end, or that is unknown. */
function endOf(name: string, secrets: Secrets): number | undefined {
  const secret = secrets.get(name);
  return secret?.kind === 'found' ? secret.metadata.expires_at : undefined;
}
