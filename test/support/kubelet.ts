import { join } from 'node:path';

interface Variable {
  readonly name: string;
  readonly value?: string;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly Variable[];
  readonly resources?: object;
  readonly securityContext?: { readonly runAsUser?: number; readonly runAsNonRoot?: boolean };
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Source {
  readonly serviceAccountToken?: { readonly path: string; readonly audience: string };
  readonly downwardAPI?: {
    readonly items: readonly { readonly path: string; readonly fieldRef: { readonly fieldPath: string } }[];
  };
}

export interface Volume {
  readonly name: string;
  readonly emptyDir?: { readonly medium: string; readonly sizeLimit: string };
  readonly projected?: { readonly sources: readonly Source[] };
  readonly configMap?: { readonly name: string };
}

export interface Pod {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly spec: {
    readonly containers: readonly Container[];
    readonly initContainers: readonly Container[];
    readonly volumes: readonly Volume[];
  };
}

export function initContainer({ spec }: Pod): Container {
  const found = spec.initContainers.find(({ name }) => name === 'vaultonce');
  if (found === undefined) throw new Error('nothing was injected');
  return found;
}

/** What the process in the injected container finds. */
interface Start {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** By path; of the token, its audience. */
  readonly files: Readonly<Record<string, string>>;
}

/** As the kubelet starts it. */
export function expanded(pod: Pod): Start {
  const { args = [], env: variables = [], volumeMounts = [] } = initContainer(pod);
  const env: Record<string, string> = {};
  for (const { name, value = '' } of variables) env[name] = expand(value, env);
  const files = volumeMounts.flatMap(({ name, mountPath }) => {
    const volume = pod.spec.volumes.find((each) => each.name === name);
    return (volume?.projected?.sources ?? []).flatMap((source) => filesOf(source, pod, mountPath));
  });
  return { args: args.map((arg) => expand(arg, env)), env, files: Object.fromEntries(files) };
}

/** `$$` is `$`, and `$(NAME)` a variable that there is; all else stays. */
function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$(?:\$|\(([^)]*)\))/g, (match, name?: string) =>
    match === '$$' ? '$' : (env[name ?? ''] ?? match),
  );
}

function filesOf(
  { serviceAccountToken, downwardAPI }: Source,
  { metadata }: Pod,
  at: string,
): [string, string][] {
  if (serviceAccountToken) return [[join(at, serviceAccountToken.path), serviceAccountToken.audience]];
  return (downwardAPI?.items ?? []).map(({ path, fieldRef }) => {
    const [, key = ''] = /^metadata\.annotations\['(.+)'\]$/.exec(fieldRef.fieldPath) ?? [];
    return [join(at, path), metadata.annotations[key] ?? ''];
  });
}
