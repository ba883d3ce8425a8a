import { ENTRY_NAME } from '../plan/cluster-outputs.ts';
import { map, object, optional, required, string } from '../shape/definition.ts';
import { boolean, text } from '../shape/fields.ts';

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
