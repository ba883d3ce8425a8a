import { list, map, object, optional, required, string } from '../shape/definition.ts';
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
  /** As the API has them. */
  readonly ownerReferences: readonly OwnerReference[];
  readonly immutable: boolean | undefined;
  /** Undefined: `vaultonce`. */
  readonly fieldManager: string | undefined;
  /** Take over what others have set. */
  readonly force: boolean;
  /** Directory with `token`, `ca.crt` and `namespace`. Undefined: where the kubelet mounts it. */
  readonly serviceAccount: string | undefined;
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
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

const ownerReference = object({
  api_version: required(text, 'Its API version, as `apps/v1`.'),
  kind: required(text, 'Its kind, as `Deployment`.'),
  name: required(text, 'Its name.'),
  uid: required(text, 'Its uid; that of the pod is in a variable by `fieldRef: metadata.uid`.'),
  controller: optional(boolean, 'It manages the Secret; one owner at most. Default: false.'),
  block_owner_deletion: optional(
    boolean,
    'A foreground deletion of the owner waits for the Secret. Default: false.',
  ),
});

/** As the cluster has it. */
const managerName = string({
  pattern: { is: /^[!-~]{1,128}$/, problem: 'is not the name of a field manager' },
});

/** `kubernetes_secret:` of an output. */
export const kubernetesSecret = object({
  name: required(secretName, 'Name of the Secret. Outputs with the same one are applied together.'),
  key: optional(entryName, 'Name of the entry. `format: files` has none: each key is one.'),
  namespace: optional(namespaceName, 'Its namespace. Default: that of the pod.'),
  type: optional(text, 'Its type, as `kubernetes.io/tls`. Default: Opaque.'),
  labels: optional(texts, 'Its labels.'),
  annotations: optional(texts, 'Its annotations.'),
  owner_references: optional(
    list(ownerReference),
    'Its owners, in the same namespace: once none of them exists, the cluster deletes it. Default: none.',
  ),
  immutable: optional(
    boolean,
    'Its content can never change; a run with other content fails (exit 8). Default: false.',
  ),
  field_manager: optional(
    managerName,
    'Who owns the entries that are applied. What a manager no longer applies is removed, so two configs for one Secret need different ones. Default: `vaultonce`.',
  ),
  force: optional(boolean, 'Take over entries, labels and annotations that others have set. Default: false.'),
  service_account: optional(
    text,
    'Directory with `token`, `ca.crt` and `namespace`. Default: `/var/run/secrets/kubernetes.io/serviceaccount`.',
  ),
});
