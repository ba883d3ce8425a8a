import {
  CORE_SCHEMA,
  EVENT_ID,
  YAMLException,
  constructFromEvents,
  getScalarValue,
  mergeTag,
  parseEvents,
  type Event,
} from 'js-yaml';
import { RunError } from '../errors.ts';
import type { ConfigPath } from './interpolate.ts';
import type { Parsed, SourceText } from './source.ts';

/** More than any config needs; each alias may repeat what holds others. */
const MOST_ALIASES = 100;

/** @throws RunError `config` with line and column; the text is not quoted */
export function parseYaml({ text, name }: SourceText): Parsed {
  try {
    const events = parseEvents(text, { filename: name });
    const schema = CORE_SCHEMA.withTags(mergeTag);
    const documents = constructFromEvents(events, { source: text, schema, maxAliases: MOST_ALIASES });
    if (documents.length > 1) {
      throw new RunError('config', 'the file has several documents; a config is one', {
        where: name,
        hint: 'split it, and name each file with -c',
      });
    }
    return { value: documents[0], lineOf: (path) => lineOf(events, text, path) };
  } catch (error) {
    throw error instanceof YAMLException ? syntaxError(error, name) : error;
  }
}

function syntaxError({ reason, mark }: YAMLException, name: string): RunError {
  // What stands in quotes, or after a colon, is taken from the text.
  const problem = reason.replace(/["<].*|: .*/s, '…').trim();
  const where = mark === undefined ? name : `${name}:${String(mark.line + 1)}`;
  const column = mark === undefined ? '' : ` at column ${String(mark.column + 1)}`;
  return new RunError('config', `invalid YAML${column}: ${problem}`, {
    where,
    hint: 'the mistake may be just before this place; texts with `: `, ` #` or special first characters need quotes',
  });
}

/** The line of the key at the end of the path, or of the nearest thing around it that there is. */
function lineOf(events: readonly Event[], text: string, path: ConfigPath): number | undefined {
  const reader = new EventReader(events, text);
  const offset = reader.find(path);
  return offset === undefined ? undefined : text.slice(0, offset).split('\n').length;
}

/** Walks the parser's events, which are a flat list: a collection is followed by its parts and ends with a pop. */
class EventReader {
  readonly #events: readonly Event[];
  readonly #text: string;
  /** The first event is that of the document. */
  #position = 1;

  constructor(events: readonly Event[], text: string) {
    this.#events = events;
    this.#text = text;
  }

  /** The offset of what stands at a path of the node that comes next. */
  find([step, ...rest]: ConfigPath): number | undefined {
    const node = this.#events[this.#position];
    if (step === undefined || node === undefined) return undefined;
    this.#position += 1;
    if (node.type === EVENT_ID.MAPPING && typeof step === 'string') return this.#findKey(step, rest);
    if (node.type === EVENT_ID.SEQUENCE && typeof step === 'number') return this.#findItem(step, rest);
    return undefined;
  }

  #findKey(wanted: string, rest: ConfigPath): number | undefined {
    for (let key = this.#next(); key !== undefined && key.type !== EVENT_ID.POP; key = this.#next()) {
      const offset = startOf(key);
      const isWanted = key.type === EVENT_ID.SCALAR && getScalarValue(this.#text, key) === wanted;
      if (isWanted) {
        this.#position += 1;
        return this.find(rest) ?? offset;
      }
      this.#skip();
      this.#skip();
    }
    return undefined;
  }

  #findItem(index: number, rest: ConfigPath): number | undefined {
    for (let skipped = 0; skipped < index; skipped += 1) this.#skip();
    const item = this.#next();
    return item === undefined || item.type === EVENT_ID.POP ? undefined : (this.find(rest) ?? startOf(item));
  }

  #next(): Event | undefined {
    return this.#events[this.#position];
  }

  /** Goes past the node that comes next. */
  #skip(): void {
    let depth = 0;
    do {
      const event = this.#next();
      if (event === undefined) return;
      if (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE) depth += 1;
      else if (event.type === EVENT_ID.POP) depth -= 1;
      this.#position += 1;
    } while (depth > 0);
  }
}

function startOf(event: Event): number | undefined {
  if (event.type === EVENT_ID.SCALAR) return event.valueStart;
  return event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE ? event.start : undefined;
}
