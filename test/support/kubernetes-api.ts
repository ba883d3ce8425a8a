import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createCertificates } from './certificates.ts';
import { signJwt } from './jwt.ts';
import type { Workspace } from './workspace.ts';

/** Of a cluster where nothing else is configured: tokens for no audience in particular are for it. */
const API_AUDIENCE = 'https://kubernetes.default.svc.cluster.local';
const SHORTEST_TOKEN_S = 600;

export interface ApiPod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly serviceAccount: string;
}

export interface ApiSecret {
  readonly type?: string;
  readonly immutable?: boolean;
  /** Base64. */
  readonly data: Readonly<Record<string, string>>;
}

/** What a service account may do beyond what every one may. */
export interface Rights {
  /** Let the API say whose a token is. */
  readonly review?: boolean;
  /** Ask for tokens of all service accounts. */
  readonly createTokens?: boolean;
  /** Read and create the Secrets of its own namespace. */
  readonly secrets?: boolean;
}

/** A stand-in for the API server, as far as tokens of service accounts go, and Secrets are read and created. */
export interface KubernetesApi {
  readonly address: string;
  readonly caFile: string;
  /** The variables of a pod. */
  readonly env: Readonly<Record<string, string>>;
  /** By `namespace/name`. */
  readonly pods: Map<string, ApiPod>;
  readonly secrets: Map<string, ApiSecret>;
  /** By `namespace/name` of a service account; changes hold from the next request on. */
  readonly rights: Map<string, Rights>;
  /** Every request, as `POST /path`. */
  readonly requests: string[];
  /** Answers so, whatever is asked; `hang`: not at all. */
  failWith: number | 'hang' | undefined;
  /** Does this before it creates a Secret, as somebody else may. */
  beforeCreate: () => void;
  addPod(pod: ApiPod): void;
  /** A token as the API server issues it: for a pod, or for a service account alone; for itself, if no audience is named. */
  issueToken(
    to: ApiPod | Omit<ApiPod, 'name' | 'uid'>,
    audiences?: readonly string[],
    seconds?: number,
  ): IssuedToken;
  stop(): Promise<void>;
}

export interface IssuedToken {
  readonly token: string;
  readonly expirationTimestamp: string;
}

interface Claims {
  readonly aud: readonly string[];
  readonly exp: number;
  readonly sub: string;
  readonly 'kubernetes.io': {
    readonly namespace: string;
    readonly serviceaccount: { readonly name: string; readonly uid: string };
    readonly pod?: { readonly name: string; readonly uid: string };
  };
}

/** What a handler knows of a request. */
interface Asked {
  readonly body: string;
  /** Of the path, in the order of its groups. */
  readonly parts: readonly string[];
  /** Who asks. */
  readonly claims: Claims;
}

type Reply = readonly [status: number, body: object];

export async function startKubernetesApi(workspace: Workspace): Promise<KubernetesApi> {
  const { certFile, keyFile, caFile } = await createCertificates(workspace.root);
  const pods: KubernetesApi['pods'] = new Map();
  const secrets: KubernetesApi['secrets'] = new Map();
  const rights: KubernetesApi['rights'] = new Map();
  const requests: string[] = [];
  const issued = new Map<string, Claims>();
  const accounts = new Set<string>();

  const issueToken: KubernetesApi['issueToken'] = (to, audiences = [], seconds = 3600) => {
    const { namespace, serviceAccount } = to;
    accounts.add(`${namespace}/${serviceAccount}`);
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: API_AUDIENCE,
      jti: `${String(issued.size)}-${namespace}`,
      aud: audiences.length === 0 ? [API_AUDIENCE] : audiences,
      sub: `system:serviceaccount:${namespace}:${serviceAccount}`,
      iat: now,
      nbf: now,
      exp: now + seconds,
      'kubernetes.io': {
        namespace,
        serviceaccount: { name: serviceAccount, uid: `uid-of-${namespace}-${serviceAccount}` },
        ...('uid' in to && { pod: { name: to.name, uid: to.uid } }),
      },
    };
    const token = signJwt(claims);
    issued.set(token, claims);
    return { token, expirationTimestamp: new Date(claims.exp * 1000).toISOString().replace('.000Z', 'Z') };
  };

  /** Undefined for what this cluster has not issued, for what has expired, and for what belongs to a pod that is gone. */
  const claimsOf = (token: string, audiences: readonly string[]): Claims | undefined => {
    const claims = issued.get(token);
    if (claims === undefined || claims.exp * 1000 < Date.now()) return undefined;
    const { namespace, pod } = claims['kubernetes.io'];
    if (pod !== undefined && pods.get(`${namespace}/${pod.name}`)?.uid !== pod.uid) return undefined;
    return audiences.some((audience) => claims.aud.includes(audience)) ? claims : undefined;
  };

  const mayDo = (claims: Claims, right: keyof Rights): boolean => {
    const { namespace, serviceaccount } = claims['kubernetes.io'];
    return rights.get(`${namespace}/${serviceaccount.name}`)?.[right] === true;
  };

  const review = ({ claims, body }: Asked): Reply => {
    if (!mayDo(claims, 'review'))
      return forbidden(claims, 'create', 'tokenreviews', 'authentication.k8s.io', undefined);
    const { spec } = JSON.parse(body) as {
      readonly spec: { readonly token: string; readonly audiences?: readonly string[] };
    };
    const audiences = spec.audiences ?? [API_AUDIENCE];
    const found = claimsOf(spec.token, audiences);
    const status = found === undefined ? NOT_AUTHENTICATED : reviewed(found, audiences);
    return [201, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec, status }];
  };

  const requestToken = ({ claims, body, parts }: Asked): Reply => {
    const [namespace = '', name = ''] = parts;
    if (!mayDo(claims, 'createTokens'))
      return forbidden(claims, 'create', 'serviceaccounts/token', '', namespace, name);
    const { spec } = JSON.parse(body) as { readonly spec: TokenRequestSpec };
    if (!accounts.has(`${namespace}/${name}`)) return notFound('serviceaccounts', name);
    const { audiences, expirationSeconds, boundObjectRef } = spec;
    if ((expirationSeconds ?? Infinity) < SHORTEST_TOKEN_S) return tooShort(expirationSeconds);
    const pod = pods.get(`${namespace}/${String(boundObjectRef?.name)}`);
    const refusal = boundObjectRef && refusalToBind(pod, boundObjectRef, name);
    if (refusal !== undefined) return refusal;
    const to = pod ?? { namespace, serviceAccount: name };
    const status = issueToken(to, audiences, expirationSeconds);
    return [
      201,
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec, status },
    ];
  };

  const readSecret = ({ claims, parts }: Asked): Reply => {
    const [namespace = '', name = ''] = parts;
    if (!mayDo(claims, 'secrets') || claims['kubernetes.io'].namespace !== namespace)
      return forbidden(claims, 'get', 'secrets', '', namespace, name);
    const known = secrets.get(`${namespace}/${name}`);
    return known === undefined ? notFound('secrets', name) : [200, secretObject(namespace, name, known)];
  };

  const createSecret = ({ claims, body, parts }: Asked): Reply => {
    const [namespace = ''] = parts;
    if (!mayDo(claims, 'secrets') || claims['kubernetes.io'].namespace !== namespace)
      return forbidden(claims, 'create', 'secrets', '', namespace);
    const { metadata, ...secret } = JSON.parse(body) as ApiSecret & {
      readonly metadata: { readonly name: string };
    };
    const place = `${namespace}/${metadata.name}`;
    api.beforeCreate();
    if (secrets.has(place)) return refused(409, 'AlreadyExists', `secrets "${metadata.name}" already exists`);
    secrets.set(place, secret);
    return [201, secretObject(namespace, metadata.name, secret)];
  };

  const routes: readonly (readonly [method: string, path: RegExp, handle: (asked: Asked) => Reply])[] = [
    ['POST', /^\/apis\/authentication\.k8s\.io\/v1\/tokenreviews$/, review],
    ['POST', /^\/api\/v1\/namespaces\/([^/]+)\/serviceaccounts\/([^/]+)\/token$/, requestToken],
    ['GET', /^\/api\/v1\/namespaces\/([^/]+)\/secrets\/([^/]+)$/, readSecret],
    ['POST', /^\/api\/v1\/namespaces\/([^/]+)\/secrets$/, createSecret],
  ];

  const answer = async (request: IncomingMessage): Promise<Reply | undefined> => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { method = '', url = '', headers } = request;
    const path = url.replace(/\?.*$/, '');
    requests.push(`${method} ${path}`);
    if (api.failWith === 'hang') return undefined;
    if (api.failWith !== undefined)
      return refused(api.failWith, 'InternalError', 'etcdserver: request timed out');
    const claims = claimsOf(headers.authorization?.replace('Bearer ', '') ?? '', [API_AUDIENCE]);
    if (claims === undefined) return refused(401, 'Unauthorized', 'Unauthorized');
    const route = routes.find(([wanted, pattern]) => wanted === method && pattern.test(path));
    if (route === undefined)
      return refused(404, 'NotFound', 'the server could not find the requested resource');
    const [, pattern, handle] = route;
    return handle({ body, parts: pattern.exec(path)?.slice(1) ?? [], claims });
  };

  const server = createServer(
    { cert: readFileSync(certFile), key: readFileSync(keyFile) },
    (request, response) => {
      void answer(request).then((reply) => {
        if (reply === undefined) return;
        response.writeHead(reply[0], { 'Content-Type': 'application/json' }).end(JSON.stringify(reply[1]));
      });
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const api: KubernetesApi = {
    address: `https://127.0.0.1:${String(port)}`,
    caFile,
    env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) },
    pods,
    secrets,
    rights,
    requests,
    failWith: undefined,
    beforeCreate: () => undefined,
    addPod(pod) {
      pods.set(`${pod.namespace}/${pod.name}`, pod);
      accounts.add(`${pod.namespace}/${pod.serviceAccount}`);
    },
    issueToken,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return api;
}

interface TokenRequestSpec {
  readonly audiences?: readonly string[];
  readonly expirationSeconds?: number;
  readonly boundObjectRef?: { readonly kind: string; readonly name: string; readonly uid?: string };
}

const NOT_AUTHENTICATED = {
  user: {},
  error: '[invalid bearer token, service account token has expired or its pod is gone]',
};

function reviewed(
  { sub, aud, 'kubernetes.io': { namespace, serviceaccount, pod } }: Claims,
  asked: readonly string[],
): object {
  return {
    authenticated: true,
    audiences: asked.filter((audience) => aud.includes(audience)),
    user: {
      username: sub,
      uid: serviceaccount.uid,
      groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
      ...(pod && {
        extra: {
          'authentication.kubernetes.io/pod-name': [pod.name],
          'authentication.kubernetes.io/pod-uid': [pod.uid],
        },
      }),
    },
  };
}

function refusalToBind(
  pod: ApiPod | undefined,
  { kind, name, uid }: { readonly kind: string; readonly name: string; readonly uid?: string },
  serviceAccount: string,
): Reply | undefined {
  if (kind !== 'Pod')
    return refused(400, 'BadRequest', `cannot bind token to object of type /v1, Kind=${kind}`);
  if (pod === undefined) return notFound('pods', name);
  if (pod.serviceAccount !== serviceAccount) {
    const what = `cannot bind token for serviceaccount "${serviceAccount}" to pod running with different serviceaccount name.`;
    return refused(400, 'BadRequest', what);
  }
  if (uid === undefined || uid === '' || uid === pod.uid) return undefined;
  const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
  return refused(409, 'Conflict', `Operation cannot be fulfilled on Pod "${name}": ${why}`);
}

function secretObject(namespace: string, name: string, secret: ApiSecret): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque', ...secret };
}

function tooShort(seconds = 0): Reply {
  const why = `spec.expirationSeconds: Invalid value: ${String(seconds)}: may not specify a duration less than 10 minutes`;
  return refused(422, 'Invalid', `TokenRequest.authentication.k8s.io "" is invalid: ${why}`);
}

function notFound(resource: string, name: string): Reply {
  return refused(404, 'NotFound', `${resource} "${name}" not found`);
}

function forbidden(
  { sub }: Claims,
  verb: string,
  resource: string,
  group: string,
  namespace: string | undefined,
  name = '',
): Reply {
  const [main = ''] = resource.split('/');
  const what = `${main}.${group}`.replace(/\.$/, '');
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const why = `User "${sub}" cannot ${verb} resource "${resource}" in API group "${group}" ${where}`;
  return refused(403, 'Forbidden', `${what}${name === '' ? '' : ` "${name}"`} is forbidden: ${why}`);
}

function refused(code: number, reason: string, message: string): Reply {
  return [code, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code }];
}
