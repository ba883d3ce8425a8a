import type { JsonValue } from '../../base/secret-data.ts';
import { shownName } from '../../base/shown-text.ts';
import {
  isForAll,
  keysForAll,
  keysOfSelector,
  parseActionSecret,
  variableName,
  type ActionSecret,
} from '../action-secret.ts';
import { referenceTo } from '../declared-secrets.ts';
import type { Draft } from '../draft.ts';
import { Unsupported } from '../unsupported.ts';
import { requestOf } from '../go-template/requests.ts';
import { mapsOf, type YamlMap } from '../yaml-tree.ts';
import type { SourceFormat } from './source-format.ts';
import { Inputs } from './workflow-inputs.ts';
import { setAddress } from './vault-stanza.ts';

const ACTION = /(?:^|\/)vault-action(?:@|$)/;

/** Steps of hashicorp/vault-action in a workflow or in an action. */
export const VAULT_ACTION: SourceFormat = {
  title: 'vault-action',
  recognises: (parsed) =>
    parsed.kind === 'yaml' && mapsOf(parsed.documents, '').some((map) => stepsIn(map).length > 0),
  read(parsed, { name }, draft) {
    if (parsed.kind !== 'yaml') return;
    for (const map of mapsOf(parsed.documents, name)) {
      for (const step of stepsIn(map)) readStep(step.map('with'), step, draft);
    }
  },
};

function stepsIn(map: YamlMap): readonly YamlMap[] {
  const jobs = map.map('jobs');
  const inJobs = jobs?.keys().flatMap((job) => jobs.map(job)?.maps('steps') ?? []) ?? [];
  const all = [...inJobs, ...(map.map('runs')?.maps('steps') ?? []), ...map.maps('steps')];
  return all.filter((step) => ACTION.test(step.text('uses') ?? ''));
}

function readStep(given: YamlMap | undefined, step: YamlMap, draft: Draft): void {
  if (given === undefined) {
    draft.problem(step.where(), 'the step has no `with`', 'correct it: the action refuses it, too');
    return;
  }
  const inputs = new Inputs(given, draft);
  setAddress(inputs.text('url'), inputs.where('url'), draft);
  inputs.set('namespace', ['vault', 'namespace']);
  if (inputs.isTrue('tlsSkipVerify'))
    draft.set('vault.tls', 'skip_verify', true, inputs.where('tlsSkipVerify'));
  readLogin(inputs, draft);
  inputs.knows('ignoreNotFound');
  if (inputs.has('secrets') || !inputs.has('pki')) readSecrets(inputs, draft);
  if (inputs.isTrue('exportToken'))
    draft.environment.set('VAULT_TOKEN', { kind: 'value', value: () => ({ token: true }) });
  if (inputs.has('caCertificate')) draft.note('ca certificate', inputs.where('caCertificate'));
  for (const [name, hint] of NO_COUNTERPART)
    if (inputs.has(name)) draft.problem(inputs.where(name), `the input \`${name}\` has no counterpart`, hint);
  draft.note(inputs.text('exportEnv') === 'false' ? 'step outputs' : 'env command', step.where());
  if (inputs.has('outputToken')) draft.note('step outputs', inputs.where('outputToken'));
  for (const name of inputs.unknown())
    draft.problem(
      inputs.where(name),
      `the input \`${shownName(name)}\` is not known`,
      'correct its name, or remove it',
    );
}

const NO_COUNTERPART = [
  ['pki', 'declare a secret with `write:`, and name its keys in `environment:`'],
  ['extraHeaders', 'leave it out'],
  ['clientCertificate', 'write it into a file, decoded: `vault.tls.client_cert`'],
  ['clientKey', 'write it into a file, decoded: `vault.tls.client_key`'],
  ['jwtPrivateKey', 'sign the JWT elsewhere: `jwt_file`'],
  ['jwtKeyPassword', 'sign the JWT elsewhere: `jwt_file`'],
  ['jwtTtl', 'leave it out: whoever signs the JWT sets its TTL'],
  ['authPayload', 'write `method: custom`, with its `payload`'],
  ['secretEncodingType', 'write the value into a file, with `decode:`'],
] as const;

/** What the methods of the action are here: fields by its inputs, and credentials by variables. */
interface ActionMethod {
  readonly method: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** Input, field that names the variable, and its usual name. */
  readonly variables?: readonly (readonly [string, string, string])[];
  readonly constants?: Readonly<Record<string, string>>;
}

const METHODS: ReadonlyMap<string, ActionMethod> = new Map<string, ActionMethod>([
  ['token', { method: 'token', variables: [['token', 'token_env', 'VAULT_TOKEN']] }],
  [
    'approle',
    {
      method: 'approle',
      variables: [
        ['roleId', 'role_id_env', 'VAULT_ROLE_ID'],
        ['secretId', 'secret_id_env', 'VAULT_SECRET_ID'],
      ],
    },
  ],
  ['github', { method: 'github', variables: [['githubToken', 'token_env', 'GITHUB_AUTH_TOKEN']] }],
  [
    'jwt',
    {
      method: 'jwt',
      fields: { role: 'role', jwtGithubAudience: 'audience' },
      constants: { source: 'github-actions' },
    },
  ],
  ['kubernetes', { method: 'kubernetes', fields: { role: 'role', kubernetesTokenPath: 'token_file' } }],
  ['userpass', { method: 'userpass', fields: { username: 'username' } }],
  ['ldap', { method: 'ldap', fields: { username: 'username' } }],
]);

/** Of any method: the action does not read those of another. */
const OF_METHODS = [...METHODS.values()].flatMap(({ fields = {}, variables = [] }) => [
  ...Object.keys(fields),
  ...variables.map(([name]) => name),
]);

function readLogin(inputs: Inputs, draft: Draft): void {
  inputs.knows('path', 'password', ...OF_METHODS);
  const found = METHODS.get((inputs.text('method') ?? 'token').toLowerCase());
  const where = inputs.where('method');
  if (found === undefined) {
    draft.problem(
      where,
      'this login of the action has no counterpart',
      `write \`auth:\` by hand; there are ${[...METHODS.keys()].join(', ')}, and \`method: custom\` for any other`,
    );
    return;
  }
  const { method } = found;
  draft.set('auth', 'method', method, where);
  const mount = inputs.text('path');
  if (mount !== undefined && mount !== method) draft.set('auth', 'mount', mount, inputs.where('path'));
  readFields(found, inputs, draft);
}

function readFields(
  { fields = {}, variables = [], constants = {} }: ActionMethod,
  inputs: Inputs,
  draft: Draft,
): void {
  for (const [name, key] of Object.entries(fields)) inputs.set(name, ['auth', key]);
  for (const [key, value] of Object.entries(constants)) draft.set('auth', key, value, inputs.where('method'));
  for (const [name, key, fallback] of variables)
    draft.set('auth', key, inputs.variable(name, fallback), inputs.where(name));
  const password = inputs.variable('password', 'VAULT_PASSWORD');
  if (password !== undefined && 'username' in fields)
    draft.set('auth', 'password', `\${${password}}`, inputs.where('password'));
}

/** `PATH KEY | NAME ;` each. */
function readSecrets(inputs: Inputs, draft: Draft): void {
  const placed = inputs.lines('secrets');
  if (placed === undefined) {
    draft.problem(inputs.where('secrets'), 'the step has no `secrets`', 'name what it fetches');
    return;
  }
  const all: JsonValue[] = [];
  let before = 0;
  for (const part of placed.text.split(';')) {
    const start = before + (part.length - part.trimStart().length);
    const line =
      placed.firstLine + (placed.isVerbatim ? placed.text.slice(0, start).split('\n').length - 1 : 0);
    before += part.length + 1;
    if (part.trim() !== '') readSecret(part.trim(), `${placed.file}:${String(line)}`, { inputs, all, draft });
  }
  if (all.length > 0) {
    const known = draft.environment.get('*');
    const earlier = known?.kind === 'value' ? [known.value()].flat() : [];
    const merged = [...earlier, ...all] as readonly JsonValue[];
    draft.environment.set('*', {
      kind: 'value',
      value: () => (merged.length === 1 ? (merged[0] ?? '') : merged),
    });
  }
}

interface StepContext {
  readonly inputs: Inputs;
  readonly all: JsonValue[];
  readonly draft: Draft;
}

function readSecret(text: string, where: string, context: StepContext): void {
  const { inputs, draft } = context;
  const secret = parseActionSecret(text);
  if (secret === undefined) {
    draft.problem(
      where,
      'a line of `secrets` is not `PATH KEY` or `PATH KEY | NAME`',
      'correct it: the action refuses it, too',
    );
    return;
  }
  const path = inputs.withVariables(secret.path, where);
  if (path === undefined) return;
  try {
    addVariable({ ...secret, path }, where, context);
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    draft.problem(where, error.message, error.hint);
  }
}

/** @throws Unsupported */
function addVariable(wanted: ActionSecret, where: string, { inputs, all, draft }: StepContext): void {
  const optional = inputs.isTrue('ignoreNotFound') || undefined;
  const secret = draft.secrets.declare({ ...requestOf(wanted.path), optional });
  if (isForAll(wanted)) {
    all.push({ value: secret.name, keys: keysForAll(wanted) });
    draft.note('all keys', where);
  } else {
    const reference = referenceTo(secret.name, keysOfSelector(wanted));
    draft.environment.set(variableName(wanted), { kind: 'value', value: () => reference });
  }
}
