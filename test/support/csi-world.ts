import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import {
  startDriver,
  type CsiDriver,
  type DriverSettings,
  type Ending,
  type MountResult,
  type PublishResult,
} from './csi-driver.ts';
import { startKubernetesApi, type ApiPod, type KubernetesApi } from './kubernetes-api.ts';
import { createDatabaseRole, mountDatabase, startPostgres, type TestDatabase } from './postgres.ts';
import { startServer, type TestServer } from './server.ts';
import { createWorkspace, type Workspace } from './workspace.ts';

/** What a CSIDriver object's `tokenRequests` ask for. */
const AUDIENCE = 'vault';
const TOKENS = 'csi.storage.k8s.io/serviceAccount.tokens';
const PROVIDER_ACCOUNT = { namespace: 'csi', serviceAccount: 'provider' };

/** How a pod has its volume. */
export interface VolumeOptions {
  /** Name of the SecretProviderClass. */
  readonly className?: string;
  /** Of the volume in the pod: whoever has two needs two names. */
  readonly volume?: string;
  /** What the author of the pod writes. */
  readonly volumeAttributes?: Readonly<Record<string, string>>;
  /** Audiences of the tokens that kubelet sends; none: it sends no tokens. */
  readonly audiences?: readonly string[];
  /** `serviceAccountTokenInSecrets` of the CSIDriver. */
  readonly tokensInSecrets?: boolean;
  /** Of the nodePublishSecretRef. */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
}

/** What kubelet sends of a volume. */
export interface KubeletRequest {
  readonly volumeContext: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
}

interface ApiReply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export type Parameters = Readonly<Record<string, string>>;

/**
 * A node with the driver and a place for providers, a cluster that says whose a token is, and a server that trusts it. Its auth method
 * `kubernetes` has the role `web` for tokens of shop/web with the audience `vault`, and `any-audience` for any of shop/web; the policy
 * `app` of both may use `secret/` (KV 2), `kv1/`, `pki/` with its role `web`, and `database/` with its role `web`, where it is asked for.
 */
export interface CsiWorld {
  readonly server: TestServer;
  readonly api: KubernetesApi;
  readonly workspace: Workspace;
  readonly driver: CsiDriver;
  /** Only with `database: true`. */
  readonly database: TestDatabase | undefined;
  /** Where the driver looks for sockets. */
  readonly sockets: string;
  /** The directory of the provider's own service account, which may do what a provider needs. */
  readonly serviceAccount: string;
  readonly socketOf: (provider: string) => string;
  putKv2(path: string, data: object): Promise<void>;
  putKv1(path: string, data: object): Promise<void>;
  /** A pod of the service account web in the namespace shop, if nothing else is said. */
  startPod(name: string, other?: Partial<ApiPod>): ApiPod;
  removePod(pod: ApiPod): void;
  kubeletRequest(pod: ApiPod, options?: VolumeOptions): KubeletRequest;
  /** What arrives at a provider. */
  attributesOf(pod: ApiPod, parameters: Parameters, options?: VolumeOptions): Record<string, string>;
  /** Asks the API server in the provider's name. */
  askApi(method: string, path: string, body?: object): Promise<ApiReply>;
  targetOf(pod: ApiPod, volume?: string): string;
  mount(provider: string, pod: ApiPod, parameters: Parameters, options?: VolumeOptions): Promise<MountResult>;
  /** Mounts a tmpfs the first time. @param rotation what the driver was started with */
  publish(
    provider: string,
    pod: ApiPod,
    parameters: Parameters,
    rotation: Rotation,
    options?: VolumeOptions,
  ): Promise<PublishResult>;
  unpublish(pod: ApiPod, rotation: Rotation, volume?: string): Promise<Ending>;
  stop(): Promise<void>;
}

export type Rotation = Omit<DriverSettings, 'sockets'>;

export async function startCsiWorld(
  options: { readonly tls?: boolean; readonly database?: boolean } = {},
): Promise<CsiWorld> {
  const workspace = createWorkspace();
  const api = await startKubernetesApi(workspace);
  const server = await startServer(options);
  const database = options.database === true ? await startPostgres() : undefined;
  await trustCluster(server, api);
  await fillServer(server);
  if (database !== undefined) {
    await mountDatabase(server, database);
    await createDatabaseRole(server, 'web', { default_ttl: '1h', max_ttl: '2h' });
  }
  server.takeAudit();

  const { namespace } = PROVIDER_ACCOUNT;
  api.rights.set(`${namespace}/${PROVIDER_ACCOUNT.serviceAccount}`, { createTokens: true, secrets: true });
  workspace.write('account/token', api.issueToken(PROVIDER_ACCOUNT).token);
  workspace.write('account/namespace', namespace);
  workspace.write('account/ca.crt', readFileSync(api.caFile));
  const sockets = workspace.path('providers');
  for (const directory of [sockets, workspace.path('driver')]) mkdirSync(directory);
  const driver = startDriver(workspace.path('driver'));

  const targetOf: CsiWorld['targetOf'] = (pod, volume = 'secrets') =>
    workspace.path('pods', pod.uid, 'volumes/kubernetes.io~csi', volume, 'mount');
  const kubeletRequest: CsiWorld['kubeletRequest'] = (pod, given = {}) => requestOf(api, pod, given);
  const settings = (rotation: Rotation): DriverSettings => ({ sockets, ...rotation });
  return {
    server,
    api,
    workspace,
    driver,
    database,
    sockets,
    serviceAccount: workspace.path('account'),
    socketOf: (provider) => join(sockets, `${provider}.sock`),
    putKv2: async (path, data) => {
      await server.api.post(`secret/data/${path}`, { data });
    },
    putKv1: async (path, data) => {
      await server.api.post(`kv1/${path}`, data);
    },
    startPod(name, other = {}) {
      const pod = { name, namespace: 'shop', uid: randomUUID(), serviceAccount: 'web', ...other };
      api.addPod(pod);
      return pod;
    },
    removePod: ({ namespace: where, name }) => api.pods.delete(`${where}/${name}`),
    kubeletRequest,
    attributesOf: (pod, parameters, given) => attributesOf(parameters, kubeletRequest(pod, given)),
    askApi: (method, path, body) => askApi(api, workspace.read('account/token'), method, path, body),
    targetOf,
    mount(provider, pod, parameters, given = {}) {
      const sent = kubeletRequest(pod, given);
      return driver.mount({
        sockets: [sockets],
        provider,
        attributes: attributesOf(parameters, sent),
        targetPath: targetOf(pod, given.volume),
        ...(sent.secrets && { secrets: sent.secrets }),
        ...(given.deadlineMs !== undefined && { deadlineMs: given.deadlineMs }),
      });
    },
    publish(provider, pod, parameters, rotation, given = {}) {
      return driver.publish({
        driver: settings(rotation),
        class: { name: classOf(given), namespace: pod.namespace, provider, parameters },
        volumeId: volumeIdOf(pod, given.volume),
        targetPath: targetOf(pod, given.volume),
        ...kubeletRequest(pod, given),
        ...(given.deadlineMs !== undefined && { deadlineMs: given.deadlineMs }),
      });
    },
    unpublish: (pod, rotation, volume) =>
      driver.unpublish({
        driver: settings(rotation),
        volumeId: volumeIdOf(pod, volume),
        targetPath: targetOf(pod, volume),
      }),
    async stop() {
      await driver.stop();
      await database?.stop();
      await server.stop();
      await api.stop();
      workspace.remove();
    },
  };
}

const classOf = ({ className = 'web' }: VolumeOptions): string => className;
const volumeIdOf = ({ uid }: ApiPod, volume = 'secrets'): string => `csi-${uid}-${volume}`;

/** As kubelet makes it: what a pod's author writes stands behind what kubelet knows. */
function requestOf(api: KubernetesApi, pod: ApiPod, options: VolumeOptions): KubeletRequest {
  const { volumeAttributes = {}, audiences = [AUDIENCE], tokensInSecrets = false, secrets } = options;
  const issued = audiences.map((audience) => [audience, api.issueToken(pod, [audience])] as const);
  const tokens = audiences.length > 0 && { [TOKENS]: JSON.stringify(Object.fromEntries(issued)) };
  const volumeContext = {
    secretProviderClass: classOf(options),
    ...volumeAttributes,
    'csi.storage.k8s.io/ephemeral': 'true',
    'csi.storage.k8s.io/pod.name': pod.name,
    'csi.storage.k8s.io/pod.namespace': pod.namespace,
    'csi.storage.k8s.io/pod.uid': pod.uid,
    'csi.storage.k8s.io/serviceAccount.name': pod.serviceAccount,
    ...(!tokensInSecrets && tokens),
  };
  const all = { ...secrets, ...(tokensInSecrets && tokens) };
  return { volumeContext, ...(Object.keys(all).length > 0 && { secrets: all }) };
}

/** As the driver makes it: what comes from kubelet replaces the parameters of the class. */
function attributesOf(
  parameters: Parameters,
  { volumeContext, secrets = {} }: KubeletRequest,
): Record<string, string> {
  const tokens = secrets[TOKENS];
  return { ...parameters, ...volumeContext, ...(tokens !== undefined && { [TOKENS]: tokens }) };
}

async function askApi(
  { address, caFile }: KubernetesApi,
  token: string,
  method: string,
  path: string,
  body?: object,
): Promise<ApiReply> {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const asked = request(`${address}${path}`, { method, headers, ca: readFileSync(caFile) });
  asked.end(body && JSON.stringify(body));
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, body: (await json(response)) as ApiReply['body'] };
}

async function trustCluster({ api: vault }: TestServer, api: KubernetesApi): Promise<void> {
  const reviewer = { namespace: 'vault', serviceAccount: 'vault' };
  api.rights.set('vault/vault', { review: true });
  await vault.post('sys/auth/kubernetes', { type: 'kubernetes' });
  await vault.post('auth/kubernetes/config', {
    kubernetes_host: api.address,
    kubernetes_ca_cert: readFileSync(api.caFile, 'utf8'),
    token_reviewer_jwt: api.issueToken(reviewer).token,
    disable_local_ca_jwt: true,
  });
  const role = {
    bound_service_account_names: ['web'],
    bound_service_account_namespaces: ['shop'],
    token_policies: ['app'],
  };
  await vault.post('auth/kubernetes/role/web', { ...role, audience: AUDIENCE });
  await vault.post('auth/kubernetes/role/any-audience', role);
}

async function fillServer({ api: vault }: TestServer): Promise<void> {
  const policy = ['secret/*', 'kv1/*', 'pki/*', 'database/*', 'sys/internal/ui/mounts/*'].map(
    (path) => `path "${path}" { capabilities = ["create", "read", "update", "list"] }`,
  );
  await vault.post('sys/policies/acl/app', { policy: policy.join('\n') });
  await vault.post('sys/mounts/kv1', { type: 'kv', options: { version: '1' } });
  await vault.post('sys/mounts/pki', { type: 'pki' });
  await vault.post('pki/root/generate/internal', { common_name: 'root-ca', key_type: 'ec' });
  await vault.post('pki/roles/web', { allow_any_name: true, key_type: 'ec', max_ttl: '24h' });
}
