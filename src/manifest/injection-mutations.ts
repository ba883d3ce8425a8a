import {
  ARGS,
  DEFAULTS_TEXT,
  ENVIRONMENT,
  INIT_CONTAINER,
  LIMITS,
  READERS,
  setting,
  SOURCES,
} from './injection-container.ts';
import { cel, CONTAINER, DEFAULTS, DIRECTORY, note, VOLUMES, type Named } from './injection-names.ts';

/** A mutation, as MutatingAdmissionPolicy and others that follow it have it. */
type Mutation =
  | { readonly patchType: 'JSONPatch'; readonly jsonPatch: { readonly expression: string } }
  | {
      readonly patchType: 'ApplyConfiguration';
      readonly applyConfiguration: { readonly expression: string };
    };

export interface MutatingPolicy {
  readonly matchConditions: readonly Named[];
  readonly variables: readonly Named[];
  readonly mutations: readonly Mutation[];
}

const NOTES: Named = { name: 'notes', expression: 'object.metadata.?annotations.orValue({})' };
const DIR: Named = { name: 'dir', expression: `${note('directory')}.orValue('${DIRECTORY}')` };
/** None means all. */
const NAMES: Named = {
  name: 'names',
  expression: `${note('containers')}.orValue('').split(',').map(n, n.trim()).filter(n, n != '')`,
};

const HAS_OWN = `object.spec.?initContainers.orValue([]).exists(c, c.name == '${CONTAINER}')`;

/**
 * Puts the container first, with its volumes. Lists that are atomic (`args`, `drop`, `sources`) take a JSON patch.
 * @param settings an expression: the data of the ConfigMap of parameters
 */
export function injects(settings: string): MutatingPolicy {
  return {
    // Also what makes it idempotent.
    matchConditions: [{ name: 'not-yet-injected', expression: `!${HAS_OWN}` }],
    variables: [
      NOTES,
      DIR,
      NAMES,
      { name: 'settings', expression: settings },
      ...READERS,
      { name: 'defaults', expression: DEFAULTS_TEXT },
      { name: 'args', expression: ARGS },
      { name: 'environment', expression: ENVIRONMENT },
      { name: 'limits', expression: LIMITS },
    ],
    mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: PATCH } }],
  };
}

/** A list as the value of an operation has to be added item by item: the API server fails on lists of objects. */
const PATCH = cel(`
  (has(object.metadata.annotations) ? [] : [JSONPatch{op: 'add', path: '/metadata/annotations', value: {}}])
  + (variables.defaults == '' ? []
    : [JSONPatch{op: 'add', path: '/metadata/annotations/${DEFAULTS.replace('/', '~1')}', value: variables.defaults}])
  + (has(object.spec.initContainers) ? [] : [JSONPatch{op: 'add', path: '/spec/initContainers', value: []}])
  + (has(object.spec.volumes) ? [] : [JSONPatch{op: 'add', path: '/spec/volumes', value: []}])
  + [
    JSONPatch{op: 'add', path: '/spec/initContainers/0', value: ${INIT_CONTAINER}},
    JSONPatch{op: 'add', path: '/spec/volumes/-', value: Object.spec.volumes{
      name: '${VOLUMES.outputs}',
      emptyDir: Object.spec.volumes.emptyDir{medium: 'Memory', sizeLimit: ${setting('size', '8Mi')}}
    }},
    JSONPatch{op: 'add', path: '/spec/volumes/-', value: Object.spec.volumes{
      name: '${VOLUMES.inputs}', projected: Object.spec.volumes.projected{sources: ${SOURCES}}
    }}
  ]
  + (${note('config-map')}.hasValue() ? [JSONPatch{op: 'add', path: '/spec/volumes/-', value: Object.spec.volumes{
      name: '${VOLUMES.config}', configMap: Object.spec.volumes.configMap{name: ${note('config-map')}.orValue('')}
    }}] : [])`);

/**
 * Mounts the outputs in the containers of the pod: apart from the other, because it also has to see containers that come
 * later. Its condition holds before the other policy as well as after it: they have no order, and who was skipped is not
 * called again. What is merged by name and by mountPath takes no index.
 */
export const MOUNTS: MutatingPolicy = {
  matchConditions: [
    {
      name: 'not-by-hand',
      expression: `object.spec.?volumes.orValue([]).exists(v, v.name == '${VOLUMES.outputs}') || !${HAS_OWN}`,
    },
  ],
  variables: [NOTES, DIR, NAMES],
  mutations: [
    {
      patchType: 'ApplyConfiguration',
      applyConfiguration: {
        expression: cel(`
          Object{spec: Object.spec{
            containers: ${mounted('object.spec.containers', 'containers')},
            initContainers: ${mounted('object.spec.?initContainers.orValue([])', 'initContainers')}
          }}`),
      },
    },
  ],
};

/** A container that has something there already keeps it; the validation tells. */
function mounted(containers: string, field: 'containers' | 'initContainers'): string {
  const type = `Object.spec.${field}`;
  return `${containers}
      .filter(c, size(variables.names) == 0 || c.name in variables.names)
      .filter(c, !c.?volumeMounts.orValue([]).exists(m, m.mountPath == variables.dir))
      .map(c, ${type}{name: c.name, volumeMounts: [
        ${type}.volumeMounts{name: '${VOLUMES.outputs}', mountPath: variables.dir, readOnly: true}]})`;
}
