import { RunError, type Failure } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import { shownKey } from '../../base/shown-text.ts';
import type { MountRequest, Pod } from '../mount.ts';
import type { MountRequest as Message } from './proto/service.pb.ts';

/** What the driver adds to the parameters of a class. kubelet sets these after the attributes that a pod's author writes. */
const OF_KUBERNETES = 'csi.storage.k8s.io/';
const TOKENS = `${OF_KUBERNETES}serviceAccount.tokens`;
const CLASS_NAME = 'secretProviderClass';

const PERMISSION_BITS = 0o777;
const MOST_FAILURES = 20;

type Texts = Readonly<Record<string, string>>;

/**
 * What a message of the driver asks for. Pure. Facts: sigs.k8s.io/secrets-store-csi-driver 1.6.0,
 * pkg/secrets-store/nodeserver.go and provider_client.go.
 * @throws RunError `config` with all that is wrong
 */
export function mountRequestOf(message: Message): MountRequest {
  const failures: Failure[] = [];
  const attributes = textsOf(message.attributes, 'attributes', failures) ?? {};
  // Without a `nodePublishSecretRef` it is `null`.
  const secrets = textsOf(message.secrets, 'secrets', failures) ?? {};
  const pod = podOf(attributes, failures);
  checkTargetPath(message.targetPath, pod.uid, failures);
  const permission = permissionOf(message.permission, failures);
  const tokens = tokensOf(attributes[TOKENS] ?? secrets[TOKENS], failures);
  if (failures.length > 0) throw new RunError(failures.slice(0, MOST_FAILURES));
  const own = Object.entries(attributes).filter(
    ([name]) => name !== CLASS_NAME && !name.startsWith(OF_KUBERNETES),
  );
  const given = Object.entries(secrets).filter(([name]) => name !== TOKENS);
  return {
    pod,
    className: attributes[CLASS_NAME] || undefined,
    parameters: Object.fromEntries(own),
    tokens,
    secrets: new Map(given.map(([name, text]) => [name, new Secret(text)])),
    targetPath: message.targetPath,
    permission,
  };
}

/** For whom it is, as far as a message says it at all, for the log. */
export function podNameOf({ attributes }: Message): { readonly pod: string; readonly className?: string } {
  const texts = textsOf(attributes, '', []) ?? {};
  const part = (name: string): string => texts[`${OF_KUBERNETES}pod.${name}`] || 'unknown';
  const className = texts[CLASS_NAME];
  return { pod: `${part('namespace')}/${part('name')}`, ...(className ? { className } : {}) };
}

/** Undefined: `null`, or nothing that can be used. */
function textsOf(json: string, where: string, failures: Failure[]): Texts | undefined {
  const value = parsed(json);
  if (value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) {
    failures.push(wrong(where, 'this is not a JSON object', OTHER_DRIVER));
    return undefined;
  }
  const entries = Object.entries(value);
  for (const [name] of entries.filter(([, text]) => typeof text !== 'string'))
    failures.push(wrong(`${where}, ${shownKey(name)}`, 'this is not a string', 'put it in quotes'));
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** Undefined: not JSON. The parser's error is dropped, because it quotes the text. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

const OTHER_DRIVER = 'is this a request of the Secrets Store CSI driver?';
const NO_POD_INFO = 'the CSIDriver must have `podInfoOnMount: true`, as that of the driver does';

function podOf(attributes: Texts, failures: Failure[]): Pod {
  const part = (name: string): string => {
    const text = attributes[`${OF_KUBERNETES}${name}`] ?? '';
    if (text === '') failures.push(wrong(`${OF_KUBERNETES}${name}`, 'it is missing', NO_POD_INFO));
    return text;
  };
  return {
    name: part('pod.name'),
    uid: part('pod.uid'),
    namespace: part('pod.namespace'),
    serviceAccount: part('serviceAccount.name'),
  };
}

/** kubelet puts the volumes of a pod below `pods/UID/`: what says otherwise would get what is another pod's. */
function checkTargetPath(path: string, uid: string, failures: Failure[]): void {
  const isNormal = path.startsWith('/') && !path.includes('\0') && !path.split('/').includes('..');
  if (!isNormal)
    failures.push(wrong('target_path', 'this is not an absolute path without `..`', OTHER_DRIVER));
  const [, owner = uid] = /\/pods\/([^/]+)\//.exec(path) ?? [];
  if (uid !== '' && owner !== uid)
    failures.push(wrong('target_path', 'this is the volume of another pod', OTHER_DRIVER));
}

/** A file mode of Go as JSON: `420` is 0644. */
function permissionOf(text: string, failures: Failure[]): number {
  const bits = /^(?:0|[1-9]\d{0,3})$/.test(text) ? Number(text) : Infinity;
  if (bits <= PERMISSION_BITS) return bits;
  failures.push(wrong('permission', 'these are not permission bits as a decimal number', OTHER_DRIVER));
  return 0;
}

/** `{"AUDIENCE": {"token": "…", "expirationTimestamp": "…"}}`: https://kubernetes-csi.github.io/docs/token-requests.html */
function tokensOf(json: string | undefined, failures: Failure[]): ReadonlyMap<string, Secret> {
  if (json === undefined || json === '') return new Map();
  const value = parsed(json);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    failures.push(wrong(TOKENS, 'this is not a JSON object', OTHER_DRIVER));
    return new Map();
  }
  const tokens = new Map<string, Secret>();
  for (const [audience, status] of Object.entries(value as Record<string, unknown>)) {
    const token =
      typeof status === 'object' && status !== null && 'token' in status ? status.token : undefined;
    if (typeof token === 'string' && token !== '') tokens.set(audience, new Secret(token));
    else failures.push(wrong(`${TOKENS}, ${shownKey(audience)}`, 'there is no token', OTHER_DRIVER));
  }
  return tokens;
}

function wrong(where: string, message: string, hint: string): Failure {
  return { kind: 'config', where, message, hint };
}
