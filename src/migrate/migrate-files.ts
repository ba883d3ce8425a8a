import { Draft, type PlacedText, type Problem } from './draft.ts';
import { HclSyntaxError } from './hcl/hcl-syntax.ts';
import { parseHcl } from './hcl/parse-hcl.ts';
import { notesText } from './notes-text.ts';
import { SOURCE_FORMATS } from './sources/registry.ts';
import type { Parsed, SourceFile, SourceFormat, YamlDocument } from './sources/source-format.ts';
import { CONFIG, writeConfig, type NewFile, type WrittenConfig } from './write-config.ts';

/** What reading takes of the program around it. */
export interface Ports {
  /** @throws an error whose place and message are those of `problemOf` */
  readonly parseYaml: (text: string, name: string) => YamlDocument;
  /** A file that a config names. @returns the reason why it cannot be read */
  readonly readFile: (path: string, from: string) => SourceFile | { readonly reason: string };
  /** Undefined: not an error of these ports. */
  readonly problemOf: (error: unknown) => Problem | undefined;
}

export interface Migration {
  /** What is to be written, with what checking the config has found in the notes. */
  readonly files: (found: readonly Problem[]) => readonly NewFile[];
  readonly problems: readonly Problem[];
  readonly differences: number;
  readonly check: Pick<WrittenConfig, 'check' | 'variables'>;
}

const NOTES_FILE = 'notes.md';

/** Converts files of other tools. It reads nothing itself, and writes nothing. */
export function migrateFiles(files: readonly SourceFile[], ports: Ports): Migration {
  const draft = new Draft();
  const used = new Set<SourceFile>();
  const parsed = files.map((file) => ({ file, parsed: parse(file, draft, ports) }));
  const found: { file: SourceFile; format: SourceFormat; parsed: Parsed }[] = [];
  for (const { file, parsed: one } of parsed) {
    if (one === undefined) continue;
    const format = one === 'template' ? undefined : SOURCE_FORMATS.find((kind) => kind.recognises(one));
    if (format !== undefined && one !== 'template') found.push({ file, format, parsed: one });
    else if (one !== 'template') reportUnknown(file, draft);
  }
  const templates = parsed.filter(({ parsed: one }) => one === 'template').map(({ file }) => file);
  for (const { file, format, parsed: one } of found) {
    format.read(one, file, draft, {
      template: (path, where) => templateFile(path, where, file),
      yaml: (text, placed) => yamlInside(text, placed, draft, ports),
    });
  }
  for (const file of templates) if (!used.has(file)) readTemplateAlone(file, draft);
  addGeneralNotes(draft);
  const { config, templates: written, classes, check, variables } = writeConfig(draft);
  const sources = files.map(({ name }) => name);
  return {
    files: (problems) => [
      { name: CONFIG, text: HEADER + config },
      ...written,
      ...classes,
      { name: NOTES_FILE, text: notesText(draft, [...inOrder(draft.problems), ...problems], sources) },
    ],
    problems: inOrder(draft.problems),
    differences: draft.notes.size,
    check: { check, variables },
  };

  /** One that was given, too, or one that the config's directory has. */
  function templateFile(path: string, where: string, from: SourceFile): SourceFile | undefined {
    const base = path.split('/').at(-1) ?? '';
    const given = templates.find(({ name }) => name.split('/').at(-1) === base);
    if (given !== undefined) {
      used.add(given);
      return given;
    }
    const read = ports.readFile(path, from.name);
    if ('text' in read) return read;
    draft.problem(
      where,
      `the template that \`source\` names cannot be read (${read.reason})`,
      'pass its file, too: `vaultonce migrate CONFIG TEMPLATE`',
    );
    return undefined;
  }
}

/** As they stand in their files. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = problems.map(({ where }) => fileOf(where));
  const lineOf = ({ where }: Problem): number => Number(/:(\d+)$/.exec(where)?.[1] ?? 0);
  return problems.toSorted(
    (a, b) => files.indexOf(fileOf(a.where)) - files.indexOf(fileOf(b.where)) || lineOf(a) - lineOf(b),
  );
}

function fileOf(where: string): string {
  return where.replace(/:\d+$/, '');
}

const HEADER = '# yaml-language-server: $schema=vaultonce.schema.json\n';

/** What is known once all is read, and what is the same for every tool. */
function addGeneralNotes(draft: Draft): void {
  for (const { where } of draft.classes)
    draft.note(draft.classes.length === 1 ? 'native class' : 'several classes', where);
  for (const kind of ['once', 'missing secret', 'all', 'revoked', 'list'] as const) draft.note(kind, '');
}

/** @returns undefined for what does not parse, which is then a problem */
function parse({ name, text }: SourceFile, draft: Draft, ports: Ports): Parsed | 'template' | undefined {
  if (looksLikeYaml(text)) return parseDocuments(text, name, draft, ports);
  if (looksLikeTemplate(text)) return 'template';
  try {
    return { kind: 'hcl', root: parseHcl(text) };
  } catch (error) {
    if (!(error instanceof HclSyntaxError)) throw error;
    const line = text.slice(0, error.position).split('\n').length;
    const kind = /^\s*\{/.test(text) ? 'JSON' : 'HCL';
    draft.fatal(`${name}:${String(line)}`, `the ${kind} does not parse: ${error.message}`, KNOWN_KINDS);
    return undefined;
  }
}

/** Keys that manifests and workflows have at the top, and no config in HCL or JSON: a manifest may be JSON, too. */
function looksLikeYaml(text: string): boolean {
  if (/^\s*\{/.test(text)) return /"apiVersion"\s*:/.test(text);
  return /^(?:apiVersion|kind|metadata|spec|jobs|on|runs|steps|items)['"]?[ \t]*:(?:[ \t\r]|$)/m.test(text);
}

/** A file that is a Go template by itself: its first action does not stand in a text of HCL. */
function looksLikeTemplate(text: string): boolean {
  const first = text.indexOf('{{');
  if (first === -1) return false;
  return !/(?:<<-?\w+|=\s*"|:\s*")/.test(text.slice(0, first)) || /^\s*\{\{/.test(text);
}

function parseDocuments(text: string, name: string, draft: Draft, ports: Ports): Parsed | undefined {
  const documents: YamlDocument[] = [];
  for (const { part, line } of documentsOf(text)) {
    try {
      // Empty lines in front keep the lines of the file.
      documents.push(ports.parseYaml('\n'.repeat(line) + part, name));
    } catch (error) {
      const problem = ports.problemOf(error);
      if (problem === undefined) throw error;
      draft.fatal(problem.where, problem.message, /\{\{/.test(part) ? RENDER_FIRST : problem.hint);
      return undefined;
    }
  }
  return { kind: 'yaml', documents };
}

/** Of a text below a key: the line of the key comes first in it. */
function yamlInside(
  text: string,
  { file, firstLine }: PlacedText,
  draft: Draft,
  ports: Ports,
): YamlDocument | undefined {
  try {
    return ports.parseYaml('\n'.repeat(Math.max(firstLine - 2, 0)) + text, file);
  } catch (error) {
    const problem = ports.problemOf(error);
    if (problem === undefined) throw error;
    draft.fatal(problem.where, problem.message, problem.hint);
    return undefined;
  }
}

const RENDER_FIRST = 'a chart must be rendered first: `helm template … | vaultonce migrate -`';

function documentsOf(text: string): { readonly part: string; readonly line: number }[] {
  const lines = text.replace(/^\ufeff/, '').split('\n');
  const starts = [0, ...lines.flatMap((line, index) => (/^---(?:\s|$)/.test(line) ? [index + 1] : []))];
  return starts
    .map((start, index) => {
      const end = starts[index + 1];
      return { part: lines.slice(start, end === undefined ? undefined : end - 1).join('\n'), line: start };
    })
    .filter(({ part }) => /^[^#\s]/m.test(part));
}

const KNOWN_KINDS =
  'configs of Vault Agent, consul-template and envconsul (HCL, JSON) can be migrated, manifests with annotations of the injector, classes of the Secrets Store CSI driver, workflows with vault-action, and Go templates';

function reportUnknown({ name }: SourceFile, draft: Draft): void {
  draft.fatal(`${name}:1`, 'the file is of no kind that can be migrated', KNOWN_KINDS);
}

/** The path of its output is not known. */
function readTemplateAlone({ name, text }: SourceFile, draft: Draft): void {
  const template = draft.goTemplate({ text, file: name, firstLine: 1, isVerbatim: true });
  const base = name === '-' ? 'output' : (name.split('/').at(-1) ?? name);
  const path = base.replace(/\.(?:ctmpl|tpl|tmpl|gotmpl)$/, '');
  draft.output({ path, template, fields: {} }, `${name}:1`);
  draft.note('destination', `${name}:1`);
  draft.note('missing key', `${name}:1`);
}
