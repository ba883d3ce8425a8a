import { throwIfAny, type Failure } from '../../base/errors.ts';
import { checkedObjects, type VaultObject } from './objects.ts';

/** What a class for the provider `vault` says. Undefined: nothing, and the provider's own settings count. */
export interface VaultParameters {
  readonly roleName: string;
  readonly vaultAddress: string | undefined;
  readonly vaultNamespace: string | undefined;
  /** Paths in the provider's container. */
  readonly vaultCACertPath: string | undefined;
  readonly vaultCADirectory: string | undefined;
  readonly vaultTLSServerName: string | undefined;
  readonly vaultTLSClientCertPath: string | undefined;
  readonly vaultTLSClientKeyPath: string | undefined;
  readonly vaultSkipTLSVerify: boolean | undefined;
  /** `vaultKubernetesMountPath` or `vaultAuthMountPath`. */
  readonly mount: string | undefined;
  /** Of the pod's token. */
  readonly audience: string | undefined;
  readonly objects: readonly VaultObject[];
}

/** What Go's strconv.ParseBool takes. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);

/**
 * The parameters of a class that is written for vault-csi-provider 1.7.4, or for openbao-csi-provider 2.0, where `vault…` is
 * `openbao…`. Others are ignored, as it does, and an empty text is as good as none.
 * @throws RunError `config` with everything that is wrong
 */
export function vaultParameters(parameters: Readonly<Record<string, string>>): VaultParameters {
  const at = (name: string): string | undefined => {
    const names = [name, name.replace(/^vault/, 'openbao')].filter((one) => Object.hasOwn(parameters, one));
    return names.map((one) => parameters[one]).find((text) => text !== '');
  };
  const roleName = at('roleName');
  const skip = at('vaultSkipTLSVerify');
  const skipVerify = skip === undefined ? undefined : BOOLEANS.get(skip);
  const [kubernetesMount, authMount] = [at('vaultKubernetesMountPath'), at('vaultAuthMountPath')];
  const { objects, failures } = checkedObjects(at('objects') ?? '');
  throwIfAny([
    ...(roleName === undefined
      ? [failure('roleName', 'is missing', 'name the role of the Kubernetes login: `roleName: web`')]
      : []),
    ...(skip !== undefined && skipVerify === undefined
      ? [failure('vaultSkipTLSVerify', 'is neither true nor false', 'write "true" or "false"')]
      : []),
    ...(kubernetesMount !== undefined && authMount !== undefined
      ? [
          failure(
            'vaultAuthMountPath',
            'and `vaultKubernetesMountPath` exclude each other',
            'keep one of them',
          ),
        ]
      : []),
    ...failures,
  ]);
  return {
    roleName: roleName ?? '',
    vaultAddress: at('vaultAddress'),
    vaultNamespace: at('vaultNamespace'),
    vaultCACertPath: at('vaultCACertPath'),
    vaultCADirectory: at('vaultCADirectory'),
    vaultTLSServerName: at('vaultTLSServerName'),
    vaultTLSClientCertPath: at('vaultTLSClientCertPath'),
    vaultTLSClientKeyPath: at('vaultTLSClientKeyPath'),
    vaultSkipTLSVerify: skipVerify,
    mount: kubernetesMount ?? authMount,
    audience: at('audience'),
    objects,
  };
}

/** A config in JSON with what the class says, and nothing else: the provider's defaults go below it. */
export function configTextOf(parameters: VaultParameters): string {
  const tls = given({
    ca_cert: parameters.vaultCACertPath,
    ca_path: parameters.vaultCADirectory,
    server_name: parameters.vaultTLSServerName,
    client_cert: parameters.vaultTLSClientCertPath,
    client_key: parameters.vaultTLSClientKeyPath,
    skip_verify: parameters.vaultSkipTLSVerify,
  });
  const vault = given({
    address: parameters.vaultAddress,
    namespace: parameters.vaultNamespace,
    tls: Object.keys(tls).length === 0 ? undefined : tls,
  });
  const auth = given({ method: 'kubernetes', mount: parameters.mount, role: parameters.roleName });
  return JSON.stringify(
    { ...(Object.keys(vault).length === 0 ? {} : { vault }), auth },
    // A class has no variables: what looks like one is text.
    (_key, value: unknown) => (typeof value === 'string' ? value.replaceAll('${', () => '$${') : value),
  );
}

function given(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function failure(name: string, message: string, hint: string): Failure {
  return { kind: 'config', message: `\`${name}\` ${message}`, where: 'parameters', hint };
}
