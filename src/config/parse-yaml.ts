import {
  constructFromEvents,
  CORE_SCHEMA,
  EVENT_ID,
  getScalarValue,
  mergeTag,
  parseEvents,
  YAMLException,
  type Event,
} from 'js-yaml';
import { RunError } from '../base/errors.ts';
import type { ConfigPath } from './interpolate.ts';
import type { Parsed, SourceText } from './source.ts';

/** More than any config needs; each alias may repeat what holds others. */
const MOST_ALIASES = 100;

/** @throws RunError `config` with line and column; the text is not quoted */
export function parseYaml({ text, name, purpose }: SourceText): Parsed {
  try {
    const events = parseEvents(text, { filename: name });
    const schema = CORE_SCHEMA.withTags(mergeTag);
    const documents = constructFromEvents(events, { source: text, schema, maxAliases: MOST_ALIASES });
    if (documents.length > 1) {
      throw new RunError('config', `the ${purpose} must be a single YAML document`, {
        where: name,
        hint:
          purpose === 'config'
            ? 'split it, and pass each file with -c'
            : 'remove the other documents, which `---` separates',
      });
    }
    return { value: documents[0], lineOf: lineFinder(events, text) };
  } catch (error) {
    throw error instanceof YAMLException ? syntaxError(error, name) : error;
  }
}

function syntaxError({ reason, mark }: YAMLException, name: string): RunError {
  if (reason.includes('maxDepth')) {
    const line = mark === undefined ? '' : `:${String(mark.line + 1)}`;
    return new RunError('config', 'the YAML nests deeper than 100 levels', {
      where: `${name}${line}`,
      hint: 'check the path: no config is that deep',
    });
  }
  // What stands in quotes, or after a colon, is taken from the text.
  const problem = reason.replace(/["<].*|: .*/s, '…').trim();
  const where = mark === undefined ? name : `${name}:${String(mark.line + 1)}`;
  const column = mark === undefined ? '' : ` at column ${String(mark.column + 1)}`;
  return new RunError('config', `invalid YAML${column}: ${problem}`, {
    where,
    hint: 'the mistake may be just before this place; quote texts that contain `: ` or ` #`, or start with a special character',
  });
}

/** Finds lines by path. Built at the first question, in one pass: each declaration asks for its own line. */
function lineFinder(events: readonly Event[], text: string): Parsed['lineOf'] {
  let found: { readonly root: Place; readonly lineStarts: readonly number[] } | undefined;
  return (path) => {
    found ??= { root: new PlaceReader(events, text).read(), lineStarts: lineStartsOf(text) };
    const offset = offsetAt(found.root, path);
    return offset === undefined ? undefined : lineAt(found.lineStarts, offset);
  };
}

/** Where a key or item stands, and what is inside it. */
interface Place {
  readonly offset: number | undefined;
  readonly inside: ReadonlyMap<string | number, Place>;
}

/** The offset of what stands at a path, or of the nearest thing around it that there is. */
function offsetAt(root: Place, path: ConfigPath): number | undefined {
  let place = root;
  for (const step of path) {
    const next = place.inside.get(step);
    if (next === undefined) break;
    place = next;
  }
  return place.offset;
}

function lineStartsOf(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** @returns the line from 1 */
function lineAt(lineStarts: readonly number[], offset: number): number {
  let low = 0;
  let high = lineStarts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((lineStarts[middle] ?? Infinity) <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}

/** Walks the parser's events, which are a flat list: a collection is followed by its parts and ends with a pop. */
class PlaceReader {
  readonly #events: readonly Event[];
  readonly #text: string;
  /** The first event is that of the document. */
  #position = 1;

  constructor(events: readonly Event[], text: string) {
    this.#events = events;
    this.#text = text;
  }

  read(): Place {
    return { offset: undefined, inside: this.#readNode() };
  }

  /** Reads the node that comes next, and goes past it. */
  #readNode(): Place['inside'] {
    const node = this.#events[this.#position];
    this.#position += 1;
    if (node?.type === EVENT_ID.MAPPING) return this.#readMapping();
    return node?.type === EVENT_ID.SEQUENCE ? this.#readSequence() : new Map();
  }

  #readMapping(): Place['inside'] {
    const inside = new Map<string, Place>();
    for (let key = this.#next(); key !== undefined; key = this.#next()) {
      const name = key.type === EVENT_ID.SCALAR ? getScalarValue(this.#text, key) : undefined;
      this.#readNode();
      const place = { offset: startOf(key), inside: this.#readNode() };
      if (name !== undefined && !inside.has(name)) inside.set(name, place);
    }
    return inside;
  }

  #readSequence(): Place['inside'] {
    const inside = new Map<number, Place>();
    for (let item = this.#next(); item !== undefined; item = this.#next()) {
      inside.set(inside.size, { offset: startOf(item), inside: this.#readNode() });
    }
    return inside;
  }

  /** The next part of a collection; at its end goes past the pop. */
  #next(): Event | undefined {
    const event = this.#events[this.#position];
    if (event?.type !== EVENT_ID.POP) return event;
    this.#position += 1;
    return undefined;
  }
}

function startOf(event: Event): number | undefined {
  if (event.type === EVENT_ID.SCALAR) return event.valueStart;
  return event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE ? event.start : undefined;
}
