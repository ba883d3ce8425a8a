import type { Failure } from '../base/errors.ts';
import { withJsonRead } from '../base/lossless-json.ts';
import type { FetchedSecret, JsonValue, KeyValues } from '../base/secret-data.ts';
import { Secret } from '../base/secret.ts';
import { keysOf, namesOf, type ReadResult } from '../engines/engine.ts';
import type { SecretPlan } from '../plan/plan.ts';
import { readEnvelope, type Envelope } from '../vault/responses.ts';
import type { Answer, Unavailable } from '../vault/vault-answer.ts';
import { isWanted } from './listing.ts';
import type { PlannedRead } from './planned-reads.ts';
import { refusalOf } from './read-refusal.ts';
import { expiryOf, tooShort, type Clock } from './ttl.ts';

/** The result of a request for each secret that shares it. */
export interface ReadOutcome {
  readonly fetched: readonly FetchedSecret[];
  readonly failures: readonly Failure[];
}

/** Reads an answer for all secrets that share it; failures name the declaration of each. */
export function outcomeOf(read: PlannedRead, answer: Answer | Unavailable, clock: Clock): ReadOutcome {
  const result = resultOf(read, answer);
  if (result.kind === 'failed') return failed(read, result.failure);
  if (result.kind === 'missing')
    return read.mountKnown ? missing(read, result) : failed(read, hiddenMount(read));
  const failures: Failure[] = [];
  return { fetched: read.secrets.map((secret) => found(secret, read, result, clock, failures)), failures };
}

/** The result of one request: an engine's, or one that is the same for every engine. */
export function resultOf(
  read: PlannedRead,
  answer: Answer | Unavailable,
): Exclude<ReadResult, { kind: 'odd' }> | { readonly kind: 'failed'; readonly failure: Failure } {
  if (answer.kind === 'unavailable') {
    const message = `${read.request.path}: ${answer.failure.message}`;
    return { kind: 'failed', failure: { ...answer.failure, message, where: whereOf(read) } };
  }
  const { status, errors } = answer;
  if (status >= 300 && !(status === 404 && errors.length === 0)) {
    return { kind: 'failed', failure: refusalOf(answer, askedOf(read)) };
  }
  // A server says of what does not exist that there are no errors; something in between may say nothing.
  if (status === 404 && answer.body === undefined)
    return { kind: 'failed', failure: withoutData(read, status) };
  const result = readResult(read, status, readEnvelope(answer.body));
  if (result === undefined) return { kind: 'failed', failure: notWrapped(read) };
  if (result.kind === 'odd') return { kind: 'failed', failure: withoutData(read, status) };
  return result.kind === 'found' && !read.mountKnown
    ? { kind: 'failed', failure: unknownMount(read) }
    : result;
}

/** Where all secrets that share a read are declared. */
function whereOf({ secrets }: PlannedRead): string {
  return secrets.map(({ where }) => where).join(', ');
}

/** Undefined: an answer in the clear, although a wrapped one was requested. */
function readResult(
  { request, engine, extent }: PlannedRead,
  status: number,
  envelope: Envelope,
): ReadResult | undefined {
  if (extent !== 'secret') return listed(status, envelope);
  if (request.wrapTtl === undefined || status === 404) return engine.read(status, envelope);
  if (envelope.wrap_info === undefined) return undefined;
  return { kind: 'found', keys: keysOf(envelope.wrap_info), metadata: {} };
}

function listed(status: number, envelope: Envelope): ReadResult {
  if (status === 404) return { kind: 'missing', reason: 'has nothing below it' };
  const names = namesOf(envelope);
  return names === undefined
    ? { kind: 'odd' }
    : { kind: 'found', keys: new Map<string, JsonValue>([['keys', names]]), metadata: {} };
}

function askedOf(read: PlannedRead): Parameters<typeof refusalOf>[1] {
  const { request, source, mountKnown } = read;
  const { path, namespace, method, query } = request;
  const reading = query !== undefined && 'list' in query ? 'list' : 'read';
  const capability = method === 'GET' ? reading : 'update';
  return { path, namespace, where: whereOf(read), source, capability, mountKnown };
}

type Found = Extract<ReadResult, { kind: 'found' }>;

function found(
  secret: SecretPlan,
  read: PlannedRead,
  result: Found,
  clock: Clock,
  failures: Failure[],
): FetchedSecret {
  const failure = tooShort(secret, read, result, clock);
  if (failure !== undefined) {
    failures.push(failure);
    return { kind: 'failed', name: secret.name };
  }
  const expires_at = secret.needsEnd ? expiryOf(read, result, clock) : undefined;
  const ends = expires_at === undefined ? result.metadata : { ...result.metadata, expires_at };
  const metadata = read.request.mints ? ends : { ...ends, isStored: true as const };
  return foundSecret(secret, read.request.path, result.keys, metadata);
}

function foundSecret(
  secret: SecretPlan,
  path: string,
  keys: KeyValues,
  metadata: Found['metadata'],
): FetchedSecret {
  return {
    kind: 'found',
    name: secret.name,
    keys: new Secret(completed(secret, wantedNames(secret, keys))),
    metadata: { path, ...metadata },
  };
}

function wantedNames({ listing }: SecretPlan, keys: KeyValues): KeyValues {
  const names = keys.get('keys');
  if (listing === undefined || !Array.isArray(names)) return keys;
  return new Map([['keys', names.filter((name) => isWanted(String(name), listing))]]);
}

/** The keys of a secret, completed by its `default:`, and read as `parse:` says. */
export function completed({ default: defaults, parse }: SecretPlan, keys: KeyValues): KeyValues {
  const all = defaults === undefined ? keys : new Map([...Object.entries(defaults.reveal()), ...keys]);
  return parse === undefined ? all : withJsonRead(all);
}

export function missing(read: PlannedRead, result: Extract<ReadResult, { kind: 'missing' }>): ReadOutcome {
  const { path } = read.request;
  const fetched: FetchedSecret[] = [];
  const failures: Failure[] = [];
  for (const secret of read.secrets) {
    if (secret.default !== undefined) fetched.push(foundSecret(secret, path, new Map(), {}));
    else if (secret.optional) fetched.push({ kind: 'absent', name: secret.name, path });
    else {
      fetched.push({ kind: 'failed', name: secret.name });
      failures.push(missingFailure(secret, path, result));
    }
  }
  return { fetched, failures };
}

function missingFailure(
  { where }: SecretPlan,
  path: string,
  { reason, hint }: Extract<ReadResult, { kind: 'missing' }>,
): Failure {
  return {
    kind: 'not_found',
    message: `the secret ${path} ${reason}`,
    where,
    hint: hint ?? 'check the path with `bao kv get` or `bao list`, or declare the secret `optional: true`',
  };
}

/**
 * A path of KV version 2 has nothing at it but below `data/`, and one with a namespace in it belongs to another mount table:
 * without its mount, a 404 does not say that the secret is missing, not even an optional one.
 */
function hiddenMount(read: PlannedRead): Failure {
  const { path } = read.request;
  const [first = '', ...others] = path.split('/');
  const namespaced =
    others.length < 2
      ? ''
      : `; if ${first} is a namespace, write \`namespace: ${first}\` and \`path: ${others.join('/')}\``;
  return {
    kind: 'not_found',
    message: `there is nothing at ${path}, and the server lists no mount for it to this token`,
    where: whereOf(read),
    hint: `check the path, or declare \`engine:\` to read without the mount table${namespaced}`,
  };
}

/** The mount table says how to read an answer; guessing from its shape would break a kv1 key named `data`. */
function unknownMount(read: PlannedRead): Failure {
  return {
    kind: 'config',
    message: `the server does not list the mount of ${read.request.path} to this token, so its engine is unknown`,
    where: whereOf(read),
    hint: 'declare `engine: kv1`, `engine: kv2` or `engine: raw` for this secret',
  };
}

/** Taken for an absence, it would be left out of a tree, and of the outputs of an optional secret. */
function withoutData(read: PlannedRead, status: number): Failure {
  const what = read.extent === 'secret' ? 'the data of a secret' : 'a list of names';
  return {
    kind: 'unavailable',
    message: `${read.request.path}: the server answered ${String(status)}, without ${status === 404 ? 'a word' : what}`,
    where: whereOf(read),
    hint: 'look for a proxy in between that alters answers; if `engine:` is declared, does it name that of the mount?',
  };
}

/** An answer that is to be passed on wrapped must not be written in the clear. */
function notWrapped(read: PlannedRead): Failure {
  return {
    kind: 'policy',
    message: `the server did not wrap the answer of ${read.request.path}`,
    where: whereOf(read),
    hint: 'this path, or a proxy in between, ignores X-Vault-Wrap-TTL: remove wrap_ttl, or ask for another path',
  };
}

export function failed({ secrets }: PlannedRead, failure: Failure): ReadOutcome {
  return { fetched: secrets.map(({ name }) => ({ kind: 'failed', name })), failures: [failure] };
}
