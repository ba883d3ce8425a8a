import { GoSyntaxError, lexGo, type Delimiters, type GoItem, type GoToken } from './lex-go.ts';

/** An argument, with the fields that are read of it: `.Data.data.x`, `$secret.LeaseID`, `(secret "…").Data`. */
export interface Operand {
  readonly base:
    | { readonly kind: 'dot' }
    | { readonly kind: 'variable'; readonly name: string }
    | { readonly kind: 'text'; readonly text: string }
    | { readonly kind: 'number'; readonly text: string }
    | { readonly kind: 'constant'; readonly name: 'true' | 'false' | 'nil' }
    | { readonly kind: 'call'; readonly name: string }
    | { readonly kind: 'pipe'; readonly pipe: Pipe };
  readonly fields: readonly string[];
  readonly position: number;
}

/** `f a b`, or a single argument. */
export type GoCommand = readonly [Operand, ...Operand[]];

/** `$k, $v := a | f b` */
export interface Pipe {
  readonly variables: readonly string[];
  readonly assigns: boolean;
  readonly commands: readonly GoCommand[];
  readonly position: number;
}

export interface Block {
  readonly kind: 'if' | 'with' | 'range';
  readonly pipe: Pipe;
  readonly body: readonly GoNode[];
  /** Undefined: it has none. Of `else if` the one node is the block. */
  readonly otherwise: readonly GoNode[] | undefined;
  /** The action that opens it, as it is written. */
  readonly source: string;
  readonly position: number;
}

export type GoNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'output'; readonly pipe: Pipe; readonly source: string; readonly position: number }
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly pipe: Pipe | undefined;
      readonly source: string;
      readonly position: number;
    }
  | { readonly kind: 'jump'; readonly source: string; readonly position: number }
  | Block;

export interface GoTemplate {
  readonly nodes: readonly GoNode[];
  /** What `define` and `block` name. */
  readonly defined: ReadonlyMap<string, readonly GoNode[]>;
}

/** Of blocks and parentheses within each other. */
const DEEPEST = 200;

/**
 * Parses a template of Go's text/template.
 * @throws GoSyntaxError
 */
export function parseGo(source: string, delimiters?: Delimiters): GoTemplate {
  return new TreeParser(lexGo(source, delimiters)).parse();
}

type Action = Extract<GoItem, { kind: 'action' }>;

/** How the nodes of a block end. */
interface Ending {
  readonly word: 'end' | 'else' | 'eof';
  readonly action: Action | undefined;
}

interface Nodes {
  readonly nodes: readonly GoNode[];
  readonly ending: Ending;
}

class TreeParser {
  readonly #items: readonly GoItem[];
  readonly #defined = new Map<string, readonly GoNode[]>();
  #next = 0;
  #depth = 0;

  constructor(items: readonly GoItem[]) {
    this.#items = items;
  }

  parse(): GoTemplate {
    const { nodes, ending } = this.#nodes();
    if (ending.action !== undefined)
      throw new GoSyntaxError(
        `\`${ending.word}\` without a block that it belongs to`,
        ending.action.position,
      );
    return { nodes, defined: this.#defined };
  }

  #nodes(): Nodes {
    const nodes: GoNode[] = [];
    for (;;) {
      const item = this.#items[this.#next];
      if (item === undefined) return { nodes, ending: { word: 'eof', action: undefined } };
      this.#next += 1;
      if (item.kind === 'text') {
        nodes.push(item);
        continue;
      }
      const word = keywordOf(item);
      if (word === 'end' || word === 'else') return { nodes, ending: { word, action: item } };
      const node = this.#node(item, word);
      if (node !== undefined) nodes.push(node);
    }
  }

  #node(action: Action, word: string): GoNode | undefined {
    const { tokens, source, position } = action;
    if (tokens.length === 0) throw new GoSyntaxError('an action is empty', position);
    switch (word) {
      case 'if':
      case 'with':
      case 'range':
        return this.#block(word, tokens.slice(1), action);
      case 'define':
      case 'block':
      case 'template':
        return this.#named(word, action);
      case 'break':
      case 'continue':
        if (tokens.length > 1) throw new GoSyntaxError(`\`${word}\` takes no arguments`, position);
        return { kind: 'jump', source, position };
      default:
        return { kind: 'output', pipe: parsePipe(tokens, position), source, position };
    }
  }

  #block(kind: Block['kind'], condition: readonly GoToken[], { source, position }: Action): Block {
    const pipe = parsePipe(condition, position);
    const { nodes: body, ending } = this.#inside(position);
    const otherwise = ending.word === 'else' ? this.#otherwise(ending.action, position) : undefined;
    return { kind, pipe, body, otherwise, source, position };
  }

  #inside(position: number): Nodes {
    this.#depth += 1;
    if (this.#depth > DEEPEST)
      throw new GoSyntaxError(`blocks are nested more than ${String(DEEPEST)} deep`, position);
    const result = this.#nodes();
    this.#depth -= 1;
    if (result.ending.word === 'eof')
      throw new GoSyntaxError('a block is not closed: its `end` is missing', position);
    return result;
  }

  #otherwise(action: Action | undefined, position: number): readonly GoNode[] {
    const [, word, ...condition] = action?.tokens ?? [];
    if (action !== undefined && word !== undefined) {
      if (word.text !== 'if' && word.text !== 'with')
        throw new GoSyntaxError('after `else` comes nothing, `if` or `with`', word.position);
      const source = action.source.replace(/else\s+/, '');
      // Its end is that of the block around it.
      return [this.#block(word.text, condition, { ...action, source })];
    }
    const { nodes, ending } = this.#inside(position);
    if (ending.word === 'else')
      throw new GoSyntaxError('a block has a second `else`', ending.action?.position ?? position);
    return nodes;
  }

  #named(word: 'define' | 'block' | 'template', action: Action): GoNode | undefined {
    const { tokens, source, position } = action;
    const [, name, ...rest] = tokens;
    if (name?.kind !== 'string') throw new GoSyntaxError(`\`${word}\` needs a name in quotes`, position);
    const pipe = rest.length === 0 ? undefined : parsePipe(rest, position);
    if (word !== 'template') {
      const { nodes, ending } = this.#inside(position);
      if (ending.word === 'else') throw new GoSyntaxError(`\`${word}\` has no \`else\``, position);
      this.#defined.set(name.text, nodes);
      if (word === 'define') return undefined;
    }
    return { kind: 'call', name: name.text, pipe, source, position };
  }
}

const KEYWORDS = ['if', 'with', 'range', 'else', 'end', 'define', 'block', 'template', 'break', 'continue'];

function keywordOf({ tokens: [first] }: Action): string {
  return first?.kind === 'word' && KEYWORDS.includes(first.text) ? first.text : '';
}

/** @throws GoSyntaxError */
function parsePipe(tokens: readonly GoToken[], position: number): Pipe {
  const parser = new PipeParser(tokens, position);
  const pipe = parser.pipe(0);
  parser.expectEnd();
  return pipe;
}

class PipeParser {
  readonly #tokens: readonly GoToken[];
  readonly #position: number;
  #at = 0;

  constructor(tokens: readonly GoToken[], position: number) {
    this.#tokens = tokens;
    this.#position = position;
  }

  pipe(depth: number): Pipe {
    const position = this.#tokens[this.#at]?.position ?? this.#position;
    if (depth > DEEPEST)
      throw new GoSyntaxError(`parentheses are nested more than ${String(DEEPEST)} deep`, position);
    const { variables, assigns } = this.#declaration();
    const commands: GoCommand[] = [this.#command(depth)];
    while (this.#takeSign('|')) commands.push(this.#command(depth));
    return { variables, assigns, commands, position };
  }

  expectEnd(): void {
    const token = this.#tokens[this.#at];
    if (token !== undefined)
      throw new GoSyntaxError(
        `\`${token.kind === 'sign' ? token.text : token.kind}\` where the action should end`,
        token.position,
      );
  }

  #declaration(): Pick<Pipe, 'variables' | 'assigns'> {
    const start = this.#at;
    const variables: string[] = [];
    do {
      const token = this.#tokens[this.#at];
      if (token?.kind !== 'variable') break;
      variables.push(token.text);
      this.#at += 1;
    } while (this.#takeSign(','));
    if (variables.length > 0 && this.#takeSign(':=')) return { variables, assigns: false };
    if (variables.length > 0 && this.#takeSign('=')) return { variables, assigns: true };
    this.#at = start;
    return { variables: [], assigns: false };
  }

  #command(depth: number): GoCommand {
    const first = this.#operand(depth);
    if (first === undefined) {
      const position = this.#tokens[this.#at]?.position ?? this.#position;
      throw new GoSyntaxError('a value is missing', position);
    }
    const others: Operand[] = [];
    for (let next = this.#operand(depth); next !== undefined; next = this.#operand(depth)) others.push(next);
    return [first, ...others];
  }

  #operand(depth: number): Operand | undefined {
    const token = this.#tokens[this.#at];
    if (token === undefined) return undefined;
    const isPipe = token.kind === 'sign';
    if (isPipe && token.text !== '(') return undefined;
    this.#at += 1;
    const base = isPipe ? this.#parenthesised(token, depth) : baseOf(token);
    const fields = token.kind === 'field' ? [token.text] : [];
    for (let next = this.#tokens[this.#at]; next?.kind === 'field' && !next.isDetached;) {
      fields.push(next.text);
      this.#at += 1;
      next = this.#tokens[this.#at];
    }
    return { base, fields, position: token.position };
  }

  #parenthesised({ position }: GoToken, depth: number): Operand['base'] {
    const pipe = this.pipe(depth + 1);
    if (!this.#takeSign(')')) throw new GoSyntaxError('a `)` is missing', position);
    return { kind: 'pipe', pipe };
  }

  #takeSign(sign: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'sign' || token.text !== sign) return false;
    this.#at += 1;
    return true;
  }
}

function baseOf({ kind, text }: GoToken): Operand['base'] {
  switch (kind) {
    case 'variable':
      return { kind, name: text };
    case 'string':
      return { kind: 'text', text };
    case 'number':
      return { kind, text };
    case 'word':
      return text === 'true' || text === 'false' || text === 'nil'
        ? { kind: 'constant', name: text }
        : { kind: 'call', name: text };
    case 'dot':
    case 'field':
    case 'sign':
      return { kind: 'dot' };
  }
}
