import { nearestHint } from '../config/nearest.ts';
import { RunError } from '../errors.ts';
import { LAMBDAS, type Lambda } from './lambdas.ts';
import { tokenize, type Token } from './syntax.ts';

/** Where a tag stands. */
export interface Place {
  /** Undefined: inline `contents`. */
  readonly file: string | undefined;
  /** From 1. */
  readonly line: number;
}

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string; readonly place: Place }
  | {
      readonly kind: 'section';
      readonly name: string;
      readonly inverted: boolean;
      readonly children: readonly Node[];
      readonly place: Place;
    }
  | {
      readonly kind: 'lambda';
      readonly name: string;
      readonly lambda: Lambda;
      readonly children: readonly Node[];
      readonly place: Place;
      /** What `@indent` puts before lines: the blanks up to the tag. */
      readonly column: number;
      /** The tag has its line to itself, which mustache removes, blanks included. */
      readonly standalone: boolean;
    }
  | {
      readonly kind: 'partial';
      readonly name: string;
      readonly nodes: () => readonly Node[];
      readonly place: Place;
    };

export interface Partial {
  readonly source: string;
  readonly file: string;
}

export interface TemplateSource {
  /** For messages; undefined for inline `contents`. */
  readonly file: string | undefined;
  /** By name: every partial that is used, directly or by another. */
  readonly partials: ReadonlyMap<string, Partial>;
}

/** A parsed template. */
export interface Template {
  readonly nodes: readonly Node[];
  /** The first parts of the names that are looked up outside sections. */
  readonly secretNames: ReadonlySet<string>;
}

/** Names after the dot, or inside the section of a secret, that are not keys. */
export const RESERVED = ['@entries', '@version', '@lease_id', '@lease_duration'] as const;
export type Reserved = (typeof RESERVED)[number];

/**
 * Parses a template and its partials.
 * @throws RunError `template` with the file and line
 */
export function parseTemplate(source: string, { file, partials }: TemplateSource): Template {
  const compiled = new Map<string, readonly Node[]>();
  const compilePartial = (name: string, indentation: string, place: Place): readonly Node[] => {
    const key = `${indentation}>${name}`;
    const known = compiled.get(key);
    if (known !== undefined) return known;
    const partial = partials.get(name);
    if (partial === undefined) throw templateError(place, `the partial {{> ${name}}} does not exist`);
    const nodes = compile(indent(partial.source, indentation), partial.file);
    compiled.set(key, nodes);
    return nodes;
  };
  const compile = (text: string, name: string | undefined): readonly Node[] =>
    new Compiler(text, name, compilePartial).nodesOf(parseOrThrow(text, name));

  const nodes = compile(source, file);
  // Parsing all partials now tells their errors before the first request.
  for (const name of partials.keys()) compilePartial(name, '', { file, line: 1 });
  return { nodes, secretNames: new Set(rootReferences(nodes).map(({ name }) => firstPart(name))) };
}

/** Names that no declared secret can answer. Inside a section a name may be a key, which only fetching can tell. */
export function undeclaredReferences(
  { nodes }: Template,
  declared: readonly string[],
): readonly (Place & { readonly name: string })[] {
  return rootReferences(nodes)
    .map(({ name, place }) => ({ ...place, name: firstPart(name) }))
    .filter(({ name }) => !declared.includes(name));
}

interface Reference {
  readonly name: string;
  readonly place: Place;
}

/** References outside of everything that pushes a context of its own. */
function rootReferences(nodes: readonly Node[], seen = new Set<readonly Node[]>()): Reference[] {
  if (seen.has(nodes)) return [];
  seen.add(nodes);
  return nodes.flatMap((node): Reference[] => {
    switch (node.kind) {
      case 'text':
        return [];
      case 'variable':
        return [node];
      case 'section':
        return node.inverted ? [node, ...rootReferences(node.children, seen)] : [node];
      case 'lambda':
        return rootReferences(node.children, seen);
      case 'partial':
        return rootReferences(node.nodes(), seen);
    }
  });
}

function firstPart(name: string): string {
  return name.split('.', 1)[0] ?? name;
}

type CompilePartial = (name: string, indentation: string, place: Place) => readonly Node[];

/** Turns tokens into nodes that know their line. */
class Compiler {
  readonly #source: string;
  readonly #file: string | undefined;
  readonly #compilePartial: CompilePartial;
  /** Tokens come in the order of the text, so that lines are counted once. */
  #counted = { position: 0, line: 1 };

  constructor(source: string, file: string | undefined, compilePartial: CompilePartial) {
    this.#source = source;
    this.#file = file;
    this.#compilePartial = compilePartial;
  }

  #lineAt(position: number): number {
    const { position: from, line } = this.#counted;
    const lines =
      position < from ? lineAt(this.#source, position) : line + newlinesIn(this.#source, from, position);
    this.#counted = { position, line: lines };
    return lines;
  }

  nodesOf(tokens: readonly Token[]): readonly Node[] {
    return tokens.map((token) => this.#nodeOf(token));
  }

  #nodeOf(token: Token): Node {
    const [type, value, start, , inner, , lineHasContent] = token;
    const place = { file: this.#file, line: this.#lineAt(start) };
    switch (type) {
      case 'text':
        return { kind: 'text', text: value };
      case 'name':
      case '&':
        checkName(value, 'variable', place);
        return { kind: 'variable', name: value, place };
      case '>': {
        // Mustache indents a partial that has its line to itself.
        const indentation = lineHasContent === true || typeof inner !== 'string' ? '' : inner;
        return {
          kind: 'partial',
          name: value,
          place,
          nodes: () => this.#compilePartial(value, indentation, place),
        };
      }
      case '#':
      case '^':
        return this.#sectionOf(token, place);
    }
  }

  #sectionOf([type, name, start, end, inner]: Token, place: Place): Node {
    const children = this.nodesOf(typeof inner === 'object' ? inner : []);
    const lambda = LAMBDAS.get(name);
    if (lambda === undefined) {
      checkName(name, 'section', place);
      return { kind: 'section', name, inverted: type === '^', children, place };
    }
    if (type === '^') throw templateError(place, `{{^${name}}} has no meaning: ${name} always applies`);
    const lineStart = this.#source.lastIndexOf('\n', start - 1) + 1;
    const before = this.#source.slice(lineStart, start);
    const standalone = before.trim() === '' && /^[^\S\n]*\n/.test(this.#source.slice(end, end + 80));
    return { kind: 'lambda', name, lambda, children, place, column: before.length, standalone };
  }
}

function checkName(name: string, use: 'variable' | 'section', place: Place): void {
  if (LAMBDAS.has(name)) {
    throw templateError(place, `${name} is a section`, `write {{#${name}}}…{{/${name}}}`);
  }
  if (/\s/.test(name)) {
    throw templateError(
      place,
      `the name \`${name}\` has a blank in it`,
      'keys with blanks or dots are reached through {{#secret.@entries}}{{key}}={{value}}{{/secret.@entries}}',
    );
  }
  const reserved = name.split('.').filter((part) => part.startsWith('@'));
  for (const part of reserved) {
    if (!(RESERVED as readonly string[]).includes(part)) {
      const known = [...RESERVED, ...LAMBDAS.keys()];
      throw templateError(place, `\`${part}\` is not a reserved name`, nearestHint(part, known, 'name'));
    }
  }
  if (use === 'variable' && reserved.includes('@entries')) {
    throw templateError(place, '@entries is a section', `write {{#${name}}}{{key}}={{value}}{{/${name}}}`);
  }
}

function templateError({ file, line }: Place, message: string, hint?: string): RunError {
  return new RunError('template', message, { where: `${file ?? 'contents'}:${String(line)}`, hint });
}

function parseOrThrow(source: string, file: string | undefined): readonly Token[] {
  try {
    return tokenize(source);
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    const position = Number(/ at (\d+)$/.exec(message)?.[1] ?? 0);
    const place = { file, line: lineAt(source, position) };
    throw templateError(
      place,
      syntaxProblem(message),
      'Mustache tags look like {{secret.key}}, {{#section}}…{{/section}}',
    );
  }
}

/** Mustache's messages in our words. */
function syntaxProblem(message: string): string {
  if (message.startsWith('Unclosed section')) return `the section ${quotedIn(message)} is not closed`;
  if (message.startsWith('Unopened section'))
    return `the section ${quotedIn(message)} is closed, but was not opened`;
  if (message.startsWith('Unclosed tag')) return 'a tag is not closed';
  if (message.startsWith('Invalid tags')) return 'delimiters have to be two, with a blank between them';
  return 'the template does not parse';
}

function quotedIn(message: string): string {
  return /"([^"]*)"/.exec(message)?.[1] ?? '';
}

function lineAt(source: string, position: number): number {
  return 1 + newlinesIn(source, 0, position);
}

function newlinesIn(source: string, from: number, to: number): number {
  let count = 0;
  for (let at = source.indexOf('\n', from); at !== -1 && at < to; at = source.indexOf('\n', at + 1))
    count += 1;
  return count;
}

function indent(source: string, indentation: string): string {
  if (indentation === '') return source;
  return source.replace(/^(?=.)/gm, indentation);
}
