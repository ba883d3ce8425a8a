import { DEEPEST, isTooDeep } from '../base/depth.ts';
import { firstOf, RunError, throwIfAny, type Failure } from '../base/errors.ts';
import { isJsonObject } from '../base/lossless-json.ts';
import type { FetchedSecret, JsonValue, SecretMetadata, Secrets } from '../base/secret-data.ts';
import { Secret } from '../base/secret.ts';
import { parseSource } from '../config/parse-source.ts';
import { readSource, type SourceIo } from '../config/source.ts';
import type { SecretPlan } from '../plan/plan.ts';
import { undeclared } from '../plan/values.ts';
import { holdsLostDigits, LOST_DIGITS } from '../shape/fields.ts';
import { completed } from './read-outcome.ts';
import { treeOf } from './tree.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads secrets from a YAML or JSON file instead of a server: a map of names, each a map of keys. `@version`, `@lease_id`
 * and `@lease_duration` set the metadata that the server would send.
 * @param unused names of other secrets of the config, which the file may have, too
 * @throws RunError `config` for an invalid file, and for missing or undeclared secrets
 */
export async function readFixtures(
  path: string,
  plans: readonly SecretPlan[],
  io: SourceIo,
  unused: readonly string[] = [],
): Promise<Secrets> {
  const source = await parseSource(await readSource(path, 'fixtures file', io, '--fixtures'));
  const fixtures: Fields = source.value;
  if (isTooDeep(fixtures)) {
    throw new RunError('config', `the fixtures file nests deeper than ${String(DEEPEST)} levels`, {
      where: source.name,
      hint: 'look for an alias that stands for something around it',
    });
  }
  const failures: Failure[] = [];
  const names = new Set([...plans.map(({ name }) => name), ...unused]);
  for (const name of Object.keys(fixtures).filter((one) => !names.has(one))) {
    failures.push(undeclared(name, source.name, names));
  }
  const secrets = plans.map((plan) => {
    const isGiven = ({ name }: SecretPlan): boolean => Object.hasOwn(fixtures, name);
    const named = isGiven(plan) ? plan : plans.find((other) => isGiven(other) && isSameRead(plan, other));
    return secretOf(plan, named && fixtures[named.name], source.name, failures);
  });
  throwIfAny(firstOf(failures, (failure) => failure));
  return new Map(secrets.map((secret) => [secret.name, secret]));
}

/** A reference by path, and a declared secret there: the server would be asked once. */
function isSameRead(one: SecretPlan, other: SecretPlan): boolean {
  const isPlain = ({ write, wrapTtlMs, listing }: SecretPlan): boolean =>
    (write ?? wrapTtlMs ?? listing) === undefined;
  const isSamePlace =
    one.path === other.path && one.version === other.version && one.namespace === other.namespace;
  return isSamePlace && isPlain(one) && isPlain(other);
}

function secretOf(plan: SecretPlan, fixture: unknown, file: string, failures: Failure[]): FetchedSecret {
  const { name, path, optional } = plan;
  if (fixture === undefined && plan.default === undefined) {
    if (optional) return { kind: 'absent', name, path };
    failures.push({
      kind: 'config',
      message: `the fixtures have no secret \`${name}\``,
      where: file,
      hint: `add \`${name}:\` with its keys; an \`optional: true\` secret may be left out`,
    });
    return { kind: 'failed', name };
  }
  const fields = fixture ?? {};
  if (!isJsonObject(fields)) {
    failures.push({
      kind: 'config',
      message: `the fixture of \`${name}\` is not a map of keys`,
      where: file,
      hint: `write it as \`${name}: { key: value }\``,
    });
    return { kind: 'failed', name };
  }
  for (const problem of metadataProblems(fields))
    failures.push({
      kind: 'config',
      message: `the fixture of \`${name}\` has an ${problem}`,
      where: file,
      hint: 'they are metadata; no fixture has a key of that name',
    });
  if (holdsLostDigits(fields)) {
    const { problem, hint } = LOST_DIGITS;
    failures.push({ kind: 'config', message: `the fixture of \`${name}\` ${problem}`, where: file, hint });
    return { kind: 'failed', name };
  }
  const entries = Object.entries(fields).filter(([key]) => !Object.hasOwn(METADATA, key));
  if (plan.listing?.kind === 'tree') return treeFixture(plan, entries, file, failures);
  const keys = new Map(entries);
  return {
    kind: 'found',
    name,
    keys: new Secret(completed(plan, keys)),
    metadata: metadataOf(path, fields),
  };
}

/** In a tree, each secret has its path relative to the tree: `tree: { folder/secret: { key: value } }`. */
function treeFixture(
  plan: SecretPlan,
  secrets: readonly (readonly [string, JsonValue])[],
  file: string,
  failures: Failure[],
): FetchedSecret {
  const { name, path } = plan;
  const entries = secrets.flatMap(([below, keys]) =>
    isJsonObject(keys) ? Object.entries(keys).map(([key, value]) => [`${below}/${key}`, value] as const) : [],
  );
  const tree = treeOf(plan, path, completed(plan, new Map(entries)));
  if (secrets.every(([, keys]) => isJsonObject(keys)) && 'kind' in tree) return tree;
  failures.push({
    kind: 'config',
    message: `the fixture of \`${name}\` is not a map of secrets by their path`,
    where: file,
    hint: `write it as \`${name}: { folder/secret: { key: value } }\``,
  });
  return { kind: 'failed', name };
}

/** What a fixture sets besides keys. */
const METADATA = { '@version': 'number', '@lease_id': 'string', '@lease_duration': 'number' } as const;

function metadataProblems(fixture: Fields): string[] {
  return Object.entries(METADATA)
    .filter(([name, type]) => fixture[name] !== undefined && typeof fixture[name] !== type)
    .map(([name, type]) => `${name} that is not a ${type === 'string' ? 'text' : type}`);
}

function metadataOf(path: string, fixture: Fields): SecretMetadata {
  const { '@version': version, '@lease_id': lease_id, '@lease_duration': lease_duration } = fixture;
  return {
    path,
    ...(typeof version === 'number' ? { version } : {}),
    ...(typeof lease_id === 'string' ? { lease_id } : {}),
    ...(typeof lease_duration === 'number' ? { lease_duration } : {}),
  };
}
