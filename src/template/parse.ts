import type { KeyStep } from '../base/key-path.ts';
import { nearestHint } from '../base/nearest.ts';
import { LAMBDAS, type Lambda } from './lambdas.ts';
import { parseName, templateError, type Place } from './names.ts';
import { parseTokens } from './syntax-error.ts';
import type { Token } from './syntax.ts';

/** Of one file. Whoever needs more does not write it by hand. */
const DEEPEST_SECTIONS = 200;

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'variable';
      readonly name: string;
      readonly steps: readonly KeyStep[];
      readonly place: Place;
    }
  | {
      readonly kind: 'section';
      readonly name: string;
      readonly steps: readonly KeyStep[];
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
  /** What is looked up outside sections: a section has names of its own. */
  readonly references: readonly Reference[];
  /** The names of all references. */
  readonly secretNames: ReadonlySet<string>;
}

/** The first part of a name, and where it stands. */
export interface Reference extends Place {
  readonly name: string;
}

/**
 * Parses a template and its partials.
 * @throws RunError `template` with the file and line
 */
export function parseTemplate(source: string, { file, partials }: TemplateSource): Template {
  const compiler = new PartialCompiler(partials);
  const nodes = new Compiler(source, file, compiler).compile();
  // Parsing all partials now reports their errors before the first request.
  for (const name of partials.keys()) compiler.find(name, '', { file, line: 1 })();
  const references = rootReferences(nodes);
  return { nodes, references, secretNames: new Set(references.map(({ name }) => name)) };
}

/** Names that no declared secret can answer. Inside a section a name may be a key, which only fetching can tell. */
export function undeclaredReferences(
  { references }: Template,
  declared: ReadonlySet<string>,
): readonly Reference[] {
  return references.filter(({ name }) => !declared.has(name));
}

/** References outside of everything that pushes a context of its own. */
function rootReferences(nodes: readonly Node[], entered = new Set<string>()): Reference[] {
  return nodes.flatMap((node): Reference[] => {
    switch (node.kind) {
      case 'text':
        return [];
      case 'variable':
        return [referenceOf(node)];
      case 'section':
        return node.inverted
          ? [referenceOf(node), ...rootReferences(node.children, entered)]
          : [referenceOf(node)];
      case 'lambda':
        return rootReferences(node.children, entered);
      case 'partial':
        // By name: a partial that includes itself is indented further each time, so that its nodes never repeat.
        if (entered.has(node.name)) return [];
        entered.add(node.name);
        return rootReferences(node.nodes(), entered);
    }
  });
}

/** `.` is a name of its own: what a section is about. */
function referenceOf({ steps, place }: Extract<Node, { kind: 'variable' | 'section' }>): Reference {
  return { ...place, name: steps[0]?.name ?? '.' };
}

/** Compiles each partial once for each indentation that it is used with. */
class PartialCompiler {
  readonly #partials: ReadonlyMap<string, Partial>;
  readonly #compiled = new Map<string, readonly Node[]>();

  constructor(partials: ReadonlyMap<string, Partial>) {
    this.#partials = partials;
  }

  /** A way to the nodes instead of the nodes, because a partial may include itself. */
  find(name: string, indentation: string, place: Place): () => readonly Node[] {
    const partial = this.#partials.get(name);
    if (partial === undefined) {
      const hint = nearestHint(name, [...this.#partials.keys()], 'partial');
      throw templateError(place, `the partial {{> ${name}}} does not exist`, hint);
    }
    return () => {
      const key = `${indentation}>${name}`;
      const nodes = this.#compiled.get(key) ?? this.#compile(partial, indentation);
      this.#compiled.set(key, nodes);
      return nodes;
    };
  }

  #compile({ source, file }: Partial, indentation: string): readonly Node[] {
    return new Compiler(indent(source, indentation), file, this).compile();
  }
}

/** Turns tokens into nodes that know their line. */
class Compiler {
  readonly #source: string;
  readonly #file: string | undefined;
  readonly #partials: PartialCompiler;
  /** Tokens come in the order of the text, so that lines are counted once. */
  readonly #counted = { position: 0, line: 1 };
  #nesting = 0;

  constructor(source: string, file: string | undefined, partials: PartialCompiler) {
    this.#source = source;
    this.#file = file;
    this.#partials = partials;
  }

  compile(): readonly Node[] {
    return this.#nodesOf(parseTokens(this.#source, this.#file));
  }

  #nodesOf(tokens: readonly Token[]): readonly Node[] {
    this.#nesting += 1;
    const nodes = tokens.flatMap((token) => this.#nodeOf(token) ?? []);
    this.#nesting -= 1;
    return nodes;
  }

  #placeAt(position: number): Place {
    const counted = this.#counted;
    counted.line += newlinesIn(this.#source, counted.position, position);
    counted.position = position;
    return { file: this.#file, line: counted.line };
  }

  /** @returns undefined for a comment and a change of delimiters, which render nothing */
  #nodeOf(token: Token): Node | undefined {
    const [type, value, start] = token;
    switch (type) {
      case '!':
      case '=':
        return undefined;
      case 'text':
        return { kind: 'text', text: value };
      case 'name':
      case '&': {
        const place = this.#placeAt(start);
        return { kind: 'variable', name: value, steps: parseName(value, 'variable', place), place };
      }
      case '>':
        return this.#partialOf(token);
      case '#':
      case '^':
        return this.#sectionOf(token);
    }
  }

  #partialOf([, name, start, , inner, tagsBefore, lineHasContent]: Token): Node {
    const place = this.#placeAt(start);
    // Mustache indents a partial that has its line to itself.
    const isFirst = tagsBefore === 0 && lineHasContent !== true;
    const indentation = isFirst && typeof inner === 'string' ? inner : '';
    return { kind: 'partial', name, place, nodes: this.#partials.find(name, indentation, place) };
  }

  #sectionOf([type, name, start, end, inner]: Token): Node {
    const place = this.#placeAt(start);
    if (this.#nesting > DEEPEST_SECTIONS) {
      const message = `sections are nested more than ${String(DEEPEST_SECTIONS)} deep`;
      throw templateError(place, message, 'close them earlier, or move inner ones to a partial');
    }
    const children = this.#nodesOf(typeof inner === 'object' ? inner : []);
    const lambda = LAMBDAS.get(name);
    if (lambda === undefined) {
      const steps = parseName(name, 'section', place);
      return { kind: 'section', name, steps, inverted: type === '^', children, place };
    }
    if (type === '^') throw templateError(place, `{{^${name}}} has no meaning: ${name} always applies`);
    const lineStart = this.#source.lastIndexOf('\n', start - 1) + 1;
    const before = this.#source.slice(lineStart, start);
    const standalone = before.trim() === '' && /^[^\S\n]*\n/.test(this.#source.slice(end, end + 80));
    return { kind: 'lambda', name, lambda, children, place, column: before.length, standalone };
  }
}

function newlinesIn(source: string, from: number, to: number): number {
  return source.slice(from, to).split('\n').length - 1;
}

function indent(source: string, indentation: string): string {
  if (indentation === '') return source;
  return source.replace(/(?<=^|\n)(?=[^\r\n])/g, indentation);
}
