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
import type { ConfigPath } from './interpolate.ts';
import { lineFinder } from './line-finder.ts';
import type { Parsed } from './source.ts';

/** More than any config needs; each alias may repeat what holds others. */
const MOST_ALIASES = 100;

/** What is wrong with a text, in js-yaml's words, which may quote it; line and column from 0. */
export interface YamlFault {
  readonly reason: string;
  readonly mark: { readonly line: number; readonly column: number } | undefined;
}

/** All documents of a text; lines are those of the first one. */
interface YamlDocuments {
  readonly values: readonly unknown[];
  readonly lineOf: Parsed['lineOf'];
}

export function readYaml(text: string): YamlDocuments | YamlFault {
  try {
    const events = parseEvents(text, {});
    const schema = CORE_SCHEMA.withTags(mergeTag);
    const values = constructFromEvents(events, { source: text, schema, maxAliases: MOST_ALIASES });
    return { values, lineOf: lineByPath(events, text) };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    return { reason: error.reason, mark: error.mark };
  }
}

/** Finds lines by path. Built at the first question, in one pass: each declaration asks for its own line. */
function lineByPath(events: readonly Event[], text: string): Parsed['lineOf'] {
  const lineAt = lineFinder(text);
  let root: Place | undefined;
  return (path) => lineAt(offsetAt((root ??= new PlaceReader(events, text).read()), path));
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
