import { MISPLACED, OWN_VOLUMES } from './injection-checked.ts';
import {
  ANNOTATIONS,
  cel,
  CONFIG,
  CONTAINER,
  DIRECTORY,
  DOMAIN,
  INPUTS,
  LABEL,
  note,
  OUT,
  QUANTITIES,
  VOLUMES,
  type Annotation,
  type QuantityName,
} from './injection-names.ts';

/** A check of ValidatingAdmissionPolicy: what has to hold, and what is said where it does not. No value is quoted. */
interface Check {
  readonly expression: string;
  readonly message?: string;
  readonly messageExpression?: string;
}

const quoted = (name: Annotation): string => `annotation ${DOMAIN}/${name}`;

/** An annotation that has to look like this, if it is there. */
function shape(name: Annotation, pattern: string, problem: string): Check {
  return whenOn(
    `!${note(name)}.hasValue() || ${note(name)}.orValue('').matches(r'${pattern}')`,
    `${quoted(name)}: ${problem}`,
  );
}

function whenOn(expression: string, message: string): Check {
  return { expression: `!variables.on || ${grouped(expression)}`, message };
}

/** @param message an expression */
function whenOnSaying(expression: string, message: string): Check {
  return { expression: `!variables.on || ${grouped(expression)}`, messageExpression: cel(message) };
}

/** In one line: the API wants a message beside an expression on several, and some have only one that is an expression, too. */
function grouped(expression: string): string {
  return `(${cel(expression).replaceAll(/\s*\n\s*/g, ' ')})`;
}

function quantity(name: QuantityName): Check {
  const value = `${note(name)}.orValue('1')`;
  return whenOn(
    `isQuantity(${value}) && quantity(${value}).isGreaterThan(quantity('0'))`,
    `${quoted(name)}: not a quantity of Kubernetes above 0, as ${name.startsWith('cpu') ? '50m' : '64Mi'}`,
  );
}

/** What is no quantity is another mistake. */
function withinLimit(name: 'cpu' | 'memory'): Check {
  const requested = `${note(name)}.orValue('0')`;
  const limit = `${note(`${name}-limit`)}.orValue('1Ei')`;
  return whenOn(
    `!isQuantity(${requested}) || !isQuantity(${limit}) || quantity(${requested}).compareTo(quantity(${limit})) <= 0`,
    `${DOMAIN}/${name} is more than ${DOMAIN}/${name}-limit`,
  );
}

/** Where nothing else can be mounted. */
const TAKEN = ['/dev', '/proc', '/sys', CONFIG, INPUTS, '/var/run/secrets/kubernetes.io'];

function fixed(name: Annotation, variable: string): Check {
  return whenOn(
    `!variables.injected || !${note(name)}.hasValue() || variables.inits.exists(c, c.name == '${CONTAINER}'
      && c.?env.orValue([]).exists(e, e.name == 'VAULT_${variable}' && e.?value.orValue('') == ${note(name)}.orValue('').replace('$', '$$')))`,
    `${quoted(name)}: the parameters of this cluster's injection set VAULT_${variable} for all pods; remove the annotation`,
  );
}

/** Whether it is in the place where it works: first, because the API shows only the first message. */
const PLACE: readonly Check[] = [
  {
    expression: `variables.isPod || !${grouped(MISPLACED)}`,
    messageExpression: `'label ${LABEL} and annotations of ${DOMAIN} belong to the pod template, in ' + variables.place`,
  },
  {
    expression: `variables.labels[?'${LABEL}'].orValue('true') in ['true', 'false']`,
    message: `label ${LABEL} is neither "true" nor "false"`,
  },
  {
    expression: `size(variables.own) == 0 || '${LABEL}' in variables.labels`,
    messageExpression: `'annotations of ${DOMAIN} without the label ${LABEL}: "true" beside them (' + (variables.isPod ? 'metadata' : variables.place) + '.labels)'`,
  },
  whenOnSaying(
    `namespaceObject.metadata.?labels[?'${LABEL}'].orValue('') == 'enabled'`,
    `'nothing is injected in this namespace: label it, kubectl label namespace ' + namespaceObject.metadata.name + ' ${LABEL}=enabled'`,
  ),
];

const SAID: readonly Check[] = [
  whenOnSaying(
    `size(variables.unknown) == 0`,
    `
    'unknown: ' + variables.unknown.join(', ')
    + '; known are ${OUT}FILE and ${DOMAIN}/ with ${ANNOTATIONS.join(', ')}'`,
  ),
  whenOn(
    `variables.own.exists(k, k in ['${DOMAIN}/config', '${DOMAIN}/config-map']) || size(variables.outs) > 0`,
    `nothing to fetch: say it in an annotation, ${OUT}FILE, ${DOMAIN}/config or ${DOMAIN}/config-map`,
  ),
  whenOn(
    `!(${note('config')}.hasValue() && ${note('config-map')}.hasValue())`,
    `${DOMAIN}/config and ${DOMAIN}/config-map exclude each other: keep one`,
  ),
  whenOn(
    `${note('config')}.hasValue() || ${note('config-map')}.hasValue() || ${note('role')}.hasValue()`,
    `no role to log in with: say it in the annotation ${DOMAIN}/role`,
  ),
  shape('config', String.raw`\S`, 'empty'),
  shape('config-map', '^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$', 'not the name of a ConfigMap'),
  shape('role', String.raw`^\w([\w.-]*\w)?$`, 'not the name of a role'),
  shape('auth-mount', String.raw`^[\w.-]+(/[\w.-]+)*$`, 'not the path of a mount, as kubernetes/prod'),
  shape(
    'address',
    String.raw`^https?://[^\s@/?#]+(/[^\s@?#]*)?$`,
    'not a URL of a server, as https://vault:8200',
  ),
  shape('namespace', String.raw`^[^\s/]+(/[^\s/]+)*/?$`, 'not the path of a namespace, as team-a/web'),
  shape('mode', '^0[4-7][0-7]{2}$', 'not an octal mode that its owner can read, as 0440'),
  whenOn(
    `${note('directory')}.orValue('/x').matches(r'^(/[\\w.-]+)+$') && !(variables.dir + '/').matches(r'/[.]{1,2}/')`,
    `${quoted('directory')}: not an absolute path without . and .., as ${DIRECTORY}`,
  ),
  whenOn(
    `!['${TAKEN.join("', '")}'].exists(d, (variables.dir + '/').startsWith(d + '/'))`,
    `${quoted('directory')}: outputs cannot be there; keep away from ${TAKEN.join(', ')}`,
  ),
  whenOnSaying(
    `variables.outs.all(k, string(variables.notes[k]).matches(r'^[^#\\s][^#]*#\\S'))`,
    `'not a reference as secret/app/db#password: ' + variables.outs.filter(k, !string(variables.notes[k]).matches(r'^[^#\\s][^#]*#\\S')).join(', ')`,
  ),
  ...QUANTITIES.map(quantity),
  withinLimit('cpu'),
  withinLimit('memory'),
  whenOnSaying(
    `!${note('containers')}.hasValue() || variables.names.all(n, variables.others.exists(c, c.name == n))`,
    `'${quoted('containers')}: names one that is not there; there are: ' + variables.others.map(c, c.name).join(', ')`,
  ),
];

const CLASH = `c.?volumeMounts.orValue([]).exists(m, m.mountPath == variables.dir && m.name != '${VOLUMES.outputs}')`;

const CLASHES: readonly Check[] = [
  whenOn(
    `variables.template.?spec.?os.?name.orValue('linux') == 'linux'`,
    'the image is for Linux: a pod for another system (spec.os) cannot have it',
  ),
  whenOn(
    `variables.injected || !(variables.others + variables.inits).exists(c, c.name == '${CONTAINER}')`,
    `a container is called ${CONTAINER}, as the one that is injected: rename it, or remove the label`,
  ),
  whenOnSaying(
    `variables.injected || !variables.volumes.exists(v, v.name in ${OWN_VOLUMES})`,
    `'a volume has the name of one that is injected: rename ' + variables.volumes.filter(v, v.name in ${OWN_VOLUMES}).map(v, v.name).join(', ')`,
  ),
  whenOnSaying(
    `!variables.targets.exists(c, ${CLASH})`,
    `'something else is mounted where the outputs are to be: choose another ${DOMAIN}/directory, or leave containers out with ${DOMAIN}/containers; it is in: ' + variables.targets.filter(c, ${CLASH}).map(c, c.name).join(', ')`,
  ),
  // Of pods alone, which are complete by now.
  whenOn(
    `!variables.isPod || (variables.injected && variables.targets.all(c, c.?volumeMounts.orValue([]).exists(m, m.name == '${VOLUMES.outputs}')))`,
    `nothing has injected the outputs: are the policies vaultonce-inject and vaultonce-mount there, with their bindings?`,
  ),
  fixed('address', 'ADDR'),
  fixed('namespace', 'NAMESPACE'),
];

export const CHECKS: readonly Check[] = [...PLACE, ...SAID, ...CLASHES];
