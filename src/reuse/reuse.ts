import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config, DeclaredOutput } from '../config/config.ts';
import { isSecretOutput } from '../plan/cluster-outputs.ts';
import type {
  OutputPlan,
  PlacedOutput,
  RenderedFile,
  RenderedOutput,
  WritableOutput,
} from '../plan/outputs.ts';
import { secretsOf, type Plan, type SecretPlan } from '../plan/plan.ts';
import { Secret } from '../base/secret.ts';
import type { Secrets } from '../base/secret-data.ts';
import { readState, stateText, type OutputState } from './state.ts';

/** A secret that the outputs of an earlier run still hold. */
export interface ReusedSecret {
  readonly name: string;
  readonly path: string;
  /** Seconds since 1970. */
  readonly expires_at: number;
}

/** What a run need not do again. */
export interface Reuse {
  /** What is left to do. */
  readonly rest: Plan;
  readonly secrets: readonly ReusedSecret[];
  /** The outputs that stay, with what is in them. */
  readonly outputs: readonly RenderedOutput[];
  /** Nothing is left to ask the server for. */
  readonly isAll: boolean;
  /** What the next run has to know, as an output of its own. */
  stateAfter(rendered: readonly RenderedOutput[], secrets: Secrets): readonly WritableOutput[];
}

/** Found unchanged, and with time left. */
interface Kept {
  readonly plan: OutputPlan;
  readonly known: OutputState;
  readonly files: readonly RenderedFile[];
}

/**
 * Finds the outputs of earlier runs that are still good: made of the same requests in the same way, unchanged since, and
 * with an end that is further away than `min_ttl`. A secret is not asked for again when all outputs that use it are.
 * @param nowS seconds since 1970
 */
export function findReusable(config: Config, plan: Plan, nowS: number): Reuse {
  const { state } = plan;
  if (state === undefined) return nothingReused(plan);
  const madeOf = fingerprints(config, plan);
  const candidates = plan.outputs.filter((output) => madeOf.has(output.where));
  const known = candidates.length === 0 ? [] : readState(statePathToRead(plan, state));
  const found = candidates.flatMap((output) => {
    const entry = known.find(({ path }) => path === output.target.path);
    if (entry === undefined || entry.made_of !== madeOf.get(output.where)) return [];
    if (entry.expires_at - nowS < neededS(output, plan)) return [];
    const files = unchangedFiles(entry);
    return files === undefined ? [] : [{ plan: output, known: entry, files }];
  });
  const kept = withoutShared(found, plan);
  const names = new Set(kept.flatMap((one) => secretsOf(one.plan)));
  const rest: Plan = {
    ...plan,
    outputs: plan.outputs.filter((output) => !kept.some((one) => one.plan === output)),
    secrets: plan.secrets.filter(({ name }) => !names.has(name)),
  };
  return {
    rest,
    secrets: plan.secrets.filter(({ name }) => names.has(name)).map((secret) => reusedSecret(secret, kept)),
    outputs: kept.map(({ plan: output, files }) => ({ plan: output, files })),
    isAll: kept.length > 0 && rest.secrets.length === 0 && rest.outputs.every(isFixed),
    stateAfter: (rendered, secrets) => stateAfter(rendered, secrets, { state, madeOf, kept }),
  };
}

/** Everything is to be done. */
export function nothingReused(plan: Plan): Reuse {
  return { rest: plan, secrets: [], outputs: [], isAll: false, stateAfter: () => [] };
}

/** The outputs that can be reused at all, and what each is made of. */
function fingerprints(config: Config, { outputs, secrets }: Plan): ReadonlyMap<string, string> {
  const byName = new Map(secrets.map((secret) => [secret.name, secret]));
  return new Map(
    outputs.flatMap((output) => {
      const used = secretsOf(output).map((name) => byName.get(name));
      const declared = config.outputs.find(({ where }) => where === output.where);
      const canBe = used.length > 0 && used.every((one) => one?.reuse === true);
      // Only the cluster knows what has become of a Secret.
      if (declared === undefined || !canBe || isSecretOutput(output)) return [];
      return [[output.where, fingerprint(declared, output, used)]];
    }),
  );
}

/** @param planned has read the password of a key store, which may be another one in its file now */
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
  ]);
  const replacer = function (this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
    // Its own toJSON has hidden a secret before.
    const own = this[key];
    if (own instanceof Secret) return own.reveal();
    return value instanceof Map ? [...(value as Map<string, unknown>)] : value;
  };
  return sha256(JSON.stringify([content, inputs, requests], replacer));
}

/** Loaded by those who use it only. */
function sha256(data: string | Uint8Array): string {
  return process.getBuiltinModule('node:crypto').hash('sha256', data);
}

/** With `swap` it is in the set that is published. */
function statePathToRead({ managed }: Plan, { target }: PlacedOutput): string {
  if (managed?.kind !== 'swap') return target.path;
  return join(managed.path, '..data', target.path.slice(managed.path.length + 1));
}

/** The longest `min_ttl` of what an output is made of. */
function neededS(output: OutputPlan, { secrets }: Plan): number {
  const names = secretsOf(output);
  const used = secrets.filter(({ name }) => names.includes(name));
  return Math.max(...used.map(({ minTtlMs = 0 }) => minTtlMs / 1000));
}

/** @returns undefined if one is gone, or holds something else */
function unchangedFiles({ files }: OutputState): readonly RenderedFile[] | undefined {
  try {
    const found = files.map(({ path, sha256: expected }) => {
      const bytes = readFileSync(path);
      return { path, bytes, same: sha256(bytes) === expected };
    });
    if (found.length === 0 || !found.every(({ same }) => same)) return undefined;
    return found.map(({ path, bytes }) => ({ path, content: new Secret<Uint8Array>(bytes) }));
  } catch {
    // Whatever is wrong with it: it is written anew, and told then.
    return undefined;
  }
}

/** A secret that anything else needs is fetched, and all that is made of it is written anew: it is one credential. */
function withoutShared(found: readonly Kept[], { outputs, values }: Plan): readonly Kept[] {
  let kept = found;
  for (;;) {
    const written = outputs.filter((output) => !kept.some(({ plan }) => plan === output));
    const needed = new Set([...written.flatMap(secretsOf), ...values.map(({ secret }) => secret)]);
    const still = kept.filter(({ plan }) => !secretsOf(plan).some((name) => needed.has(name)));
    if (still.length === kept.length) return kept;
    kept = still;
  }
}

function reusedSecret({ name, path }: SecretPlan, kept: readonly Kept[]): ReusedSecret {
  const users = kept.filter(({ plan }) => secretsOf(plan).includes(name));
  return { name, path, expires_at: Math.min(...users.map(({ known }) => known.expires_at)) };
}

/** Made of nothing that has to be fetched. */
function isFixed(output: OutputPlan): boolean {
  return output.content.kind !== 'token' && secretsOf(output).length === 0;
}

interface After {
  readonly state: PlacedOutput;
  readonly madeOf: ReadonlyMap<string, string>;
  readonly kept: readonly Kept[];
}

function stateAfter(
  rendered: readonly RenderedOutput[],
  secrets: Secrets,
  { state, madeOf, kept }: After,
): readonly WritableOutput[] {
  const written = rendered.flatMap(({ plan, files }) => {
    const made_of = madeOf.get(plan.where);
    const expires_at = Math.min(...secretsOf(plan).map((name) => endOf(name, secrets)));
    if (made_of === undefined || !Number.isFinite(expires_at)) return [];
    const hashes = files.map(({ path, content }) => ({ path, sha256: sha256(content.reveal()) }));
    return [{ path: plan.target.path, made_of, expires_at, files: hashes }];
  });
  const text = stateText([...kept.map(({ known }) => known), ...written]);
  return [{ plan: state, files: [{ path: state.target.path, content: new Secret(Buffer.from(text)) }] }];
}

/** NaN: what has no end that is known is never reused. */
function endOf(name: string, secrets: Secrets): number {
  const secret = secrets.get(name);
  return (secret?.kind === 'found' ? secret.metadata.expires_at : undefined) ?? NaN;
}
