import {
  ANNOTATIONS,
  cel,
  CONTAINER,
  DEFAULTS,
  DIRECTORY,
  DOMAIN,
  IGNORED,
  LABEL,
  note,
  OUT,
  VOLUMES,
  type Named,
} from './injection-names.ts';

/** Of what has a pod template, or is a pod: no other kind has these fields. */
const TEMPLATE_OF_CRON_JOB = 'dyn(object).?spec.?jobTemplate.?spec.?template';
const TEMPLATE = `${TEMPLATE_OF_CRON_JOB}.or(dyn(object).?spec.?template)`;

const LABELS = 'dyn(object).?metadata.?labels.orValue({})';

const ofOld = (expression: string): string => expression.replaceAll('object', 'oldObject');

/** Whether a key is an annotation, or a label, of ours. */
const isOwn = (key: string): string => `(('.' + ${key}).contains('.${DOMAIN}/') && ${key} != '${IGNORED}')`;

const METADATA = `[dyn(object).?metadata, dyn(object).?spec.?template.?metadata,
  dyn(object).?spec.?jobTemplate.?metadata, ${TEMPLATE_OF_CRON_JOB}.?metadata]`;

/** Everything else is out of reach of this policy, its errors too. */
export const MATCH_CONDITIONS: readonly Named[] = [
  {
    name: 'asks-for-injection',
    expression: cel(`
      ${METADATA}.exists(m, m.?labels[?'${LABEL}'].hasValue() || m.?annotations.orValue({}).exists(k, ${isOwn('k')}))`),
  },
  {
    // Controllers go on changing, and deleting, what was there before the policy.
    name: 'changed',
    expression: cel(`
      request.operation == 'CREATE'
      || ${LABELS} != ${ofOld(LABELS)}
      || ${TEMPLATE}.orValue({}) != ${ofOld(TEMPLATE)}.orValue({})`),
  },
];

export const OWN_VOLUMES = `[${Object.values(VOLUMES)
  .map((name) => `'${name}'`)
  .join(', ')}]`;

const KNOWN = `[${ANNOTATIONS.map((name) => `'${DOMAIN}/${name}'`).join(', ')}]`;

export const VARIABLES: readonly Named[] = [
  { name: 'isPod', expression: "object.kind == 'Pod'" },
  {
    name: 'template',
    expression: `variables.isPod ? dyn(object) : ${TEMPLATE}.orValue(dyn({}))`,
  },
  {
    name: 'place',
    expression: `${TEMPLATE_OF_CRON_JOB}.hasValue() ? 'spec.jobTemplate.spec.template.metadata' : 'spec.template.metadata'`,
  },
  { name: 'labels', expression: 'variables.template.?metadata.?labels.orValue({})' },
  { name: 'notes', expression: 'variables.template.?metadata.?annotations.orValue({})' },
  { name: 'own', expression: `variables.notes.filter(k, ${isOwn('k')})` },
  { name: 'on', expression: `variables.labels[?'${LABEL}'].orValue('') == 'true'` },
  { name: 'outs', expression: `variables.own.filter(k, k.startsWith('${OUT}'))` },
  { name: 'volumes', expression: 'variables.template.?spec.?volumes.orValue([])' },
  { name: 'inits', expression: 'variables.template.?spec.?initContainers.orValue([])' },
  {
    name: 'injected',
    expression: cel(`
      variables.isPod && variables.volumes.exists(v, v.name == '${VOLUMES.outputs}')
      && variables.inits.exists(c, c.name == '${CONTAINER}' && c.?volumeMounts.orValue([]).exists(m, m.name == '${VOLUMES.outputs}'))`),
  },
  {
    name: 'unknown',
    expression: cel(`
      variables.own.filter(k, !(k in ${KNOWN})
        && !k.startsWith('${OUT}') && !(k == '${DEFAULTS}' && variables.injected))`),
  },
  {
    name: 'others',
    expression: cel(`
      variables.template.?spec.?containers.orValue([])
      + variables.inits.filter(c, c.name != '${CONTAINER}')`),
  },
  { name: 'dir', expression: `${note('directory')}.orValue('${DIRECTORY}')` },
  {
    name: 'names',
    expression: `${note('containers')}.orValue('').split(',').map(n, n.trim())`,
  },
  {
    name: 'targets',
    expression: `variables.others.filter(c, !${note('containers')}.hasValue() || c.name in variables.names)`,
  },
];

/** What is outside of a pod template, and not in it. */
export const MISPLACED = cel(`
  [dyn(object).?metadata, dyn(object).?spec.?jobTemplate.?metadata].exists(m,
    (m.?labels[?'${LABEL}'].hasValue() && !('${LABEL}' in variables.labels))
    || m.?annotations.orValue({}).exists(k, ${isOwn('k')} && !(k in variables.notes)))`);
