import { holdsCredential } from '../base/shown-text.ts';
import type { ConfigText } from './config-texts.ts';
import { variablesIn } from './in-texts.ts';
import type { ManifestInput } from './manifest-input.ts';

/** What the API server and the kubelet know of a pod: https://kubernetes.io/docs/concepts/workloads/pods/downward-api/ */
export const POD_FIELDS: Readonly<Record<string, string>> = {
  POD_NAME: 'metadata.name',
  POD_NAMESPACE: 'metadata.namespace',
  POD_UID: 'metadata.uid',
  POD_IP: 'status.podIP',
  POD_SERVICE_ACCOUNT: 'spec.serviceAccountName',
  NODE_NAME: 'spec.nodeName',
};

/** Names of what is secret, whatever the value looks like. */
const SECRET_NAME =
  /(?:TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|SECRET_ID|CREDENTIALS?|API_?KEY|PRIVATE_KEY|JWT)$/i;

export interface PodVariables {
  /** The container's `env`. */
  readonly env: readonly object[];
  /** Keys of the Secret with credentials. */
  readonly secretKeys: readonly string[];
}

/** The variables that the config depends on: values of this environment, but none that may be a credential. */
export function podVariables(
  { env, settings, login }: Pick<ManifestInput, 'env' | 'settings' | 'login'>,
  texts: readonly ConfigText[],
  secretName: string,
): PodVariables {
  const named = variablesIn(texts);
  const isSecret = (name: string): boolean =>
    login.variables.includes(name) ||
    SECRET_NAME.test(name) ||
    holdsCredential(env[name] ?? '') ||
    named.some((one) => one.name === name && one.isSecret);
  const names = [...new Set([...named.map(({ name }) => name), ...login.variables])];
  const entries = names.flatMap((name): object[] => {
    const field = POD_FIELDS[name];
    if (field !== undefined) return [{ name, valueFrom: { fieldRef: { fieldPath: field } } }];
    const value = env[name] ?? '';
    if (isSecret(name)) {
      const isOptional = value === '' && !login.variables.includes(name);
      const key = { name: secretName, key: name, ...(isOptional ? { optional: true } : {}) };
      return [{ name, valueFrom: { secretKeyRef: key } }];
    }
    // A default of the config takes the place of what is not set.
    return value === '' ? [] : [{ name, value: literal(value) }];
  });
  const given = settings
    .filter(({ name }) => !names.includes(name))
    .map(({ name, value }) => ({ name, value: literal(value) }));
  return {
    env: [...given, ...entries],
    secretKeys: names.filter((name) => POD_FIELDS[name] === undefined && isSecret(name)),
  };
}

/** The kubelet replaces `$(VAR)`, and makes one dollar of two. */
function literal(value: string): string {
  return value.replaceAll('$', '$$$$');
}
