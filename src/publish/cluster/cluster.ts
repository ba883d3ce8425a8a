import { placeOf } from '../../config/kubernetes-schema.ts';
import { credentialFromFile, textFromFile } from '../../host/credential-files.ts';
import { allOrFailures, RunError, throwIfAny, type Failure } from '../../base/errors.ts';
import type { Io } from '../../host/io.ts';
import type { OutputPlan, RenderedOutput } from '../../plan/outputs.ts';
import { askThirdParty, type ThirdPartyAnswer } from '../../http/third-party.ts';
import { Secret } from '../../base/secret.ts';
import { parseJsonObject } from '../../base/lossless-json.ts';
import { refusal } from './cluster-refusal.ts';
import { entryOf, isSecretOutput, secretGroups, type SecretOutput } from '../../plan/cluster-outputs.ts';

const DEFAULT_SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const FIELD_MANAGER = 'vaultonce';

export interface AppliedSecret {
  readonly namespace: string;
  readonly name: string;
  readonly entries: readonly string[];
  /** It was not there before. */
  readonly created: boolean;
}

/** The API of the cluster that this pod is in. */
export interface Cluster {
  /**
   * Server-side apply of all Secrets. Several are tried first, so that what is wrong with one is told before another
   * has changed.
   * @throws RunError `output` for what the cluster refuses, `unavailable`
   */
  apply(rendered: readonly RenderedOutput[]): Promise<readonly AppliedSecret[]>;
}

type ClusterIo = Pick<Io, 'env' | 'lifetime' | 'now' | 'random'>;

/** A Secret whose place is known. */
interface PlacedSecret {
  readonly place: string;
  readonly namespace: string;
  /** Directory. */
  readonly serviceAccount: string;
  readonly outputs: readonly [SecretOutput, ...SecretOutput[]];
}

/**
 * Finds the API and the service account while nothing has been requested yet.
 * @throws RunError `config` outside of a cluster, and without a service account
 */
export function openCluster(outputs: readonly OutputPlan[], io: ClusterIo): Cluster {
  const api = apiAddress(io);
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
  return {
    async apply(rendered) {
      const all = secrets.map((secret) => ({ ...secret, manifest: manifestOf(secret, rendered) }));
      if (all.length > 1) await tryAll(all, api, io);
      const applied: AppliedSecret[] = [];
      // One after the other: what comes after a failure stays as it was.
      for (const secret of all) {
        const { status } = await send(secret, api, '', io).catch((error: unknown) => {
          throw applied.length === 0 ? error : withApplied(error, applied);
        });
        const { namespace, outputs: group, manifest } = secret;
        applied.push({
          namespace,
          name: group[0].kubernetes.name,
          entries: Object.keys(manifest.reveal().data),
          created: status === 201,
        });
      }
      return applied;
    },
  };
}

/** What cannot be taken back is told. */
function withApplied(error: unknown, applied: readonly AppliedSecret[]): unknown {
  if (!(error instanceof RunError)) return error;
  const names = applied.map(({ namespace, name }) => placeOf({ name, namespace, key: undefined }));
  const detail = `applied before: ${names.join(', ')}`;
  return new RunError(
    error.failures.map((failure) => ({ ...failure, details: [...(failure.details ?? []), detail] })),
    error.exitCode,
  );
}

/** https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/#directly-accessing-the-rest-api */
function apiAddress({ env }: ClusterIo): string {
  const host = env['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '';
  if (host !== '' && port !== '') return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  throw new RunError('config', 'there is no cluster: $KUBERNETES_SERVICE_HOST or its port is not set', {
    where: 'kubernetes_secret',
    hint: 'outputs with `kubernetes_secret` need a pod with a service account; for a preview use `check --fixtures`',
  });
}

function accountOf(
  group: readonly [SecretOutput, ...SecretOutput[]],
): Pick<PlacedSecret, 'serviceAccount' | 'namespace'> {
  const [{ kubernetes }] = group;
  const named = group.map((output) => output.kubernetes.serviceAccount).find((one) => one !== undefined);
  const serviceAccount = named ?? DEFAULT_SERVICE_ACCOUNT;
  credentialFromFile(`${serviceAccount}/token`, 'the token of the service account');
  textFromFile(`${serviceAccount}/ca.crt`, 'the CA of the cluster');
  const { namespace } = kubernetes;
  if (namespace !== undefined) return { serviceAccount, namespace };
  const file = `${serviceAccount}/namespace`;
  const own = textFromFile(file, 'the namespace of the pod').reveal().trim();
  if (/^[a-z0-9-]+$/.test(own)) return { serviceAccount, namespace: own };
  throw new RunError('config', 'it is not the name of a namespace', { where: file });
}

/** The namespace of the pod, named by one output and meant by another: the second apply would undo the first. */
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
            message: `two outputs mean ${place}, but only one says its namespace`,
            where: other.outputs[0].where,
            hint: 'say the namespace in both, or in none',
          },
        ],
  );
}

interface Manifest {
  readonly apiVersion: 'v1';
  readonly kind: 'Secret';
  readonly metadata: object;
  readonly type?: string;
  /** Base64 by entry. */
  readonly data: Readonly<Record<string, string>>;
}

interface PreparedSecret extends PlacedSecret {
  readonly manifest: Secret<Manifest>;
}

function manifestOf(
  { namespace, outputs }: PlacedSecret,
  rendered: readonly RenderedOutput[],
): Secret<Manifest> {
  const targets = outputs.map(({ kubernetes }) => kubernetes);
  const type = targets.find((target) => target.type !== undefined)?.type;
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
    },
    ...(type === undefined ? {} : { type }),
    data: Object.fromEntries(data),
  });
}

function base64(content: Secret<Uint8Array>): string {
  return Buffer.from(content.reveal()).toString('base64');
}

async function tryAll(secrets: readonly PreparedSecret[], api: string, io: ClusterIo): Promise<void> {
  await allOrFailures(secrets.map((secret) => send(secret, api, '&dryRun=All', io)));
}

/** https://kubernetes.io/docs/reference/using-api/server-side-apply/ It may be repeated: the result is the same. */
async function send(
  { place, namespace, serviceAccount, outputs, manifest }: PreparedSecret,
  api: string,
  query: string,
  io: ClusterIo,
): Promise<ThirdPartyAnswer> {
  const [{ kubernetes, where }] = outputs;
  const { name } = kubernetes;
  const force = outputs.some((output) => output.kubernetes.force) ? '&force=true' : '';
  const path = `api/v1/namespaces/${namespace}/secrets/${name}`;
  // Read here, because it rotates.
  const token = credentialFromFile(`${serviceAccount}/token`, 'the token of the service account');
  const answer = await askThirdParty(
    {
      method: 'PATCH',
      url: `${api}/${path}?fieldManager=${FIELD_MANAGER}${force}${query}`,
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
    },
    io,
  );
  if (answer.status === 200 || answer.status === 201) return answer;
  const sent = [token, ...Object.values(manifest.reveal().data).map((value) => new Secret(value))];
  throw refusal({ status: answer.status, body: parseJsonObject(answer.text) ?? {} }, { place, where, sent });
}
