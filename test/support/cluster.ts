import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createCertificates } from './certificates.ts';
import type { Workspace } from './workspace.ts';

/** A Secret as the cluster keeps it. */
export interface StoredSecret {
  readonly metadata: {
    readonly labels?: object;
    readonly annotations?: object;
    readonly ownerReferences?: readonly object[];
  };
  readonly type: string;
  readonly immutable?: boolean;
  readonly data: Readonly<Record<string, string>>;
  readonly manager: string;
  readonly version: number;
}

/**
 * A stand-in for the API server, as far as applying Secrets goes. It answers what a kube-apiserver 1.36 was measured to
 * answer.
 */
export interface TestCluster {
  /** The variables of a pod. */
  readonly env: Readonly<Record<string, string>>;
  /** Directory of the service account. */
  readonly serviceAccount: string;
  /** By `namespace/name`. */
  readonly secrets: Map<string, StoredSecret>;
  /** Every request, as `PATCH /path?query`. */
  readonly requests: string[];
  /** Answers so, whatever is asked. */
  failWith: number | undefined;
  /** The answers to the next requests, instead of what would be right; `cut` breaks the connection off, `hang` is none. */
  readonly answers: (
    { readonly status: number; readonly body: object; readonly retryAfter?: string } | 'cut' | 'hang'
  )[];
  /** Does this before it answers what is not a dry run. */
  beforeApply: () => void | Promise<void>;
  stop(): Promise<void>;
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels?: object };
  readonly type?: string;
  readonly immutable?: boolean;
  readonly data: Readonly<Record<string, string>>;
}

/** What the account may write: all Secrets of `team` whose names do not start with `forbidden`. */
export async function startCluster(workspace: Workspace): Promise<TestCluster> {
  const { certFile, keyFile, caFile } = await createCertificates(workspace.root);
  const token = 'canary-token-of-the-account';
  workspace.write('account/token', `${token}\n`);
  workspace.write('account/namespace', 'team');
  workspace.write('account/ca.crt', readFileSync(caFile));
  const secrets = new Map<string, StoredSecret>();
  const requests: string[] = [];
  const server = createServer(
    { cert: readFileSync(certFile), key: readFileSync(keyFile) },
    (request, response) => {
      void respond(request, response);
    },
  );
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const url = new URL(`https://cluster${request.url ?? ''}`);
    requests.push(`${String(request.method)} ${url.pathname}${url.search}`);
    const dryRun = url.searchParams.get('dryRun') === 'All';
    if (!dryRun) await cluster.beforeApply();
    const given = cluster.answers.shift();
    if (given === 'hang') return;
    if (given === 'cut') {
      request.socket.destroy();
      return;
    }
    if (given !== undefined) {
      const { status: code, body: said, retryAfter } = given;
      const headers = {
        'Content-Type': 'application/json',
        ...(retryAfter && { 'Retry-After': retryAfter }),
      };
      response.writeHead(code, headers).end(JSON.stringify(said));
      return;
    }
    const [status, answer] =
      cluster.failWith === undefined
        ? request.headers.authorization === `Bearer ${token}`
          ? apply(request, url, body)
          : refused(401, 'Unauthorized')
        : refused(cluster.failWith, 'etcdserver: request timed out');
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
  };
  const apply = (request: IncomingMessage, url: URL, body: string): readonly [number, object] => {
    const [, namespace = '', name = ''] =
      /^\/api\/v1\/namespaces\/([^/]+)\/secrets\/([^/]+)$/.exec(url.pathname) ?? [];
    const manager = url.searchParams.get('fieldManager') ?? '';
    if (request.method !== 'PATCH' || request.headers['content-type'] !== 'application/apply-patch+yaml')
      return refused(415, 'the body of the request was in an unknown format');
    if (name === '' || manager === '') return refused(400, 'PatchOptions is invalid: fieldManager: Required');
    const account = 'system:serviceaccount:team:web';
    if (namespace !== 'team' || name.startsWith('forbidden'))
      return refused(
        403,
        `secrets "${name}" is forbidden: User "${account}" cannot patch resource "secrets"`,
      );
    const manifest = JSON.parse(body) as Manifest;
    const { metadata, kind, apiVersion } = manifest;
    if (`${apiVersion}/${kind}/${metadata.namespace}/${metadata.name}` !== `v1/Secret/${namespace}/${name}`)
      return refused(400, `the object is not the one of the address: ${body}`);
    return store(`${namespace}/${name}`, manifest, manager, url.searchParams);
  };
  const store = (
    place: string,
    { metadata, type = 'Opaque', data, immutable }: Manifest,
    manager: string,
    query: URLSearchParams,
  ): readonly [number, object] => {
    const known = secrets.get(place);
    const manifest = { metadata, type, data, manager, ...(immutable && { immutable }) };
    const refusal = known && refusalToChange(known, manifest, query.get('force') === 'true');
    if (refusal !== undefined) return refusal;
    const size = Object.values(data).reduce((sum, value) => sum + Buffer.from(value, 'base64').length, 0);
    // It repeats a value, as no API server should.
    if (size > 1024 * 1024) return refused(422, `Secret is invalid: data: Too long: ${String(data['big'])}`);
    const stored = { ...manifest, version: known === undefined ? 1 : versionAfter(known, manifest) };
    if (query.get('dryRun') !== 'All') secrets.set(place, stored);
    const dryRun = query.get('dryRun') === 'All';
    // What only would be made has no version yet, and what only would be changed its present one.
    const resourceVersion = dryRun ? known?.version : stored.version;
    const named = { ...metadata, ...(resourceVersion && { resourceVersion: String(resourceVersion) }) };
    return [known === undefined ? 201 : 200, { kind: 'Secret', ...stored, metadata: named }];
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const cluster: TestCluster = {
    env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) },
    serviceAccount: workspace.path('account'),
    secrets,
    requests,
    failWith: undefined,
    answers: [],
    beforeApply: () => undefined,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return cluster;
}

/** What is identical keeps its resourceVersion. */
function versionAfter(
  { metadata, data, version }: StoredSecret,
  next: Pick<StoredSecret, 'metadata' | 'data'>,
): number {
  const same = JSON.stringify([metadata, data]) === JSON.stringify([next.metadata, next.data]);
  return same ? version : version + 1;
}

function refusalToChange(
  known: StoredSecret,
  { type, data, manager }: Pick<StoredSecret, 'type' | 'data' | 'manager'>,
  force: boolean,
): readonly [number, object] | undefined {
  const changed = Object.keys(data).find(
    (key) => known.data[key] !== undefined && known.data[key] !== data[key],
  );
  if (known.manager !== manager && changed !== undefined && !force)
    return refused(409, `Apply failed with 1 conflict: conflict with "${known.manager}": .data.${changed}`);
  if (known.immutable === true && JSON.stringify(known.data) !== JSON.stringify(data))
    return refused(422, 'Secret "x" is invalid: data: Forbidden: field is immutable when `immutable` is set');
  return known.type === type
    ? undefined
    : refused(422, `Secret "x" is invalid: type: Invalid value: "${type}": field is immutable`);
}

function refused(code: number, message: string): readonly [number, object] {
  return [code, { kind: 'Status', status: 'Failure', code, message }];
}
