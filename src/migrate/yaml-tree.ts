import type { JsonValue } from '../base/secret-data.ts';
import type { PlacedText } from './draft.ts';
import type { YamlDocument } from './sources/source-format.ts';

type Path = readonly (string | number)[];

/** A map of a YAML document, with where it stands. */
export class YamlMap {
  readonly #document: YamlDocument;
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #path: Path;
  readonly #file: string;

  constructor(document: YamlDocument, value: object, path: Path, file: string) {
    this.#document = document;
    this.#value = value as Readonly<Record<string, unknown>>;
    this.#path = path;
    this.#file = file;
  }

  keys(): readonly string[] {
    return Object.keys(this.#value);
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#value, key);
  }

  /** `pod.yaml:12` */
  where(key?: string): string {
    return `${this.#file}:${String(this.#line(key))}`;
  }

  /** A text, a number or a boolean as a text; an empty one counts as none. */
  text(key: string): string | undefined {
    const value = this.has(key) ? this.#value[key] : undefined;
    if (typeof value === 'string') return value === '' ? undefined : value;
    return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
  }

  /** A value as it stands. */
  json(key: string): JsonValue | undefined {
    return this.has(key) ? (this.#value[key] as JsonValue) : undefined;
  }

  placedText(key: string): PlacedText | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    // What has several lines is a block, which begins below its key.
    const isVerbatim = text.includes('\n');
    return { text, file: this.#file, firstLine: this.#line(key) + (isVerbatim ? 1 : 0), isVerbatim };
  }

  map(key: string): YamlMap | undefined {
    const value = this.has(key) ? this.#value[key] : undefined;
    return isObject(value) ? this.#child(value, [key]) : undefined;
  }

  /** The maps of a list. */
  maps(key: string): readonly YamlMap[] {
    const value = this.has(key) ? this.#value[key] : undefined;
    if (!Array.isArray(value)) return [];
    return value.flatMap((item: unknown, index) => (isObject(item) ? [this.#child(item, [key, index])] : []));
  }

  #child(value: object, path: Path): YamlMap {
    return new YamlMap(this.#document, value, [...this.#path, ...path], this.#file);
  }

  #line(key: string | undefined): number {
    return this.#document.lineOf(key === undefined ? this.#path : [...this.#path, key]) ?? 1;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The maps of a file: its documents, and the items of lists of Kubernetes. */
export function mapsOf(documents: readonly YamlDocument[], file: string): readonly YamlMap[] {
  return documents.flatMap((document) => {
    if (!isObject(document.value)) return [];
    const map = new YamlMap(document, document.value, [], file);
    return map.text('kind') === 'List' ? map.maps('items') : [map];
  });
}
