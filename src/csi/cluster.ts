import { RunError } from '../base/errors.ts';
import { isJsonObject, parseJsonObject, type JsonObject } from '../base/lossless-json.ts';
import { Secret } from '../base/secret.ts';
import { credentialFromFile, textFromFile, type CredentialFile } from '../host/credential-files.ts';
import type { Scope } from '../host/scope.ts';
import { askThirdParty, type ThirdPartyAnswer } from '../http/third-party.ts';
import { presentable } from '../http/presentable.ts';
import { clusterAddress, DEFAULT_SERVICE_ACCOUNT } from '../publish/cluster/cluster-address.ts';
import type { Pod } from './mount.ts';

/** How long a token lives that is only logged in with, in seconds: the API gives no less than 10 minutes. */
const TOKEN_S = 600;

/** What this provider asks of the API of its cluster, with its own service account. */
export interface Cluster {
  /**
   * A token of the pod's service account, which ends with the pod.
   * https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
   * @param audiences none: that of the API
   * @throws RunError `auth`, `unavailable`
   */
  tokenOf(pod: Pod, audiences: readonly string[], scope: Scope): Promise<Secret>;
  /**
   * An entry of a Secret beside this provider, which is made if it is not there.
   * @param made its value then, in base64
   * @returns in base64
   * @throws RunError `denied`, `unavailable`
   */
  entryOf(secret: string, key: string, made: () => string, scope: Scope): Promise<Secret>;
}

/**
 * @param directory with the token of a service account, the CA and the namespace
 * @returns undefined outside of a cluster
 */
export function clusterOf(env: Scope['env'], directory = DEFAULT_SERVICE_ACCOUNT): Cluster | undefined {
  const address = clusterAddress(env);
  if (address === undefined) return undefined;
  return new OwnCluster(address, directory);
}

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
}

class OwnCluster implements Cluster {
  readonly #address: string;
  /** Of the service account. */
  readonly #directory: string;

  constructor(address: string, directory: string) {
    this.#address = address;
    this.#directory = directory;
  }

  async tokenOf(
    { name, uid, namespace, serviceAccount }: Pod,
    audiences: readonly string[],
    scope: Scope,
  ): Promise<Secret> {
    const path = `api/v1/namespaces/${segment(namespace)}/serviceaccounts/${segment(serviceAccount)}/token`;
    const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name, uid };
    const spec = { audiences, expirationSeconds: TOKEN_S, boundObjectRef };
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
    const answer = await this.#ask({ method: 'POST', path, body }, scope);
    const status = bodyOf(answer)['status'];
    const token = isJsonObject(status) ? status['token'] : undefined;
    if (answer.status < 300 && typeof token === 'string' && token !== '') return new Secret(token);
    throw new RunError('auth', `the cluster made no token for ${namespace}/${serviceAccount}`, {
      details: [refusalIn(answer)],
      hint: 'let the driver pass tokens (`tokenRequests` of the CSIDriver), or allow this provider to create serviceaccounts/token',
    });
  }

  async entryOf(secret: string, key: string, made: () => string, scope: Scope): Promise<Secret> {
    const namespace = textFromFile(this.#file('namespace', 'the namespace of this provider')).reveal().trim();
    const secrets = `api/v1/namespaces/${segment(namespace)}/secrets`;
    const read: Call = { method: 'GET', path: `${secrets}/${segment(secret)}` };
    const found = await this.#ask(read, scope);
    if (found.status !== 404) return entryIn(found, secret, key);
    const metadata = { name: secret, namespace };
    const body = { apiVersion: 'v1', kind: 'Secret', metadata, immutable: true, data: { [key]: made() } };
    const created = await this.#ask({ method: 'POST', path: secrets, body }, scope);
    // Another node was faster.
    return entryIn(created.status === 409 ? await this.#ask(read, scope) : created, secret, key);
  }

  async #ask({ method, path, body }: Call, scope: Scope): Promise<ThirdPartyAnswer> {
    // Read again for each request, because it rotates.
    const token = credentialFromFile(this.#file('token', 'the token of the service account'));
    return askThirdParty(
      {
        method,
        url: `${this.#address}/${path}`,
        headers: {
          Authorization: new Secret(`Bearer ${token.reveal()}`),
          Accept: 'application/json',
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: new Secret(JSON.stringify(body)) }),
        what: 'the API of the cluster',
        hint: 'does a network policy keep this provider from it?',
        direct: true,
        caFile: `${this.#directory}/ca.crt`,
      },
      scope,
    );
  }

  #file(name: string, what: string): CredentialFile {
    return { path: `${this.#directory}/${name}`, what, field: 'the service account' };
  }
}

function segment(text: string): string {
  return encodeURIComponent(text);
}

function bodyOf({ text }: ThirdPartyAnswer): JsonObject {
  return parseJsonObject(text) ?? {};
}

function entryIn(answer: ThirdPartyAnswer, secret: string, key: string): Secret {
  const data = bodyOf(answer)['data'];
  const value = isJsonObject(data) ? data[key] : undefined;
  if (answer.status < 300 && typeof value === 'string') return new Secret(value);
  throw new RunError('denied', `the Secret ${secret} could be neither read nor made`, {
    details: [answer.status < 300 ? `it has no ${key}` : refusalIn(answer)],
    hint: 'allow this provider get and create on secrets of its own namespace',
  });
}

/** In the words of the API, which repeat nothing that was sent. */
function refusalIn(answer: ThirdPartyAnswer): string {
  const { message } = bodyOf(answer);
  const words = typeof message === 'string' ? `: ${presentable(message, [])}` : '';
  return `the API of the cluster answered ${String(answer.status)}${words}`;
}
