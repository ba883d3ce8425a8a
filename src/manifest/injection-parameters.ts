/** What a cluster says for all its pods. */
export interface InjectionSettings {
  /** Kubernetes' namespace of the ConfigMap of parameters. */
  readonly namespace: string;
  readonly image: string;
  /** Of the pods' service account tokens. */
  readonly audience: string;
  /** How a pod with a role logs in: the method, and the key of `auth:` that names the file of the token. */
  readonly login: { readonly method: string; readonly tokenKey: string };
  /** Variables of the container, such as VAULT_ADDR: no pod can say another value. */
  readonly environment: Readonly<Record<string, string>>;
  /** A config below that of each pod. */
  readonly defaults?: string | undefined;
  readonly resources?: {
    readonly cpu: string;
    readonly memory: string;
    readonly memoryLimit: string;
    /** Of the volume of outputs. */
    readonly size: string;
  };
}

/** An object of Kubernetes, and what stands above it. */
export interface Document {
  readonly comment: string;
  readonly object: object;
}

/** The policies, and the ConfigMap of their parameters. */
export const INJECT = 'vaultonce-inject';

/** The ConfigMap that the policies read; to change it takes no new policy. */
export function parameters(settings: InjectionSettings): Document {
  const { namespace, image, audience, login, environment, defaults, resources } = settings;
  return {
    comment:
      'The parameters of injection, read for each new pod. Keys in capitals are variables of the container; those of the others that are missing have defaults, but for the image.',
    object: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: INJECT, namespace },
      data: {
        image,
        audience,
        'auth-method': login.method,
        'auth-token-key': login.tokenKey,
        ...(resources && {
          cpu: resources.cpu,
          memory: resources.memory,
          'memory-limit': resources.memoryLimit,
          size: resources.size,
        }),
        ...environment,
        ...(defaults === undefined ? {} : { 'defaults.yaml': defaults }),
      },
    },
  };
}
