import { holdsCredential } from '../../base/shown-text.ts';
import type { DeclaredSecrets } from '../declared-secrets.ts';
import type { NoteKind } from '../note-kinds.ts';
import { choose, conditionOf, type Condition } from './conditions.ts';
import { call, type CallContext } from './functions.ts';
import type { Block, GoCommand, GoNode, GoTemplate, Operand, Pipe } from './parse-go.ts';
import { section, textPiece, type Piece } from './pieces.ts';
import {
  InKeptBlock,
  isWhole,
  nameOf,
  piecesOf,
  withFields,
  type SectionScope,
  type Value,
} from './go-values.ts';
import { Unsupported } from '../unsupported.ts';

/** A construct that has no counterpart. */
export interface Kept {
  readonly position: number;
  readonly message: string;
  readonly hint: string;
}

export interface Converted {
  readonly pieces: readonly Piece[];
  readonly kept: readonly Kept[];
}

interface Surroundings {
  readonly secrets: DeclaredSecrets;
  readonly note: (kind: NoteKind) => void;
}

/**
 * Converts a Go template into pieces of a Mustache template that renders the same. Actions that have no counterpart are
 * kept as they are, and reported.
 */
export function convertGo(template: GoTemplate, surroundings: Surroundings): Converted {
  const converter = new Converter(template, surroundings);
  const pieces = converter.nodes(template.nodes, {
    dot: { kind: 'nothing' },
    variables: new Map(),
    scopes: [],
  });
  return { pieces, kept: [...converter.kept.values()] };
}

/** Where a node stands: what the dot and the variables are, and which sections are around it. */
interface Frame {
  readonly dot: Value;
  readonly variables: ReadonlyMap<string, Value>;
  readonly scopes: readonly SectionScope[];
}

/** Of templates within each other; Go itself stops much later. */
const DEEPEST_CALLS = 50;

class Converter {
  /** By position: a branch may be written more than once. */
  readonly kept = new Map<number, Kept>();
  readonly #template: GoTemplate;
  readonly #surroundings: Surroundings;
  #calls = 0;

  constructor(template: GoTemplate, surroundings: Surroundings) {
    this.#template = template;
    this.#surroundings = surroundings;
  }

  nodes(nodes: readonly GoNode[], frame: Frame): readonly Piece[] {
    let inner = frame;
    return nodes.flatMap((node) => {
      if (node.kind === 'text') return [textPiece(node.text)];
      const { pieces, after } = this.#node(node, inner);
      inner = after;
      return pieces;
    });
  }

  /** @returns the frame after it, too: a variable is there until its block ends */
  #node(node: Exclude<GoNode, { kind: 'text' }>, frame: Frame): { pieces: readonly Piece[]; after: Frame } {
    try {
      if (node.kind === 'output') return this.#output(node.pipe, frame);
      return { pieces: this.#statement(node, frame), after: frame };
    } catch (error) {
      if (error instanceof Unsupported) {
        const { message, hint } = error;
        this.kept.set(node.position, { position: node.position, message, hint });
      } else if (!(error instanceof InKeptBlock)) throw error;
      const declared = node.kind === 'output' ? node.pipe.variables : [];
      const unknown = declared.map((name) => [name, UNKNOWN] as const);
      const after = { ...frame, variables: new Map([...frame.variables, ...unknown]) };
      return { pieces: this.#keep(node, frame), after };
    }
  }

  #output(pipe: Pipe, frame: Frame): { pieces: readonly Piece[]; after: Frame } {
    if (pipe.assigns) throw new Unsupported('a variable that changes has no counterpart');
    const value = this.#valueOf(pipe, frame);
    const [name] = pipe.variables;
    if (name === undefined) return { pieces: piecesOf(value, frame.scopes), after: frame };
    return { pieces: [], after: { ...frame, variables: new Map([...frame.variables, [name, value]]) } };
  }

  #statement(node: Exclude<GoNode, { kind: 'text' | 'output' }>, frame: Frame): readonly Piece[] {
    switch (node.kind) {
      case 'jump':
        throw new Unsupported('`break` and `continue` have no counterpart');
      case 'call':
        return this.#call(node, frame);
      case 'range':
        return this.#range(node, frame);
      case 'if':
      case 'with':
        return this.#choice(node, frame);
    }
  }

  #call({ name, pipe }: Extract<GoNode, { kind: 'call' }>, frame: Frame): readonly Piece[] {
    const body = this.#template.defined.get(name);
    if (body === undefined) throw new Unsupported('a template that is not defined here has no counterpart');
    if (this.#calls >= DEEPEST_CALLS)
      throw new Unsupported('a template that calls itself has no counterpart');
    const dot: Value = pipe === undefined ? { kind: 'nothing' } : this.#valueOf(pipe, frame);
    this.#calls += 1;
    const pieces = this.nodes(body, { dot, variables: new Map([['$', dot]]), scopes: frame.scopes });
    this.#calls -= 1;
    return pieces;
  }

  #choice({ kind, pipe, body, otherwise = [] }: Block, frame: Frame): readonly Piece[] {
    if (pipe.assigns) throw new Unsupported('a variable that changes has no counterpart');
    const condition = this.#conditionOf(pipe, frame);
    const [name] = pipe.variables;
    const variables = new Map(frame.variables);
    const value = kind === 'if' && name === undefined ? undefined : this.#valueOf(pipe, frame);
    if (value !== undefined && name !== undefined) variables.set(name, value);
    if (condition.kind !== 'constant') this.#surroundings.note('if');
    else if (otherwise.length > 0 && condition.isTrue) this.#surroundings.note('else of secret');
    const dot = kind === 'with' && value !== undefined ? value : frame.dot;
    return choose(
      condition,
      [
        (scopes) => this.nodes(body, { dot, variables, scopes }),
        (scopes) => this.nodes(otherwise, { dot: frame.dot, variables, scopes }),
      ],
      frame.scopes,
    );
  }

  /** `and`, `or` and `not` combine conditions; as values they are something else. */
  #conditionOf({ commands }: Pick<Pipe, 'commands'>, frame: Frame): Condition {
    const [command, ...piped] = commands;
    const combined = command === undefined || piped.length > 0 ? undefined : this.#combined(command, frame);
    return combined ?? conditionOf(this.#valueOf({ commands }, frame));
  }

  /** @returns undefined for what is a value */
  #combined([first, ...rest]: GoCommand, frame: Frame): Condition | undefined {
    const { base, fields } = first;
    if (fields.length > 0) return undefined;
    if (base.kind === 'pipe') return rest.length === 0 ? this.#conditionOf(base.pipe, frame) : undefined;
    if (base.kind !== 'call') return undefined;
    const conditions = (): Condition[] =>
      rest.map((operand) => this.#conditionOf({ commands: [[operand]] }, frame));
    const { name } = base;
    if ((name === 'and' || name === 'or') && rest.length > 0) return { kind: name, conditions: conditions() };
    if (name !== 'not' || rest.length !== 1) return undefined;
    const [condition] = conditions();
    return condition && { kind: 'not', condition };
  }

  #range({ pipe, body, otherwise = [] }: Block, frame: Frame): readonly Piece[] {
    if (pipe.assigns) throw new Unsupported('a variable that changes has no counterpart');
    const { name, scope, dot, key } = this.#loop(this.#valueOf(pipe, frame), frame);
    const [first, second] = pipe.variables;
    const variables = new Map(frame.variables);
    if (first !== undefined) variables.set(first, second === undefined ? dot : key);
    if (second !== undefined) variables.set(second, dot);
    const inner = this.nodes(body, { dot, variables, scopes: [...frame.scopes, scope] });
    const other = this.nodes(otherwise, frame);
    return [...section(name, inner), ...(other.length === 0 ? [] : section(name, other, true))];
  }

  #loop(
    value: Value,
    { scopes }: Frame,
  ): { name: () => string; scope: SectionScope; dot: Value; key: Value } {
    const { note } = this.#surroundings;
    if (value.kind === 'secret' && isWhole(value)) {
      const { secret, fields } = value;
      if (fields.length === 0) throw new Unsupported('`range` over a whole response has no counterpart');
      if (fields.length === 1) note('whole data');
      const scope: SectionScope = { kind: 'entries' };
      const entry = (part: 'key' | 'value'): Value => ({ kind: 'entry', scope, part, fields: [] });
      return { name: () => `${secret.name}.@entries`, scope, dot: entry('value'), key: entry('key') };
    }
    if (value.kind === 'certificate') throw new Unsupported('`range` over a certificate has no counterpart');
    const name = nameOf(value, scopes);
    if (value.kind !== 'names') note('range');
    const scope: SectionScope = { kind: 'list' };
    return { name, scope, dot: { kind: 'item', scope, fields: [] }, key: { kind: 'index' } };
  }

  #valueOf({ commands }: Pick<Pipe, 'commands'>, frame: Frame): Value {
    const value = commands.reduce<Value | undefined>(
      (piped, command) => this.#commandValue(command, piped, frame),
      undefined,
    );
    return value ?? { kind: 'nothing' };
  }

  #commandValue([first, ...rest]: GoCommand, piped: Value | undefined, frame: Frame): Value {
    const args = rest.map((operand) => this.#operandValue(operand, frame));
    const all = piped === undefined ? args : [...args, piped];
    if (first.base.kind !== 'call') {
      const value = this.#operandValue(first, frame);
      if (value.kind === 'unknown') return value;
      if (all.length > 0) throw new Unsupported('a value that is called as a function has no counterpart');
      return value;
    }
    const context: CallContext = { ...this.#surroundings, scopes: frame.scopes };
    return withFields(call(first.base.name, all, context), first.fields);
  }

  #operandValue({ base, fields }: Operand, frame: Frame): Value {
    switch (base.kind) {
      case 'dot':
        return withFields(frame.dot, fields);
      case 'variable':
        return withFields(frame.variables.get(base.name) ?? { kind: 'nothing' }, fields);
      case 'pipe':
        return withFields(this.#valueOf(base.pipe, frame), fields);
      case 'call':
        return withFields(call(base.name, [], { ...this.#surroundings, scopes: frame.scopes }), fields);
      case 'constant':
        return base.name === 'nil' ? { kind: 'nothing' } : { kind: 'constant', isTrue: base.name === 'true' };
      case 'text':
      case 'number':
        return base;
    }
  }

  /** The actions of a node as they are; what is inside is converted as far as it does not depend on it. */
  #keep(node: Exclude<GoNode, { kind: 'text' }>, frame: Frame): readonly Piece[] {
    const kept = (source: string): Piece => ({ kind: 'kept', source: withoutCredentials(source) });
    if (node.kind !== 'if' && node.kind !== 'with' && node.kind !== 'range') return [kept(node.source)];
    const variables = new Map([
      ...frame.variables,
      ...node.pipe.variables.map((name) => [name, UNKNOWN] as const),
    ]);
    const inner = { ...frame, variables, dot: node.kind === 'if' ? frame.dot : UNKNOWN };
    const { body, otherwise, source } = node;
    return [
      kept(source),
      ...this.nodes(body, inner),
      ...(otherwise === undefined
        ? []
        : [kept('{{ else }}'), ...this.nodes(otherwise, { ...frame, variables })]),
      kept('{{ end }}'),
    ];
  }
}

/** An action that is kept, but for texts that look like credentials. */
function withoutCredentials(source: string): string {
  const shown = source.replace(/"[^"]*"|`[^`]*`|'[^']*'/g, (text) => (holdsCredential(text) ? '"…"' : text));
  return holdsCredential(shown) ? '{{ … }}' : shown;
}

const UNKNOWN: Value = { kind: 'unknown' };
