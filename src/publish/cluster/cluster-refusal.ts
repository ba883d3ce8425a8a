import { RunError } from '../../base/errors.ts';
import type { Secret } from '../../base/secret.ts';
import { presentable } from '../../http/presentable.ts';

interface Refused {
  readonly status: number;
  /** A `Status` of the API, when it is one. */
  readonly body: Readonly<Record<string, unknown>>;
}

interface RefusedSecret {
  readonly place: string;
  readonly where: string;
  /** What no message may repeat. */
  readonly sent: readonly Secret[];
}

const MEANINGS: Readonly<Record<number, readonly [message: string, hint: string]>> = {
  401: [
    'does not accept the token of the service account',
    'mount the default token of the API: one with an audience of its own, as for Vault, is not accepted there; name its directory in service_account',
  ],
  403: [
    'does not allow it',
    'a Role has to allow the verbs create and patch on secrets, and a RoleBinding has to give it to the service account (README, Secrets of Kubernetes)',
  ],
  404: ['does not know the namespace', 'create the namespace, or correct `namespace`'],
  409: [
    'has entries, labels or a type of another owner in it',
    'give the Secret another name, or take them over once with `force: true`',
  ],
  422: [
    'does not take it',
    'the type of a Secret cannot change, an immutable one not at all, and 1 MiB is the most that it holds',
  ],
};

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export function refusal({ status, body }: Refused, { place, where, sent }: RefusedSecret): RunError {
  const [meaning, hint] = MEANINGS[status] ?? [
    `answered ${String(status)}`,
    'look at the log of the API server',
  ];
  const text = body['message'];
  return new RunError('output', `${place} cannot be applied: the cluster ${meaning}`, {
    where,
    // What cannot be parsed is quoted by the server.
    details: typeof text === 'string' && status !== 400 ? [presentable(text, sent)] : undefined,
    hint,
  });
}
