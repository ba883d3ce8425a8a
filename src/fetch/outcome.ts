import type { ReadResult } from '../engines/engine.ts';
import type { Failure } from '../errors.ts';
import type { SecretPlan } from '../plan.ts';
import { Secret } from '../secret-string.ts';
import type { FetchedSecret, KeyValues } from '../secrets.ts';
import { readEnvelope } from '../vault/responses.ts';
import type { Answer, Unavailable } from '../vault/sender.ts';
import { refusalOf } from './refusal.ts';
import type { PlannedRead } from './resolve.ts';

/** What a request gave for each secret that needed it. */
export interface ReadOutcome {
  readonly fetched: readonly FetchedSecret[];
  readonly failures: readonly Failure[];
}

/** Reads an answer for all secrets that share it; failures name each of them by its declaration. */
export function outcomeOf(read: PlannedRead, answer: Answer | Unavailable): ReadOutcome {
  const where = read.secrets.map((secret) => secret.where).join(', ');
  if (answer.kind === 'unavailable') {
    const { path } = read.request;
    return failed(read, { ...answer.failure, message: `${path}: ${answer.failure.message}`, where });
  }
  const result = resultOf(read, answer);
  if (result === undefined) return failed(read, refusalOf(answer, askedOf(read, where)));
  if (result.kind === 'missing') return missing(read, result);
  if (!read.mountKnown) return failed(read, unknownMount(read, where));
  return {
    fetched: read.secrets.map((secret) => found(secret, read.request.path, result)),
    failures: [],
  };
}

/** Undefined: the answer is a refusal, which is the same for every engine. */
function resultOf({ engine }: PlannedRead, { status, body, errors }: Answer): ReadResult | undefined {
  if (status === 404 && errors.length === 0) return engine.read(status, readEnvelope(body));
  return status < 300 ? engine.read(status, readEnvelope(body)) : undefined;
}

function askedOf({ request }: PlannedRead, where: string): Parameters<typeof refusalOf>[1] {
  const { path, namespace, method } = request;
  return { path, namespace, where, capability: method === 'GET' ? 'read' : 'update' };
}

function found(
  secret: SecretPlan,
  path: string,
  result: Extract<ReadResult, { kind: 'found' }>,
): FetchedSecret {
  return {
    kind: 'found',
    name: secret.name,
    keys: new Secret(withDefaults(secret, result.keys)),
    metadata: { path, ...result.metadata },
  };
}

/** The keys of a secret, and those of its `default:` that it lacks. */
export function withDefaults({ default: defaults }: SecretPlan, keys: KeyValues): KeyValues {
  return defaults === undefined ? keys : new Map([...Object.entries(defaults.reveal()), ...keys]);
}

function missing(read: PlannedRead, result: Extract<ReadResult, { kind: 'missing' }>): ReadOutcome {
  const { path } = read.request;
  const fetched: FetchedSecret[] = [];
  const failures: Failure[] = [];
  for (const secret of read.secrets) {
    if (secret.default !== undefined)
      fetched.push(found(secret, path, { kind: 'found', keys: new Map(), metadata: {} }));
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

/** The mount table decides how an answer is read; guessing from its shape would break a kv1 key named `data`. */
function unknownMount({ request }: PlannedRead, where: string): Failure {
  return {
    kind: 'config',
    message: `the server does not list the mount of ${request.path} to this token, so how to read it is not known`,
    where,
    hint: 'declare `engine: kv1`, `engine: kv2` or `engine: raw` for this secret',
  };
}

function failed({ secrets }: PlannedRead, failure: Failure): ReadOutcome {
  return { fetched: secrets.map(({ name }) => ({ kind: 'failed', name })), failures: [failure] };
}
