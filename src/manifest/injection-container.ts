import {
  cel,
  CONFIG,
  CONTAINER,
  DOMAIN,
  INPUTS,
  note,
  OUT,
  VOLUMES,
  type Annotation,
  type Named,
  type QuantityName,
} from './injection-names.ts';

/** An annotation, else a parameter of the same name, else this. */
export function setting(name: QuantityName, fallback: string): string {
  return `${note(name)}.orValue(variables.settings[?'${name}'].orValue('${fallback}'))`;
}

/** What names the server, unless the parameters do. */
function overridable(name: Annotation & ('address' | 'namespace'), variable: string): string {
  return cel(`
    (${note(name)}.hasValue() && !('VAULT_${variable}' in variables.settings) && !('BAO_${variable}' in variables.settings)
      ? [['VAULT_${variable}', string(${note(name)}.orValue(''))]] : [])`);
}

/** Who is to read the files: if it is one user, the files are its own; else the pod's group, else everybody in the pod. */
export const READERS: readonly Named[] = [
  {
    name: 'users',
    expression: cel(`
        (object.spec.containers + object.spec.?initContainers.orValue([]))
          .filter(c, size(variables.names) == 0 || c.name in variables.names)
          .map(c, c.?securityContext.?runAsUser.or(object.spec.?securityContext.?runAsUser).orValue(-1))`),
  },
  {
    name: 'user',
    expression: cel(`
        size(variables.users) > 0 && variables.users[0] >= 0 && variables.users.all(u, u == variables.users[0])
          ? optional.of(variables.users[0]) : optional.none()`),
  },
  {
    name: 'mode',
    expression: cel(`
        variables.user.hasValue() ? '0400'
          : object.spec.?securityContext.?fsGroup.hasValue() ? '0440' : '0444'`),
  },
];

/** The mode is one of them, so that a config can say another one; parameters with `output:` of their own keep theirs. */
export const DEFAULTS_TEXT = cel(`
  (${note('mode')}.hasValue() || variables.settings[?'defaults.yaml'].orValue('').matches('(^|\\n)(output:|---|[{])')
    ? '' : 'output:\\n  mode: "' + variables.mode + '"\\n')
  + variables.settings[?'defaults.yaml'].orValue('')`);

/** The kubelet replaces `$(VAR)` and `$$` in `args` and `env`, so `$` is doubled. */
export const ARGS = cel(`
  (['render', '--set', 'output.directory=' + variables.dir]
    + ${whenNoted('mode', `['--set', 'output.mode=' + value]`)}
    + ${whenNoted('config-map', `['-c', '${CONFIG}/vaultonce.yaml']`)}
    + ${whenNoted('config', `['-c', '${INPUTS}/vaultonce.yaml']`)}
    + ${whenNoted(
      'role',
      `['--role=' + value,
        '--set', 'auth.method=' + variables.settings[?'auth-method'].orValue('kubernetes'),
        '--set', 'auth.' + variables.settings[?'auth-token-key'].orValue('token_file') + '=${INPUTS}/token']`,
    )}
    + ${whenNoted('auth-mount', `['--auth-mount=' + value]`)}
    + variables.notes.filter(k, k.startsWith('${OUT}'))
      .map(k, '--out=' + k.substring(${String(OUT.length)}) + '=' + string(variables.notes[k]))
  ).map(a, a.replace('$', '$$'))`);

/** @param items a list; `value` in it is that of the annotation */
function whenNoted(name: Annotation, items: string): string {
  const filled = items.replaceAll(/\bvalue\b/g, `${note(name)}.orValue('')`);
  return `(${note(name)}.hasValue() ? ${filled} : [])`;
}

/** Parameters in capitals are variables. */
export const ENVIRONMENT = cel(`
  (variables.settings.filter(k, k.matches('^[A-Z][A-Z0-9_]*$')).map(k, [string(k), string(variables.settings[k])])
    + ${overridable('address', 'ADDR')}
    + ${overridable('namespace', 'NAMESPACE')}
    + (variables.defaults != '' ? [['VAULTONCE_DEFAULTS', '${INPUTS}/defaults.yaml']] : [])
  ).map(e, [e[0], e[1].replace('$', '$$')])`);

/** A limit of CPU is for namespaces that demand one: it only slows the start. */
export const LIMITS = cel(`
  ${note('cpu-limit')}.or(variables.settings[?'cpu-limit']).hasValue()
    ? {'memory': ${setting('memory-limit', '128Mi')}, 'cpu': ${setting('cpu-limit', '')}}
    : {'memory': ${setting('memory-limit', '128Mi')}}`);

/** Texts of annotations come as files, which the kubelet writes as they are. */
export const SOURCES = cel(`
  [Object.spec.volumes.projected.sources{serviceAccountToken: Object.spec.volumes.projected.sources.serviceAccountToken{
    path: 'token', audience: variables.settings[?'audience'].orValue('vault'), expirationSeconds: 600}}]
  + ([['config', 'vaultonce.yaml'], ['defaults', 'defaults.yaml']]
    .filter(f, f[0] == 'config' ? ${note('config')}.hasValue() : variables.defaults != '')
    .map(f, Object.spec.volumes.projected.sources{downwardAPI: Object.spec.volumes.projected.sources.downwardAPI{
      items: [Object.spec.volumes.projected.sources.downwardAPI.items{
        path: f[1], fieldRef: Object.spec.volumes.projected.sources.downwardAPI.items.fieldRef{
          fieldPath: "metadata.annotations['${DOMAIN}/" + f[0] + "']"}}]}}))`);

/** With a security context of the restricted profile. */
export const INIT_CONTAINER = `Object.spec.initContainers{
      name: '${CONTAINER}',
      image: variables.settings['image'],
      imagePullPolicy: variables.settings[?'imagePullPolicy'].orValue('IfNotPresent'),
      args: variables.args,
      env: variables.environment.map(e, Object.spec.initContainers.env{name: e[0], value: e[1]}),
      terminationMessagePolicy: 'FallbackToLogsOnError',
      securityContext: Object.spec.initContainers.securityContext{
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        ?runAsUser: variables.user,
        runAsNonRoot: variables.user.orValue(1) != 0,
        capabilities: Object.spec.initContainers.securityContext.capabilities{drop: ['ALL']},
        seccompProfile: Object.spec.initContainers.securityContext.seccompProfile{type: 'RuntimeDefault'}
      },
      resources: Object.spec.initContainers.resources{
        requests: {'cpu': ${setting('cpu', '50m')}, 'memory': ${setting('memory', '64Mi')}},
        limits: variables.limits
      },
      volumeMounts: [
        Object.spec.initContainers.volumeMounts{name: '${VOLUMES.outputs}', mountPath: variables.dir},
        Object.spec.initContainers.volumeMounts{name: '${VOLUMES.inputs}', mountPath: '${INPUTS}', readOnly: true}
      ] + (${note('config-map')}.hasValue()
        ? [Object.spec.initContainers.volumeMounts{name: '${VOLUMES.config}', mountPath: '${CONFIG}', readOnly: true}] : [])
    }`;
