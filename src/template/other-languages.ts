import { subjectOf } from './go-fields.ts';
import { goConstruct, type Construct } from './go-syntax.ts';
import { delimitersTag, lineAt, tagsOf } from './tags.ts';

/** What was recognised, as data: the bundle of its own that this belongs to shares no classes with the program. */
export interface Finding {
  readonly message: string;
  /** From 1. */
  readonly line: number;
  readonly details: readonly string[];
  readonly hint: string;
}

interface Recognised {
  readonly language: string;
  /** Each kind once, in the order of the text. */
  readonly constructs: readonly (Construct & { readonly position: number })[];
}

const GO = 'Go template (Vault Agent, consul-template)';
const JINJA = 'Jinja template';
const MOST_SHOWN = 20;

/**
 * Why a template does not parse, if it is of another language; undefined when it is Mustache with a mistake. Whatever is
 * recognised here is not valid in Mustache.
 */
export function recogniseTemplate(source: string): Finding | undefined {
  if (delimitersTag(tagsOf(source)) !== undefined) return undefined;
  const recognised = recognise(source);
  if (recognised === undefined) return undefined;
  const { language, constructs } = recognised;
  const lines = constructs.map(
    ({ shown, here, position }) => `line ${String(lineAt(source, position))}: \`${shown}\` ${here}`,
  );
  const [first] = constructs;
  return {
    message: `this looks like a ${language}, \`${first?.shown ?? ''}\``,
    line: lineAt(source, first?.position ?? 0),
    details: lines.length > MOST_SHOWN ? [...lines.slice(0, MOST_SHOWN), '…'] : lines,
    hint: hintFor(recognised, source),
  };
}

function hintFor({ language, constructs }: Recognised, source: string): string {
  const fields = tagsOf(source).map(({ text }) => subjectOf(withoutStrings(text), source));
  const field = fields.find((subject) => subject?.isWhole === false)?.name;
  const isFetching = field !== undefined || constructs.some(({ here }) => here.includes('`secrets:`'));
  if (language !== GO || !isFetching)
    return 'templates are Mustache: `{{db.KEY}}`, `{{#db.KEY}}…{{/db.KEY}}`';
  const example = field ?? 'db.KEY';
  const [name = 'db'] = example.split('.');
  return `declare the secret under \`secrets:\` as \`${name}\`, and write \`{{${example}}}\` here: templates are Mustache; \`vaultonce migrate\` converts those of Go`;
}

function recognise(source: string): Recognised | undefined {
  const found = new Map<string, Construct & { readonly position: number }>();
  let language = GO;
  for (const { text, start } of tagsOf(source)) {
    const handlebars = handlebarsConstruct(text);
    const construct = handlebars ?? constructOf(text, source);
    if (construct === undefined) continue;
    if (found.size === 0 && handlebars !== undefined) language = 'Handlebars template';
    const key = `${construct.shown} ${construct.here}`;
    if (!found.has(key)) found.set(key, { ...construct, position: start });
  }
  if (found.size === 0) return undefined;
  const constructs = [...found.values()];
  const isGo = constructs.some(({ shown }) => /^\{\{ (?:\.|\$|with|range|if)/.test(shown));
  if (language === GO && !isGo && /\{%-?\s*\w/.test(source)) return jinja(source, constructs);
  return { language, constructs };
}

/** What a template of another language is called in messages; undefined for Mustache. */
export function templateLanguageOf(source: string): string | undefined {
  return /^\{%-?\s*\w/.test(source) ? JINJA : recognise(source)?.language;
}

/** @returns undefined for what is, or may be, Mustache: names without blanks and empty parts, comments, partials */
function constructOf(text: string, source: string): Construct | undefined {
  if (/^[!>=#^]/.test(text)) return undefined;
  const name = text.replace(/^[&{]/, '').trim();
  // A section may well be named `*`.
  const isComment = /^(?:-\s+)?\/\*.*\*\//s.test(text.trim()) && !/\{\{\s*[#^]\s*\*/.test(source);
  if (/^\//.test(name) && !isComment) return undefined;
  const isMustache = !/\s/.test(name) && !/^\.\w/.test(name) && !isComment;
  if (isMustache) return undefined;
  const tag = withoutStrings(name.replace(/^-\s+|\s+-$/g, '')).trim();
  return goConstruct(tag, source) ?? trimmed(name);
}

function trimmed(name: string): Construct | undefined {
  if (!/^-\s|\s-$/.test(name) || /^-?\s*(?:end|else)\s*-?$/.test(name)) return undefined;
  return {
    shown: '{{- … -}}',
    here: 'becomes `{{…}}`: a section, comment or partial that is alone on its line leaves no line',
  };
}

/** What stands in quotes is never looked at, and never shown. */
function withoutStrings(tag: string): string {
  return tag.replace(/"(?:[^"\\]|\\.)*(?:"|$)|`[^`]*(?:`|$)|'[^']*(?:'|$)/gs, '"…"');
}

function handlebarsConstruct(text: string): Construct | undefined {
  const word = /^#\s*(if|unless|each|with)\s+\S/.exec(text)?.[1];
  switch (word) {
    case undefined:
      return undefined;
    case 'unless':
      return { shown: '{{#unless …}}', here: 'becomes `{{^db.KEY}}…{{/db.KEY}}`' };
    case 'each':
      return {
        shown: '{{#each …}}',
        here: 'becomes `{{#db.KEY}}{{.}}{{/db.KEY}}`, over a list, or `{{#db.@entries}}{{key}}={{value}}{{/db.@entries}}`, over all keys of a secret',
      };
    default:
      return {
        shown: `{{#${word} …}}`,
        here: 'becomes `{{#db.KEY}}…{{/db.KEY}}`, and its `else` `{{^db.KEY}}…{{/db.KEY}}`',
      };
  }
}

function jinja(source: string, constructs: Recognised['constructs']): Recognised {
  const blocks = [
    { word: 'if', here: 'becomes `{{#db.KEY}}…{{/db.KEY}}`, and its `else` `{{^db.KEY}}…{{/db.KEY}}`' },
    { word: 'for', here: 'becomes `{{#db.KEY}}{{.}}{{/db.KEY}}`, over a list' },
  ].map(({ word, here }) => ({
    shown: `{% ${word} … %}`,
    here,
    position: source.search(new RegExp(`\\{%-?\\s*${word}\\b`)),
  }));
  const found = [...blocks.filter(({ position }) => position !== -1), ...constructs];
  return { language: JINJA, constructs: found.sort((a, b) => a.position - b.position) };
}
