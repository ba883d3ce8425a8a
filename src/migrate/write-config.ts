import { basename, dirname } from 'node:path';
import type { JsonValue } from '../base/secret-data.ts';
import type { SecretUse } from './declared-secrets.ts';
import type { Draft, Fields, OutputDraft, TemplateDraft } from './draft.ts';
import { emit } from './go-template/emit.ts';
import { classYaml } from './class-yaml.ts';
import { yamlOf } from './config-yaml.ts';

/** A file to be written, by its name in the directory. */
export interface NewFile {
  readonly name: string;
  readonly text: string;
}

export interface WrittenConfig {
  readonly config: string;
  readonly templates: readonly NewFile[];
  /** Where there is one class of the Secrets Store CSI driver: the same for this provider. */
  readonly classes: readonly NewFile[];
  /** The same in one text, with the templates inline, to be checked before anything is written. */
  readonly check: string;
  /** Variables that it names. */
  readonly variables: readonly string[];
}

export const CONFIG = 'vaultonce.yaml';
const CLASS = 'vaultonce-class.yaml';

/** Writes the config and its templates. What is found out only now is added to the problems of the draft. */
export function writeConfig(draft: Draft): WrittenConfig {
  const templates = new TemplateFiles(draft);
  const directory = directoryOf(draft.outputs);
  const complete = draft.outputs.filter(({ template }) => template?.isKept !== true);
  const outputs = draft.outputs.map((output) =>
    outputOf(output, directory, (one) => templates.file(one, output.path ?? '')),
  );
  const inline = complete.map((output) => outputOf(output, directory, (one) => templates.inline(one)));
  const settings = settingsOf(draft, directory);
  const { output = {}, ...others } = settings;
  // `output` last: its defaults are read after what they are for.
  const config = yamlOf(withoutEmpty({ ...others, outputs, environment: environmentOf(draft), output }));
  const check = JSON.stringify({
    ...settings,
    vault: withAnyAddress(settings['vault']),
    outputs: inline,
    environment: environmentOf(draft, true),
  });
  const names = [...check.matchAll(/(\$+)\{([A-Za-z_]\w*)(?::-[^}]*)?\}/g)];
  const variables = names.filter(([, dollars]) => dollars === '$').map(([, , name = '']) => name);
  const [one, ...more] = draft.classes;
  const classes =
    one === undefined || more.length > 0
      ? []
      : [{ name: CLASS, text: classYaml(one, { ...settings, outputs: inline }) }];
  return { config, templates: templates.files, classes, check, variables };
}

/** The address may come from the environment, by a variable or by itself. */
function withAnyAddress(vault: JsonValue = {}): JsonValue {
  const fields = vault as Fields;
  const { address } = fields;
  const isKnown = typeof address === 'string' && !address.includes('${');
  return { ...fields, address: isKnown ? address : 'https://vault.example.com:8200' };
}

/** Templates that are written to files, and those that must be inline. */
class TemplateFiles {
  readonly files: NewFile[] = [];
  readonly #draft: Draft;
  readonly #names = new Set<string>();

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  /** The fields of an output with this template. */
  file(template: TemplateDraft, path: string): Fields {
    const { text, needsConfig } = this.#emitted(template);
    if (needsConfig) return { contents: text };
    const base = basename(path).replace(/[^\w.-]+/g, '_') || 'template';
    let name = `${base}.mustache`;
    for (let number = 2; this.#names.has(name); number += 1) name = `${base}.${String(number)}.mustache`;
    this.#names.add(name);
    this.files.push({ name, text });
    return { template: name };
  }

  inline(template: TemplateDraft): Fields {
    const { text, needsConfig } = emit(template.pieces);
    return { contents: needsConfig ? text : text.replaceAll('${', () => '$${') };
  }

  #emitted({ pieces, where }: TemplateDraft): ReturnType<typeof emit> {
    const emitted = emit(pieces);
    if (emitted.misplaced > 0)
      this.#draft.problem(
        where,
        '`indent` has a counterpart at the start of a line only, with as many blanks before it',
        'write `{{#@indent}}…{{/@indent}}` where the lines must start',
      );
    return emitted;
  }
}

function outputOf(
  { path, template, fields }: OutputDraft,
  directory: string | undefined,
  templateFields: (template: TemplateDraft) => Fields,
): Fields {
  const relative = directory === undefined ? path : path?.slice(directory.length + 1);
  const placed: Fields = relative === undefined ? {} : { path: relative };
  return { ...placed, ...(template === undefined ? {} : templateFields(template)), ...fields };
}

/** The directory of all outputs, if they are in one. */
function directoryOf(outputs: readonly OutputDraft[]): string | undefined {
  const paths = outputs.flatMap(({ path }) => path ?? []);
  const directories = new Set(paths.map((path) => (path.startsWith('/') ? dirname(path) : '')));
  const [directory = ''] = directories;
  return directories.size === 1 && directory.length > 1 ? directory : undefined;
}

function settingsOf(draft: Draft, directory: string | undefined): Fields {
  const tls = draft.section('vault.tls');
  const vault = { ...draft.section('vault'), ...(Object.keys(tls).length === 0 ? {} : { tls }) };
  const output = { ...(directory === undefined ? {} : { directory }), ...draft.section('output') };
  const auth = draft.has('auth') ? draft.section('auth') : {};
  return withoutEmpty({ vault, auth, secrets: secretsOf(draft.secrets.all()), output });
}

function secretsOf(secrets: readonly SecretUse[]): Fields {
  return Object.fromEntries(
    secrets.map(({ name, path, version, write, list, namespace, optional }) => {
      const more = { version, write, list, namespace, optional };
      const given = Object.entries(more).filter(
        (field): field is [string, NonNullable<(typeof field)[1]>] => field[1] !== undefined,
      );
      return [name, given.length === 0 ? path : { path, ...Object.fromEntries(given) }];
    }),
  );
}

function environmentOf({ environment }: Draft, isCheck = false): Fields {
  const variables = [...environment].filter(
    ([, variable]) => !isCheck || variable.kind !== 'template' || !variable.template.isKept,
  );
  return Object.fromEntries(
    variables.map(([name, variable]) => [
      name,
      variable.kind === 'value' ? variable.value() : variableOf(variable.template),
    ]),
  );
}

/** A reference, where the template is a single tag. */
function variableOf({ pieces }: TemplateDraft): JsonValue {
  const [piece, ...others] = pieces;
  const reference = piece?.kind === 'name' ? /^(\w+)\.([\w-]+)$/.exec(piece.name()) : undefined;
  if (others.length === 0 && reference !== null && reference !== undefined)
    return `${reference[1] ?? ''}#${reference[2] ?? ''}`;
  const { text, needsConfig } = emit(pieces);
  return { template: needsConfig ? text : text.replaceAll('${', () => '$${') };
}

function withoutEmpty(fields: Readonly<Record<string, JsonValue>>): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) => typeof value !== 'object' || value === null || Object.keys(value).length > 0,
    ),
  );
}
