import type { JsonValue } from '../../base/secret-data.ts';
import { referenceTo, type SecretUse } from '../declared-secrets.ts';
import { literal, literalOf, type Draft, type Fields } from '../draft.ts';
import { Unsupported } from '../unsupported.ts';
import { requestOf, withoutCredential } from '../go-template/requests.ts';
import { mapsOf, YamlMap } from '../yaml-tree.ts';
import { fieldsOfMethod } from './agent-methods.ts';
import type { Reading, SourceFormat } from './source-format.ts';
import { setAddress } from './vault-stanza.ts';

const KIND = 'SecretProviderClass';
/** Where the documents of the driver mount the volume. */
const DIRECTORY = '/mnt/secrets-store';
const DEFAULT_MOUNT = 'kubernetes';

/** A class of the Secrets Store CSI driver, for the provider of Vault or OpenBao. */
export const SECRET_PROVIDER_CLASS: SourceFormat = {
  title: KIND,
  recognises: (parsed) =>
    parsed.kind === 'yaml' && mapsOf(parsed.documents, '').some((map) => map.text('kind') === KIND),
  read(parsed, { name }, draft, reading) {
    if (parsed.kind !== 'yaml') return;
    for (const map of mapsOf(parsed.documents, name)) {
      if (map.text('kind') === KIND) readClass(map, draft, reading);
    }
  },
};

function readClass(map: YamlMap, draft: Draft, reading: Reading): void {
  const spec = map.map('spec');
  const provider = spec?.text('provider');
  if (spec === undefined || (provider !== 'vault' && provider !== 'openbao')) {
    draft.fatal(
      spec?.where('provider') ?? map.where(),
      'this class is for a provider other than `vault` and `openbao`',
      'only what comes from Vault or OpenBao can be migrated',
    );
    return;
  }
  const parameters = spec.map('parameters');
  if (parameters === undefined) {
    draft.fatal(spec.where(), 'the class has no `parameters`', 'correct it: the provider refuses it, too');
    return;
  }
  readParameters(parameters, draft);
  const objects = readObjects(parameters, draft, reading);
  for (const secret of spec.maps('secretObjects')) readSynced(secret, objects, draft);
  draft.set('output', 'directory', DIRECTORY, map.where());
  draft.set('output', 'mode', '0644', map.where());
  draft.note('mode', map.where());
  draft.note('csi', map.where());
  draft.note('class values', map.where());
  const metadata = map.map('metadata');
  draft.classes.push({
    name: metadata?.text('name') ?? 'secrets',
    namespace: metadata?.text('namespace'),
    audience: parameters.text('audience'),
    secretObjects: spec.json('secretObjects'),
    where: map.where(),
  });
}

/** Parameters that are settings here. */
const SETTINGS = {
  vaultNamespace: ['vault', 'namespace'],
  vaultCACertPath: ['vault.tls', 'ca_cert'],
  vaultCADirectory: ['vault.tls', 'ca_path'],
  vaultTLSServerName: ['vault.tls', 'server_name'],
  vaultTLSClientCertPath: ['vault.tls', 'client_cert'],
  vaultTLSClientKeyPath: ['vault.tls', 'client_key'],
} as const;

function readParameters(parameters: YamlMap, draft: Draft): void {
  // With OpenBao's provider they are called `openbao…`.
  const named = (name: string): string => (parameters.has(name) ? name : name.replace(/^vault/, 'openbao'));
  const address = parameters.text(named('vaultAddress'));
  setAddress(literalOf(address), parameters.where(named('vaultAddress')), draft);
  if (address === undefined) draft.note('address', parameters.where());
  for (const [vaultName, [section, key]] of Object.entries(SETTINGS)) {
    const name = named(vaultName);
    const text = parameters.text(name);
    if (text !== undefined) draft.set(section, key, literal(text), parameters.where(name));
  }
  const skip = named('vaultSkipTLSVerify');
  if (/^(?:1|t|true)$/i.test(parameters.text(skip) ?? ''))
    draft.set('vault.tls', 'skip_verify', true, parameters.where(skip));
  const where = parameters.where('roleName');
  const role = parameters.text('roleName');
  fieldsOfMethod('kubernetes', role === undefined ? [] : [{ key: 'role', text: role, where }], where, draft);
  for (const name of ['vaultKubernetesMountPath', 'vaultAuthMountPath'].map(named)) {
    const mount = parameters
      .text(name)
      ?.replace(/^\/?auth\//, '')
      .replace(/\/$/, '');
    if (mount !== undefined && mount !== DEFAULT_MOUNT)
      draft.set('auth', 'mount', literal(mount), parameters.where(name));
  }
  if (parameters.has('audience')) draft.note('audience', parameters.where('audience'));
}

/** What an object of the class is here, by its name. */
type Objects = ReadonlyMap<string, Fields>;

function readObjects(parameters: YamlMap, draft: Draft, reading: Reading): Objects {
  const placed = parameters.placedText('objects');
  const found = new Map<string, Fields>();
  if (placed === undefined) {
    draft.fatal(parameters.where(), 'the class has no `objects`', 'correct it: the provider refuses it, too');
    return found;
  }
  const document = reading.yaml(`objects:\n${placed.text.replace(/^/gm, ' ')}`, placed);
  if (document === undefined) return found;
  const list = new YamlMap(document, document.value as object, [], placed.file);
  for (const object of list.maps('objects')) {
    const name = object.text('objectName');
    const fields = objectFields(object, draft);
    if (name === undefined || fields === undefined) continue;
    found.set(name, fields);
    const mode = modeOf(object, placed, draft);
    draft.output({ path: literal(name), fields: { ...fields, ...mode } }, object.where());
  }
  return found;
}

/** The value of an object. @returns undefined for one that has no counterpart */
function objectFields(object: YamlMap, draft: Draft): Fields | undefined {
  const key = object.text('secretKey');
  const secret = secretOf(object, draft);
  if (secret === undefined) return undefined;
  if (key === undefined) {
    draft.problem(
      object.where(),
      'an object without `secretKey` is the whole response, which no output has',
      'name a key, or write `format: json`, which has the keys of the secret alone',
    );
    return undefined;
  }
  const encoding = object.text('encoding')?.toLowerCase();
  const decode = encoding === undefined || encoding === 'utf-8' ? {} : { decode: encoding };
  try {
    return { value: referenceTo(secret.name, [key]), ...decode };
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    draft.problem(object.where('secretKey'), error.message, error.hint);
    return undefined;
  }
}

function secretOf(object: YamlMap, draft: Draft): SecretUse | undefined {
  const path = object.text('secretPath');
  const method = (object.text('method') ?? 'GET').toUpperCase();
  const where = object.where('secretPath');
  if (path === undefined || !['GET', 'PUT', 'POST'].includes(method)) {
    draft.problem(
      object.where(),
      path === undefined ? 'an object has no `secretPath`' : 'a request of this method has no counterpart',
      'correct it: requests are GET, PUT and POST',
    );
    return undefined;
  }
  const note = (): void => {
    draft.note('credential', object.where('secretArgs'));
  };
  // The server reads no body of a GET.
  const write = method === 'GET' ? undefined : carried('', object.json('secretArgs') ?? {}, note);
  try {
    return draft.secrets.declare({ ...requestOf(literal(path)), write: write as Fields | undefined });
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    draft.problem(where, error.message, error.hint);
    return undefined;
  }
}

/** What is sent, as it stands, without credentials. */
function carried(key: string, value: JsonValue, note: () => void): JsonValue {
  if (typeof value === 'string') return withoutCredential(key, literal(value), note);
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map((item) => carried(key, item, note));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as Readonly<Record<string, JsonValue>>);
  return Object.fromEntries(entries.map(([name, one]) => [name, carried(name, one, note)]));
}

/** `filePermission` as Go reads it: with a zero in front it is octal, which its value no longer tells. */
function modeOf(object: YamlMap, { text }: { readonly text: string }, draft: Draft): Fields {
  const where = object.where('filePermission');
  const value = object.json('filePermission');
  if (value === undefined || value === null) return {};
  const written = [...text.matchAll(/filePermission["']?\s*:\s*([^\s,}#]+)/g)]
    .map(([, one = '']) => one)
    .find((one) => Number(one) === value);
  const mode = written?.match(/^0[0-7]+$/) ? Number.parseInt(written, 8) : value;
  if (typeof mode === 'number' && Number.isInteger(mode) && mode >= 0 && mode <= 0o777) {
    if (mode === 0 || mode === 0o644) return {};
    return { mode: `0${mode.toString(8).padStart(3, '0')}` };
  }
  draft.problem(where, '`filePermission` is not a mode', 'write it in octal, with a zero in front: 0640');
  return {};
}

/** A Secret of the cluster that the driver keeps in step. */
function readSynced(secret: YamlMap, objects: Objects, draft: Draft): void {
  const name = secret.text('secretName');
  const type = secret.text('type');
  if (name === undefined) return;
  for (const entry of secret.maps('data')) {
    const object = objects.get(entry.text('objectName') ?? '');
    const key = entry.text('key');
    if (object === undefined || key === undefined) continue;
    const target = {
      ...{ name: literal(name), key: literal(key) },
      ...(type === undefined ? {} : { type: literal(type) }),
      ...textsAt(secret, 'labels'),
      ...textsAt(secret, 'annotations'),
    };
    draft.output({ path: undefined, fields: { kubernetes_secret: target, ...object } }, entry.where());
  }
  draft.note('synced secret', secret.where());
}

function textsAt(secret: YamlMap, name: 'labels' | 'annotations'): Fields {
  const map = secret.map(name);
  if (map === undefined) return {};
  return { [name]: Object.fromEntries(map.keys().map((key) => [key, literal(map.text(key) ?? '')])) };
}
