import { literal, type Draft, type Fields, type TemplateDraft } from '../draft.ts';
import { DEFAULT_DELIMITERS, type Delimiters } from '../go-template/lex-go.ts';
import type { HclValue } from '../hcl/hcl-syntax.ts';
import type { Stanza } from '../stanza.ts';
import type { Reading } from './source-format.ts';

/** `template { … }` of an agent and of consul-template. */
export function readTemplateStanza(
  stanza: Stanza,
  { draft, reading, tool, delimiters = DEFAULT_DELIMITERS }: StanzaContext,
): void {
  const template = templateOf(stanza, { draft, reading, tool, delimiters });
  const path = stanza.text('destination');
  const where = stanza.where();
  if (stanza.knows('command', 'exec', 'command_timeout')) draft.note('command', where);
  if (stanza.knows('wait')) draft.note('watching', stanza.where('wait'));
  if (stanza.knows('backup', 'create_dest_dirs')) draft.note('template file', where);
  if (stanza.knows('sandbox_path', 'function_denylist', 'function_blacklist')) draft.note('sandbox', where);
  stanza.knows('error_on_missing_key', 'error_fatal');
  const fields = fileFields(stanza, draft);
  stanza.end(tool);
  if (path === undefined) {
    draft.problem(where, 'the template has no `destination`', 'name the file that it is written to');
    return;
  }
  draft.set('output', 'mode', '0644', where);
  draft.note('mode', where);
  draft.note('disk', where);
  draft.note('missing key', where);
  if (template !== undefined)
    draft.output({ path: literal(path), template, fields }, stanza.where('destination'));
}

export interface StanzaContext {
  readonly draft: Draft;
  readonly reading: Reading;
  readonly tool: string;
  readonly delimiters?: Delimiters;
}

/** The template of a stanza, inline or in a file. */
export function templateOf(
  stanza: Stanza,
  { draft, reading, delimiters = DEFAULT_DELIMITERS }: StanzaContext,
): TemplateDraft | undefined {
  const left = stanza.text('left_delimiter') ?? delimiters.left;
  const right = stanza.text('right_delimiter') ?? delimiters.right;
  const contents = stanza.placedText('contents');
  const source = stanza.text('source');
  if (contents !== undefined) return draft.goTemplate(contents, { left, right });
  if (source === undefined) {
    draft.problem(stanza.where(), 'the template has neither `source` nor `contents`', 'add one of them');
    return undefined;
  }
  const file = reading.template(source, stanza.where('source'));
  if (file === undefined) return undefined;
  return draft.goTemplate(
    { text: file.text, file: file.name, firstLine: 1, isVerbatim: true },
    { left, right },
  );
}

function fileFields(stanza: Stanza, draft: Draft): Fields {
  const perms = modeOf(stanza.value('perms'));
  if (perms === 'unknown')
    draft.problem(stanza.where('perms'), '`perms` is not a mode', 'write it as "0640"');
  const owners = (['user', 'group'] as const).flatMap((key) => {
    const name = stanza.text(key);
    if (name === undefined) return [];
    if (/^\d+$/.test(name)) return [[key === 'user' ? 'owner' : 'group', Number(name)] as const];
    draft.problem(stanza.where(key), `\`${key}\` is a name; the config takes a number`, 'write its id');
    return [];
  });
  const mode = perms === undefined || perms === 'unknown' || perms === '0644' ? {} : { mode: perms };
  return { ...mode, ...Object.fromEntries(owners) };
}

/** A mode in octal: numbers with a zero in front are octal, as HCL reads them. */
export function modeOf(value: HclValue | undefined): string | undefined {
  if (value === undefined || value.kind === 'null') return undefined;
  if (value.kind !== 'text' && value.kind !== 'number') return 'unknown';
  const { text, kind } = value;
  const isOctal = kind === 'text' || /^0\d/.test(text);
  if (!(isOctal ? /^0?[0-7]{3,4}$/ : /^\d+$/).test(text)) return text === '' ? undefined : 'unknown';
  return `0${Number.parseInt(text, isOctal ? 8 : 10)
    .toString(8)
    .padStart(3, '0')}`;
}
