import { RunError } from '../../base/errors.ts';
import type { Secret } from '../../base/secret.ts';
import { presentable } from '../../http/presentable.ts';

interface Refused {
  readonly status: number;
  /** Usually a `Status` of the API. */
  readonly body: Readonly<Record<string, unknown>>;
}

interface RefusedSecret {
  readonly place: string;
  readonly where: string;
  /** Secrets that no message may repeat. */
  readonly sent: readonly Secret[];
}

const MEANINGS: Readonly<Record<number, readonly [message: string, hint: string]>> = {
  401: [
    'does not accept the token of the service account',
    'mount the default token of the API: one with an audience of its own, as for Vault, is not accepted there; name its directory in service_account',
  ],
  403: [
    'does not allow it',
    'a Role must allow the verbs create and patch on secrets, and a RoleBinding must bind it to the service account (examples/kubernetes/README.md, Secrets of Kubernetes)',
  ],
  404: ['does not know the namespace', 'create the namespace, or correct `namespace`'],
  409: [
    'reports that another field manager owns entries, labels or the type of it',
    'choose another name for the Secret, or take them over once with `force: true`',
  ],
  422: [
    'rejects it',
    'the type of a Secret cannot change, nothing of an immutable one can, and the limit is 1 MiB',
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
    // In a 400 the server quotes what it could not parse.
    details: typeof text === 'string' && status !== 400 ? [presentable(text, sent)] : undefined,
    hint,
  });
}
