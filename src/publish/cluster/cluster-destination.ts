import { allOrFailures, RunError, throwIfAny, type Failure } from '../../base/errors.ts';
import { isJsonObject, parseJsonObject } from '../../base/lossless-json.ts';
import { Secret } from '../../base/secret.ts';
import { placeOf } from '../../config/kubernetes-schema.ts';
import {
  credentialFromFile,
  placeOf as placeOfFile,
  textFromFile,
  type CredentialFile,
} from '../../host/credential-files.ts';
import type { Scope } from '../../host/scope.ts';
import { askThirdParty, NotSent, type ThirdPartyAnswer } from '../../http/third-party.ts';
import { entryOf, isSecretOutput, secretGroups, type SecretOutput } from '../../plan/cluster-outputs.ts';
import type { WritableOutput } from '../../plan/outputs.ts';
import { createPendingRequests, type PendingRequests } from '../../vault/pending.ts';
import type { Change, Destination } from '../destination.ts';
import { clusterAddress, DEFAULT_SERVICE_ACCOUNT } from './cluster-address.ts';
import { isRace, refusal, unspeakable, wordsOf } from './cluster-refusal.ts';

const DEFAULT_FIELD_MANAGER = 'vaultonce';

/** A Secret whose namespace is known. */
interface PlacedSecret {
  readonly place: string;
  readonly namespace: string;
  /** Directory. */
  readonly serviceAccount: string;
  readonly outputs: readonly [SecretOutput, ...SecretOutput[]];
}

/**
 * The Secrets of the cluster that this pod is in, by server-side apply.
 */
export function clusterDestination(scope: Scope): Destination {
  let api = '';
  let secrets: readonly PlacedSecret[] = [];
  const pending = createPendingRequests(scope);
  return {
    // An apply cannot be undone.
    undoable: false,
    takes: isSecretOutput,
    check(outputs) {
      const own = outputs.filter(isSecretOutput);
      if (own.length === 0) return;
      api = apiAddress(scope);
      secrets = placeSecrets(own);
    },
    async stage(outputs) {
      const all = secrets.map((secret) => ({ ...secret, manifest: manifestOf(secret, outputs) }));
      // All are tried first, so that a refusal is found before anything has changed, and the change is known.
      const tried = await allOrFailures(
        all.map((secret) => send(secret, { api, pending, query: '&dryRun=All' }, scope)),
      );
      return {
        async commit(note) {
          // One after the other: after a failure the rest stays unchanged.
          for (const [index, secret] of all.entries())
            note(
              await apply(secret, tried[index], { api, pending }, scope).catch(notingUnknown(secret, note)),
            );
        },
        discard: () => undefined,
      };
    },
  };
}

/** @throws RunError `config` for every Secret without a service account or a namespace */
function placeSecrets(outputs: readonly SecretOutput[]): readonly PlacedSecret[] {
  const failures: Failure[] = [];
  const secrets = [...secretGroups(outputs)].flatMap(([place, group]): PlacedSecret[] => {
    try {
      return [{ place, outputs: group, ...accountOf(group) }];
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      const [{ where }] = group;
      failures.push(...error.failures.map((one) => ({ ...one, where: `${where}, ${one.where ?? ''}` })));
      return [];
    }
  });
  throwIfAny([...failures, ...sameSecrets(secrets)]);
  return secrets;
}

/** @param tried the answer to the same without effect: what is identical keeps its resourceVersion */
async function apply(
  secret: PreparedSecret,
  tried: ThirdPartyAnswer | undefined,
  to: Pick<Sending, 'api' | 'pending'>,
  scope: Scope,
): Promise<Change> {
  const { place, namespace, outputs, manifest } = secret;
  const answer = await send(secret, { ...to, query: '' }, scope);
  const version = versionIn(answer);
  return {
    kind: 'applied',
    place,
    namespace,
    name: outputs[0].kubernetes.name,
    entries: Object.keys(manifest.reveal().data),
    created: answer.status === 201,
    changed: version === undefined || version !== versionIn(tried),
  };
}

function versionIn(answer: ThirdPartyAnswer | undefined): unknown {
  const metadata = parseJsonObject(answer?.text ?? '')?.['metadata'];
  return isJsonObject(metadata) ? metadata['resourceVersion'] : undefined;
}

/** Neither a refusal nor an unsent request changes anything. Without an answer, whether it was applied is unknown. */
function notingUnknown({ place }: PreparedSecret, note: (change: Change) => void): (error: unknown) => never {
  return (error) => {
    const refused = error instanceof RunError && error.failures.every(({ kind }) => kind === 'output');
    if (!refused && !(error instanceof NotSent)) note({ kind: 'unknown', place });
    throw error;
  };
}

function apiAddress({ env }: Scope): string {
  const address = clusterAddress(env);
  if (address !== undefined) return address;
  throw new RunError('config', 'not in a cluster: $KUBERNETES_SERVICE_HOST or its port is not set', {
    where: 'kubernetes_secret',
    hint: 'outputs with `kubernetes_secret` need a pod with a service account; for a preview use `check --fixtures`',
  });
}

function accountOf(group: PlacedSecret['outputs']): Pick<PlacedSecret, 'serviceAccount' | 'namespace'> {
  const [{ kubernetes }] = group;
  const named = group.map((output) => output.kubernetes.serviceAccount).find((one) => one !== undefined);
  const serviceAccount = named ?? DEFAULT_SERVICE_ACCOUNT;
  credentialFromFile(accountFile(serviceAccount, 'token', 'the token of the service account'));
  textFromFile(accountFile(serviceAccount, 'ca.crt', 'the CA of the cluster'));
  const { namespace } = kubernetes;
  if (namespace !== undefined) return { serviceAccount, namespace };
  const file = accountFile(serviceAccount, 'namespace', 'the namespace of the pod');
  const own = textFromFile(file).reveal().trim();
  if (/^[a-z0-9-]+$/.test(own)) return { serviceAccount, namespace: own };
  throw new RunError('config', 'it does not contain the name of a namespace', {
    where: placeOfFile(file, true),
  });
}

function accountFile(serviceAccount: string, name: string, what: string): CredentialFile {
  return { path: `${serviceAccount}/${name}`, what, field: 'kubernetes_secret.service_account' };
}

/** One output names the namespace of the pod and another defaults to it: the second apply would undo the first. */
function sameSecrets(secrets: readonly PlacedSecret[]): Failure[] {
  const groups = Map.groupBy(secrets, ({ namespace, outputs: [{ kubernetes }] }) =>
    placeOf({ name: kubernetes.name, namespace, key: undefined }),
  );
  return [...groups].flatMap(([place, [, other]]): Failure[] =>
    other === undefined
      ? []
      : [
          {
            kind: 'config',
            message: `two outputs mean ${place}, but only one names its namespace`,
            where: other.outputs[0].where,
            hint: 'set `namespace` in both, or in neither',
          },
        ],
  );
}

interface Manifest {
  readonly apiVersion: 'v1';
  readonly kind: 'Secret';
  readonly metadata: object;
  readonly type?: string;
  readonly immutable?: boolean;
  /** Base64 by entry. */
  readonly data: Readonly<Record<string, string>>;
}

interface PreparedSecret extends PlacedSecret {
  readonly manifest: Secret<Manifest>;
}

function manifestOf(
  { namespace, outputs }: PlacedSecret,
  rendered: readonly WritableOutput[],
): Secret<Manifest> {
  const targets = outputs.map(({ kubernetes }) => kubernetes);
  const type = targets.find((target) => target.type !== undefined)?.type;
  const immutable = targets.find((target) => target.immutable !== undefined)?.immutable;
  const owners = targets.find((target) => target.ownerReferences.length > 0)?.ownerReferences;
  const data = rendered.flatMap(({ plan, files }) =>
    isSecretOutput(plan) && outputs.some(({ where }) => where === plan.where)
      ? files.map(({ path, content }) => [entryOf(plan, path), base64(content)] as const)
      : [],
  );
  return new Secret({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: outputs[0].kubernetes.name,
      namespace,
      labels: Object.assign({}, ...targets.map(({ labels }) => labels)) as object,
      annotations: Object.assign({}, ...targets.map(({ annotations }) => annotations)) as object,
      ...(owners === undefined ? {} : { ownerReferences: owners }),
    },
    ...(type === undefined ? {} : { type }),
    ...(immutable === undefined ? {} : { immutable }),
    data: Object.fromEntries(data),
  });
}

function base64(content: Secret<Uint8Array>): string {
  return Buffer.from(content.reveal()).toString('base64');
}

interface Sending {
  /** Its address. */
  readonly api: string;
  readonly pending: PendingRequests;
  /** In addition to what each request has. */
  readonly query: string;
}

/** https://kubernetes.io/docs/reference/using-api/server-side-apply/ Idempotent. */
async function send(
  { place, namespace, serviceAccount, outputs, manifest }: PreparedSecret,
  { api, pending, query }: Sending,
  scope: Scope,
): Promise<ThirdPartyAnswer> {
  const [{ kubernetes, where }] = outputs;
  const { name } = kubernetes;
  const force = outputs.some((output) => output.kubernetes.force) ? '&force=true' : '';
  const named = outputs.find((output) => output.kubernetes.fieldManager !== undefined);
  const manager = encodeURIComponent(named?.kubernetes.fieldManager ?? DEFAULT_FIELD_MANAGER);
  const path = `api/v1/namespaces/${namespace}/secrets/${name}`;
  // Read again for each request, because it rotates.
  const token = credentialFromFile(accountFile(serviceAccount, 'token', 'the token of the service account'));
  const sent = (): Secret[] => [token, ...unspeakable(manifest.reveal().data)];
  const answer = await askThirdParty(
    {
      method: 'PATCH',
      url: `${api}/${path}?fieldManager=${manager}${force}${query}`,
      headers: {
        Authorization: new Secret(`Bearer ${token.reveal()}`),
        'Content-Type': 'application/apply-patch+yaml',
        Accept: 'application/json',
      },
      // JSON is YAML.
      body: new Secret(JSON.stringify(manifest.reveal())),
      what: 'the API of the cluster',
      hint: 'does a network policy or a mesh that is not up yet keep the pod from it?',
      direct: true,
      caFile: `${serviceAccount}/ca.crt`,
      patient: {
        path,
        log: scope.log,
        wordsIn: (text) => wordsOf(parseJsonObject(text) ?? {}, sent()),
        mayPass: ({ status, text }) => isRace(status, parseJsonObject(text) ?? {}),
        begin: (address) => pending.begin({ address, proxy: undefined, path }),
      },
    },
    scope,
  );
  if (answer.status === 200 || answer.status === 201) return answer;
  const refused = { status: answer.status, body: parseJsonObject(answer.text) ?? {} };
  throw await refusal(refused, { place, where, sent: sent() });
}
