import { map, object, optional, required, string } from '../shape/definition.ts';
import { boolean, text } from '../shape/fields.ts';

/** A Secret of the cluster that an output is an entry of, or several. What several outputs of one Secret say is merged. */
export interface SecretTarget {
  readonly name: string;
  /** Undefined: that of the pod. */
  readonly namespace: string | undefined;
  /** Name of the entry. Undefined: each file of the output is one. */
  readonly key: string | undefined;
  /** Undefined: the cluster's default, `Opaque`. */
  readonly type: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Take over what others have set. */
  readonly force: boolean;
  /** Directory with `token`, `ca.crt` and `namespace`. Undefined: where the kubelet mounts it. */
  readonly serviceAccount: string | undefined;
}

/** For messages, and in the place of a path, which starts with a slash. No name has an `@`. */
export function placeOf({ name, namespace, key }: Pick<SecretTarget, 'name' | 'namespace' | 'key'>): string {
  const secret = namespace === undefined ? name : `${name}@${namespace}`;
  return `kubernetes:${secret}${key === undefined ? '' : `/${key}`}`;
}

/** https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data */
export const ENTRY_NAME = /^(?!\.{1,2}$|\.\.)[-._a-zA-Z0-9]{1,253}$/;

const texts = map(string(), string());

/** RFC 1123, as the cluster has it. */
const secretName = string({
  pattern: { is: /^[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?$/, problem: 'is not the name of a Secret' },
});
const namespaceName = string({
  pattern: { is: /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/, problem: 'is not the name of a namespace' },
});
const entryName = string({ pattern: { is: ENTRY_NAME, problem: 'is not the name of an entry' } });

/** `kubernetes_secret:` of an output. */
export const kubernetesSecret = object({
  name: required(secretName, 'Name of the Secret. Outputs with the same one are applied together.'),
  key: optional(entryName, 'Name of the entry. `format: files` has none: each key is one.'),
  namespace: optional(namespaceName, 'Its namespace. Default: that of the pod.'),
  type: optional(text, 'Its type, as `kubernetes.io/tls`. Default: Opaque.'),
  labels: optional(texts, 'Its labels.'),
  annotations: optional(texts, 'Its annotations.'),
  force: optional(boolean, 'Take over entries, labels and annotations that others have set. Default: false.'),
  service_account: optional(
    text,
    'Directory with `token`, `ca.crt` and `namespace`. Default: `/var/run/secrets/kubernetes.io/serviceaccount`.',
  ),
});
