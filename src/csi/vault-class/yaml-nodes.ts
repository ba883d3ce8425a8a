import { EVENT_ID, getScalarValue, parseEvents, SCALAR_STYLE, YAMLException, type Event } from 'js-yaml';

/** A part of a YAML text, with its line from 1. What an alias stands for is the same object as that which it names. */
export type YamlNode = YamlScalar | YamlMapping | YamlSequence;

export interface YamlScalar {
  readonly kind: 'scalar';
  readonly line: number;
  /** `!!int`, `!own`, or empty. */
  readonly tag: string;
  readonly isQuoted: boolean;
  readonly text: string;
}

export interface YamlMapping {
  readonly kind: 'mapping';
  readonly line: number;
  readonly pairs: readonly YamlPair[];
}

export interface YamlPair {
  readonly key: YamlNode;
  readonly value: YamlNode;
}

export interface YamlSequence {
  readonly kind: 'sequence';
  readonly line: number;
  readonly items: readonly YamlNode[];
}

/** The text is no YAML. */
export class NoYaml extends Error {
  readonly line: number | undefined;

  constructor(message: string, line: number | undefined) {
    super(message);
    this.line = line;
  }
}

/**
 * The first document of a text, as yaml.v3's Unmarshal takes it; undefined: there is none.
 * @throws NoYaml whose message quotes nothing
 */
export function firstDocument(text: string): YamlNode | undefined {
  try {
    const read = readLeniently(text);
    return read.events.length === 0 ? undefined : new NodeReader(read).node();
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    // What stands in quotes, or after a colon, is taken from the text.
    const problem = error.reason.replace(/["<].*|: .*/s, '…').trim();
    throw new NoYaml(problem, error.mark === undefined ? undefined : error.mark.line + 1);
  }
}

interface ReadText {
  readonly text: string;
  readonly events: readonly Event[];
}

/** Lines, and blanks: no class has more. */
const MOST_INDENTED = 200;
const DEEPEST_INDENT = 1000;

/**
 * Go takes a brace, a bracket or the rest of a quoted text at the beginning of a line, where YAML wants it to be indented. Blanks
 * mean nothing there, so more of them are put before it.
 */
function readLeniently(text: string): ReadText {
  let indented = text;
  for (let count = 0; ; count += 1) {
    try {
      return { text: indented, events: parseEvents(indented, {}) };
    } catch (error) {
      const at =
        error instanceof YAMLException && error.reason === DEFICIENT ? error.mark?.position : undefined;
      if (at === undefined || count === MOST_INDENTED) throw error;
      const start = indented.lastIndexOf('\n', at - 1) + 1;
      indented = `${indented.slice(0, start)}${' '.repeat(deepestIndent(text) + 1)}${indented.slice(start)}`;
    }
  }
}

/** js-yaml's words. */
const DEFICIENT = 'deficient indentation';

function deepestIndent(text: string): number {
  const indents = text.split('\n').map((line) => /^[\s-]*/.exec(line)?.[0].length ?? 0);
  return indents.reduce((deepest, indent) => Math.min(DEEPEST_INDENT, Math.max(deepest, indent)), 0);
}

const LONG_TAG = 'tag:yaml.org,2002:';

/** Walks the parser's events, which are a flat list: a collection is followed by its parts and ends with a pop. */
class NodeReader {
  readonly #events: readonly Event[];
  readonly #text: string;
  readonly #anchors = new Map<string, YamlNode>();
  /** The first event is that of the document. */
  #position = 1;
  #line = 1;
  #counted = 0;

  constructor({ events, text }: ReadText) {
    this.#events = events;
    this.#text = text;
  }

  /** @throws NoYaml */
  node(): YamlNode {
    const event = this.#events[this.#position];
    this.#position += 1;
    switch (event?.type) {
      case EVENT_ID.SCALAR:
        return this.#known(event, this.#scalar(event));
      case EVENT_ID.SEQUENCE:
        return this.#sequence(event);
      case EVENT_ID.MAPPING:
        return this.#mapping(event);
      case EVENT_ID.ALIAS:
        return this.#target(event);
      default:
        throw new NoYaml('a value is missing', this.#line);
    }
  }

  #scalar(event: Extract<Event, { type: typeof EVENT_ID.SCALAR }>): YamlScalar {
    return {
      kind: 'scalar',
      line: this.#lineAt(event.valueStart),
      tag: this.#tagOf(event),
      isQuoted: event.style !== SCALAR_STYLE.PLAIN,
      text: event.valueStart < 0 ? '' : getScalarValue(this.#text, event),
    };
  }

  #sequence(event: Extract<Event, { type: typeof EVENT_ID.SEQUENCE }>): YamlNode {
    const items: YamlNode[] = [];
    const node = this.#known(event, { kind: 'sequence', line: this.#lineAt(event.start), items });
    while (!this.#isEnd()) items.push(this.node());
    return node;
  }

  #mapping(event: Extract<Event, { type: typeof EVENT_ID.MAPPING }>): YamlNode {
    const pairs: YamlPair[] = [];
    const node = this.#known(event, { kind: 'mapping', line: this.#lineAt(event.start), pairs });
    while (!this.#isEnd()) pairs.push({ key: this.node(), value: this.node() });
    return node;
  }

  /** Goes past the end of a collection. */
  #isEnd(): boolean {
    const event = this.#events[this.#position];
    if (event !== undefined && event.type !== EVENT_ID.POP) return false;
    this.#position += 1;
    return true;
  }

  #target({
    anchorStart,
    anchorEnd,
  }: {
    readonly anchorStart: number;
    readonly anchorEnd: number;
  }): YamlNode {
    const target = this.#anchors.get(this.#text.slice(anchorStart, anchorEnd));
    if (target === undefined) throw new NoYaml('an alias has no anchor before it', this.#lineAt(anchorStart));
    return target;
  }

  /** A collection is known before its end: an alias in it stands for itself. */
  #known<T extends YamlNode>(
    { anchorStart, anchorEnd }: { readonly anchorStart: number; readonly anchorEnd: number },
    node: T,
  ): T {
    if (anchorStart >= 0) this.#anchors.set(this.#text.slice(anchorStart, anchorEnd), node);
    return node;
  }

  #tagOf({ tagStart, tagEnd }: { readonly tagStart: number; readonly tagEnd: number }): string {
    if (tagStart < 0) return '';
    const tag = this.#text.slice(tagStart, tagEnd).replace(/^!<(.*)>$/s, '$1');
    return tag.startsWith(LONG_TAG) ? `!!${tag.slice(LONG_TAG.length)}` : tag;
  }

  /** Offsets only grow. One that is not known is that of what stands before. */
  #lineAt(offset: number): number {
    for (let at = this.#text.indexOf('\n', this.#counted); at !== -1 && at < offset;) {
      this.#line += 1;
      this.#counted = at + 1;
      at = this.#text.indexOf('\n', this.#counted);
    }
    return this.#line;
  }
}
