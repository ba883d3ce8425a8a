import { shownName } from '../../base/shown-text.ts';
import { literal, literalOf, type Draft, type Fields, type TemplateDraft } from '../draft.ts';
import type { NoteKind } from '../note-kinds.ts';
import { mapsOf, type YamlMap } from '../yaml-tree.ts';
import { fieldsOfMethod } from './agent-methods.ts';
import type { SourceFormat } from './source-format.ts';
import { setAddress } from './vault-stanza.ts';

const PREFIXES = ['vault.hashicorp.com/', 'openbao.openbao.org/', 'openbao.org/'];
const DEFAULT_DIRECTORY = '/vault/secrets';

/** What the injector makes of a path without a template, by `agent-inject-default-template`. */
const DEFAULT_TEMPLATES: ReadonlyMap<string, string> = new Map([
  ['map', '{{ range $k, $v := .Data }}{{ $k }}: {{ $v }}\n{{ end }}'],
  ['json', '{{ .Data | toJSON }}\n'],
]);

/** Annotations of the injector in a manifest. */
export const INJECTOR: SourceFormat = {
  title: 'the Agent Injector',
  recognises: (parsed) =>
    parsed.kind === 'yaml' && mapsOf(parsed.documents, '').some((map) => annotationsIn(map).length > 0),
  read(parsed, { name }, draft) {
    if (parsed.kind !== 'yaml') return;
    for (const map of mapsOf(parsed.documents, name)) {
      for (const { annotations, isOfPod } of annotationsIn(map)) {
        if (isOfPod) readPod(new Annotations(annotations), draft);
        else
          draft.problem(
            annotations.where(),
            'annotations of the injector on something that is no pod: the injector does not see them',
            'move them to `spec.template.metadata.annotations`',
          );
      }
    }
  },
};

interface Found {
  readonly annotations: YamlMap;
  /** Of a pod or a template of pods. */
  readonly isOfPod: boolean;
}

/** Those of a pod, of a workload's template, of the template of a CronJob, and of the object itself. */
function annotationsIn(map: YamlMap): readonly Found[] {
  const spec = map.map('spec');
  const template = spec?.map('template') ?? spec?.map('jobTemplate')?.map('spec')?.map('template');
  return [map, template].flatMap((owner) => {
    const annotations = owner?.map('metadata')?.map('annotations');
    if (annotations?.keys().some(isOfInjector) !== true) return [];
    return [{ annotations, isOfPod: owner === template || map.text('kind') === 'Pod' }];
  });
}

function isOfInjector(key: string): boolean {
  return PREFIXES.some((prefix) => key.startsWith(prefix));
}

/** The annotations of a pod, by their names without the prefix. */
class Annotations {
  readonly #map: YamlMap;
  readonly #names: ReadonlyMap<string, string>;
  readonly #read = new Set<string>();

  constructor(map: YamlMap) {
    this.#map = map;
    const own = map.keys().filter(isOfInjector);
    this.#names = new Map(own.map((key) => [key.slice(key.indexOf('/') + 1), key]));
  }

  where(name?: string): string {
    return this.#map.where(name === undefined ? undefined : this.#names.get(name));
  }

  text(name: string): string | undefined {
    this.#read.add(name);
    const key = this.#names.get(name);
    return key === undefined ? undefined : this.#map.text(key);
  }

  isTrue(name: string): boolean {
    return /^(?:1|t|true)$/i.test(this.text(name) ?? '');
  }

  template(name: string, draft: Draft): TemplateDraft | undefined {
    this.#read.add(name);
    const key = this.#names.get(name);
    const placed = key === undefined ? undefined : this.#map.placedText(key);
    return placed && draft.goTemplate(placed);
  }

  /** What follows a prefix in the names: `db.env` of `agent-inject-secret-db.env`. */
  suffixes(prefix: string): readonly string[] {
    return [...this.#names.keys()].flatMap((name) =>
      name.startsWith(prefix) ? [name.slice(prefix.length)] : [],
    );
  }

  /** Marks names as known. @returns the first that is there */
  knows(pattern: RegExp): string | undefined {
    const found = [...this.#names.keys()].filter((name) => pattern.test(name));
    for (const name of found) this.#read.add(name);
    return found[0];
  }

  unknown(): readonly string[] {
    return [...this.#names.keys()].filter((name) => !this.#read.has(name));
  }
}

/** What the manifest says instead of the config, or nobody. */
const LEFT_OUT: readonly (readonly [NoteKind | undefined, RegExp])[] = [
  [
    undefined,
    /^agent-inject(?:-status|-default-template)?$|^agent-pre-populate(?:-only)?$|^agent-request-namespace$/,
  ],
  [
    'container',
    /^agent-(?:limits|requests)-(?:cpu|mem|ephemeral)$|^agent-(?:run-as-(?:user|group|same-user)|set-security-context|image|init-first|inject-containers|copy-volume-mounts|extra-secret|share-process-namespace|service-account-token-volume-name)$|^agent-(?:init-)?json-patch$|^go-max-procs$/,
  ],
  ['cache', /^agent-cache-|^agent-disable-|^agent-enable-quit$|^agent-auto-auth-/],
  ['logging', /^log-(?:level|format)$|^agent-telemetry-/],
  ['watching', /^template-(?:config-|static-|max-)/],
  ['retry', /^auth-(?:min|max)-backoff$/],
  ['revoked', /^agent-revoke-/],
  ['command', /^agent-inject-command(?:-|$)/],
  ['missing key', /^error-on-missing-key-/],
  [undefined, /^preserve-secret-case/],
];

function readPod(annotations: Annotations, draft: Draft): void {
  if (annotations.text('agent-inject') === 'false') return;
  readServer(annotations, draft);
  readLogin(annotations, draft);
  readFiles(annotations, draft);
  if (annotations.isTrue('agent-inject-token')) {
    const path = `${directoryOf(annotations, '')}/token`;
    draft.output({ path: literal(path), fields: { token: true } }, annotations.where('agent-inject-token'));
    draft.note('token', annotations.where('agent-inject-token'));
  }
  if (!annotations.isTrue('agent-pre-populate-only')) draft.note('sidecar', annotations.where());
  for (const [note, pattern] of LEFT_OUT) {
    const found = annotations.knows(pattern);
    if (found !== undefined && note !== undefined) draft.note(note, annotations.where(found));
  }
  if (annotations.text('agent-configmap') !== undefined)
    draft.problem(
      annotations.where('agent-configmap'),
      'the config of the agent is in a ConfigMap',
      'pass its config.hcl to `vaultonce migrate`',
    );
  for (const name of annotations.unknown())
    draft.problem(
      annotations.where(name),
      `the annotation \`${shownName(name)}\` is not known`,
      'correct its name, or remove it',
    );
}

function readServer(annotations: Annotations, draft: Draft): void {
  const address = annotations.text('service');
  setAddress(literalOf(address), annotations.where('service'), draft);
  if (address === undefined) draft.note('address', annotations.where());
  const set = (name: string, [section, key]: readonly [Parameters<Draft['set']>[0], string]): void => {
    const text = annotations.text(name);
    if (text !== undefined) draft.set(section, key, literal(text), annotations.where(name));
  };
  set('namespace', ['vault', 'namespace']);
  set('proxy-address', ['vault', 'proxy_address']);
  set('client-timeout', ['vault', 'client_timeout']);
  set('ca-cert', ['vault.tls', 'ca_cert']);
  set('client-cert', ['vault.tls', 'client_cert']);
  set('client-key', ['vault.tls', 'client_key']);
  set('tls-server-name', ['vault.tls', 'server_name']);
  const retries = annotations.text('client-max-retries');
  if (retries !== undefined)
    draft.set('vault', 'max_retries', Number(retries), annotations.where('client-max-retries'));
  if (annotations.isTrue('tls-skip-verify'))
    draft.set('vault.tls', 'skip_verify', true, annotations.where('tls-skip-verify'));
  if (annotations.text('tls-secret') !== undefined) draft.note('tls secret', annotations.where('tls-secret'));
  annotations.knows(/^ca-key$/);
}

function readLogin(annotations: Annotations, draft: Draft): void {
  const type = annotations.text('auth-type') ?? 'kubernetes';
  const where = annotations.where('auth-type');
  const fields = annotations.suffixes('auth-config-').map((key) => {
    const name = `auth-config-${key}`;
    return {
      key: key.replaceAll('-', '_'),
      text: annotations.text(name) ?? '',
      where: annotations.where(name),
    };
  });
  const role = annotations.text('role');
  const all =
    role === undefined ? fields : [...fields, { key: 'role', text: role, where: annotations.where('role') }];
  fieldsOfMethod(type, all, where, draft);
  const mount = annotations
    .text('auth-path')
    ?.replace(/^\/?auth\//, '')
    .replace(/\/$/, '');
  if (mount !== undefined && mount !== type)
    draft.set('auth', 'mount', literal(mount), annotations.where('auth-path'));
}

function directoryOf(annotations: Annotations, name: string): string {
  const own = name === '' ? undefined : annotations.text(`secret-volume-path-${name}`);
  return (own ?? annotations.text('secret-volume-path') ?? DEFAULT_DIRECTORY).replace(/\/+$/, '');
}

/** The files: each has a secret, a template, or both. */
function readFiles(annotations: Annotations, draft: Draft): void {
  const names = new Set([
    ...annotations.suffixes('agent-inject-secret-'),
    ...annotations.suffixes('agent-inject-template-').filter((name) => !name.startsWith('file-')),
  ]);
  const keepsCase = annotations.isTrue('preserve-secret-case');
  for (const name of names) {
    const where = annotations.where(`agent-inject-secret-${name}`);
    const plain = keepsCase || annotations.isTrue(`preserve-secret-case-${name}`) ? name : name.toLowerCase();
    const file = annotations.text(`agent-inject-file-${name}`) ?? plain;
    const template = templateFor(name, annotations, draft);
    if (template === undefined) continue;
    const perms = annotations.text(`agent-inject-perms-${name}`);
    const fields: Fields =
      perms === undefined || /^0?644$/.test(perms) ? {} : { mode: `0${perms.replace(/^0+/, '')}` };
    const path = literal(`${directoryOf(annotations, name)}/${file}`);
    draft.output({ path, template, fields }, where);
    draft.set('output', 'mode', '0644', where);
    draft.note('mode', where);
    draft.note('missing key', where);
  }
}

function templateFor(name: string, annotations: Annotations, draft: Draft): TemplateDraft | undefined {
  const path = annotations.text(`agent-inject-secret-${name}`);
  const template = annotations.template(`agent-inject-template-${name}`, draft);
  const file = `agent-inject-template-file-${name}`;
  if (annotations.text(file) !== undefined) {
    draft.problem(
      annotations.where(file),
      'the template is a file of the image',
      'write its text into an annotation `agent-inject-template-…`, or convert it by itself: `vaultonce migrate TEMPLATE`',
    );
    return undefined;
  }
  if (template !== undefined) return template;
  if (path === undefined) return undefined;
  const where = annotations.where(`agent-inject-secret-${name}`);
  const body = DEFAULT_TEMPLATES.get(annotations.text('agent-inject-default-template') ?? 'map') ?? '';
  draft.note('aggregate', where);
  const quoted = JSON.stringify(path);
  const [place, line] = [where.replace(/:\d+$/, ''), Number(/\d+$/.exec(where)?.[0] ?? 1)];
  const text = `{{ with secret ${quoted} }}${body}{{ end }}`;
  return draft.goTemplate({ text, file: place, firstLine: line, isVerbatim: false });
}
