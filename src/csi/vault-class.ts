import { inDeclaredOrder, RunError, throwIfAny, type Failure } from '../base/errors.ts';
import { isJsonObject } from '../base/lossless-json.ts';
import type { FetchedSecret, JsonValue, Secrets } from '../base/secret-data.ts';
import { Secret } from '../base/secret.ts';
import type { Config } from '../config/config.ts';
import { configFrom } from '../config/load.ts';
import { sourceText, type SourceText } from '../config/source.ts';
import { keysOf, leaseOf } from '../engines/engine.ts';
import { ENGINES } from '../engines/index.ts';
import { allOf } from '../fetch/all-of.ts';
import type { Fetched, FetchParts } from '../fetch/fetch.ts';
import { refusalOf } from '../fetch/read-refusal.ts';
import { createReader, type Reader } from '../fetch/reader.ts';
import { expiryOf } from '../fetch/ttl.ts';
import type { Scope } from '../host/scope.ts';
import type { SecretPlan } from '../plan/plan.ts';
import { secretAt } from '../plan/values.ts';
import { hashOf } from '../reuse/known-outputs.ts';
import type { Session } from '../session/session.ts';
import type { VaultRequest } from '../vault/request.ts';
import { readEnvelope } from '../vault/responses.ts';
import type { Answer } from '../vault/vault-answer.ts';
import type { Contents, Rendered } from './contents.ts';
import type { MountRequest } from './mount.ts';
import { contentOf, stableContentOf } from './vault-class/object-content.ts';
import { identityOfObject, requestOf } from './vault-class/object-request.ts';
import { versionOf } from './vault-class/object-versions.ts';
import { modeOf, type VaultObject } from './vault-class/objects.ts';
import { configTextOf, vaultParameters } from './vault-class/parameters.ts';

/**
 * A class that was written for HashiCorp's provider, as it stands.
 * @param defaults of this provider, below it
 * @throws RunError with everything that is wrong with it
 */
export async function vaultClass(
  { parameters, permission }: MountRequest,
  defaults: SourceText,
): Promise<Contents> {
  const given = vaultParameters(parameters);
  const text = sourceText('the parameters', configTextOf(given), undefined);
  const config = await configFrom([text], { env: {}, cwd: '/', variables: {} }, [defaults]);
  return new VaultContents(config, given.audience, given.objects, permission);
}

/** Objects that ask the same, of which one answer is read: a user name and its password belong together. */
interface ObjectGroup {
  readonly plan: SecretPlan;
  readonly objects: readonly [VaultObject, ...VaultObject[]];
}

class VaultContents implements Contents {
  readonly config: Config;
  readonly identity: Contents['identity'];
  readonly holdsToken = false;
  readonly #permission: number;
  /** By the names of their plans. */
  readonly #groups: ReadonlyMap<string, ObjectGroup>;
  /** In the order of the class, with the names of their plans. */
  readonly #objects: readonly (readonly [VaultObject, string])[];
  /** The bodies of answers, by the names of the plans. */
  readonly #answers = new Map<string, unknown>();
  /** Whole answers as they were handed out: the next one may differ in nothing but its id. */
  readonly #whole = new Map<string, { readonly mark: string; readonly contents: Secret<Uint8Array> }>();

  constructor(
    config: Config,
    audience: string | undefined,
    objects: readonly VaultObject[],
    permission: number,
  ) {
    this.config = config;
    this.identity = { audience };
    this.#permission = permission;
    const groups = groupsOf(objects, config.server.namespace);
    this.#groups = new Map(groups.map((group) => [group.plan.name, group]));
    const names = new Map(
      groups.flatMap((group) => group.objects.map((one) => [one, group.plan.name] as const)),
    );
    this.#objects = objects.map((object) => [object, names.get(object) ?? '']);
  }

  get plans(): readonly SecretPlan[] {
    return [...this.#groups.values()].map(({ plan }) => plan);
  }

  async fetch(plans: readonly SecretPlan[], parts: FetchParts, scope: Scope): Promise<Fetched> {
    const failures: Failure[] = [];
    const worthRetrying = (): boolean => failures.length === 0;
    const reader = createReader({ ...parts, worthRetrying }, scope);
    const read = await allOf(
      plans.map(async (plan): Promise<[string, FetchedSecret]> => {
        const fetched = await this.#read(plan, parts.session, reader, failures);
        return [plan.name, fetched ?? { kind: 'failed', name: plan.name }];
      }),
    );
    scope.throwIfEnded();
    // Answers arrive in any order.
    const places = plans.map(({ where }) => where);
    return { secrets: new Map(read), failures: inDeclaredOrder(failures, places) };
  }

  render(secrets: Secrets): Promise<readonly Rendered[]> {
    const failures: Failure[] = [];
    const rendered = this.#objects.flatMap(([object, name]) => {
      // A failed fetch has been reported.
      if (secrets.get(name)?.kind !== 'found') return [];
      try {
        return [this.#rendered(object, this.#answers.get(name))];
      } catch (error) {
        if (!(error instanceof RunError)) throw error;
        failures.push(...error.failures);
        return [];
      }
    });
    throwIfAny(failures);
    return Promise.resolve(rendered);
  }

  async #read(
    plan: SecretPlan,
    session: Session,
    reader: Reader,
    failures: Failure[],
  ): Promise<FetchedSecret | undefined> {
    const group = this.#groups.get(plan.name);
    if (group === undefined) return undefined;
    const request = this.#requestOf(group, session);
    const answer = await reader.read(request);
    if (answer.kind === 'unavailable') {
      const message = `${request.path}: ${answer.failure.message}`;
      failures.push({ ...answer.failure, message, where: plan.where });
      return undefined;
    }
    if (answer.status >= 300) {
      failures.push(refused(answer, request, plan, session));
      return undefined;
    }
    this.#answers.set(plan.name, answer.body);
    return foundIn(answer, request, plan);
  }

  #requestOf({ plan, objects: [object] }: ObjectGroup, { token }: Session): VaultRequest {
    const { namespace, name } = plan;
    const request = requestOf(object);
    // What was answered without a lease before makes nothing when it is asked again.
    const isRead = request.method === 'GET' && this.#answers.has(name) && isPlain(this.#answers.get(name));
    return { ...request, namespace, token, mints: !isRead };
  }

  #rendered(object: VaultObject, body: unknown): Rendered {
    const { objectName: path } = object;
    const mode = modeOf(object, this.#permission);
    const stable = stableContentOf(object, body);
    const version = (key: Uint8Array | undefined): string =>
      key === undefined ? '' : versionOf(new Secret(key), object, stable).version;
    return { path, id: path, mode, contents: this.#contentsOf(object, body, stable), version };
  }

  #contentsOf(object: VaultObject, body: unknown, stable: Secret<Uint8Array>): Secret<Uint8Array> {
    const contents = contentOf(object, body);
    if (object.secretKey !== '') return contents;
    const mark = hashOf(stable.reveal());
    const known = this.#whole.get(object.objectName);
    if (known?.mark === mark) return known.contents;
    this.#whole.set(object.objectName, { mark, contents });
    return contents;
  }
}

function isPlain(body: unknown): boolean {
  return readEnvelope(body).lease_id === undefined;
}

function groupsOf(objects: readonly VaultObject[], namespace: string | undefined): readonly ObjectGroup[] {
  const groups = Map.groupBy(objects, (object) => identityOfObject(object).reveal());
  return [...groups.values()].flatMap(([first, ...others]) =>
    first === undefined
      ? []
      : [{ plan: planOf([first, ...others], namespace), objects: [first, ...others] as const }],
  );
}

/** It is called as the first of its files. */
function planOf(
  objects: readonly [VaultObject, ...VaultObject[]],
  namespace: string | undefined,
): SecretPlan {
  const [object] = objects;
  const { method, path, body } = requestOf(object);
  const where = objects.map((one) => one.where).join(', ');
  return {
    ...secretAt(path, undefined, where),
    name: object.objectName,
    namespace,
    engine: 'raw',
    write: method === 'GET' ? undefined : new Secret(body === undefined ? {} : { body: body.reveal() }),
    needsMountTable: false,
    needsEnd: true,
    isKept: true,
  };
}

function refused(
  answer: Answer,
  { path, namespace, method }: VaultRequest,
  { where }: SecretPlan,
  { source }: Session,
): Failure {
  const capability = method === 'GET' ? 'read' : 'update';
  const failure = refusalOf(answer, { path, namespace, where, source, capability });
  const { details = [], hint } = failure;
  const said = answer.warnings.map((text) => `the server warns: ${text}`);
  return { ...failure, details: [...details, ...said], hint: hintFor(answer, method) ?? hint };
}

/** In the words of a class, which has neither `optional:` nor `write:`. Undefined: it is about the token. */
function hintFor({ status, warnings }: Answer, method: VaultRequest['method']): string | undefined {
  if (status === 401 || status === 403) return undefined;
  if (warnings.some((text) => text.includes('versioned K/V')))
    return 'behind the mount of a KV version 2, `secretPath` has `data/`: secret/data/app';
  if (status === 404) return 'check `secretPath`, and the namespace';
  if (status === 405 && method === 'GET')
    return 'it takes data: write `method: PUT`, and `secretArgs` with what it takes';
  return 'check `secretPath`, `method` and `secretArgs` against the API of the engine';
}

/** What was only read, and has no lease, lies there: of KV version 1, `ttl` and `certificate` are keys of the user. */
function foundIn({ body }: Answer, request: VaultRequest, { name }: SecretPlan): FetchedSecret {
  const envelope = readEnvelope(body);
  const keys = envelope.data === undefined ? new Map<string, JsonValue>() : keysOf(envelope.data);
  const metadata = leaseOf(envelope);
  const lies = request.method === 'GET' && metadata.lease_id === undefined && isJsonObject(body);
  const clock = { now: Date.now() / 1000, tokenTtl: undefined };
  const expires_at = lies ? undefined : expiryOf({ request, engine: ENGINES.raw }, { keys, metadata }, clock);
  return {
    kind: 'found',
    name,
    keys: new Secret(keys),
    metadata: {
      path: request.path,
      ...metadata,
      ...(expires_at === undefined ? {} : { expires_at }),
      ...(lies ? { isStored: true as const } : {}),
    },
  };
}
