import { shownName } from '../base/shown-text.ts';
import type { Draft, PlacedText } from './draft.ts';
import type { HclEntry, HclObject, HclValue } from './hcl/hcl-syntax.ts';

/** A block with its label. */
export interface Labelled {
  readonly label: string | undefined;
  readonly stanza: Stanza;
}

/** A block of HCL, or an object of JSON, that is read key by key. What is not read in the end is a problem. */
export class Stanza {
  readonly #entries: readonly HclEntry[];
  readonly #read = new Set<string>();
  readonly #draft: Draft;
  readonly #file: string;
  readonly #line: number;

  constructor({ entries, line }: HclObject, file: string, draft: Draft) {
    this.#entries = entries;
    this.#file = file;
    this.#line = line;
    this.#draft = draft;
  }

  /** `agent.hcl:12`: of a key, or of the block. */
  where(key?: string): string {
    const line = this.#entries.find((entry) => entry.key === key)?.line ?? this.#line;
    return `${this.#file}:${String(line)}`;
  }

  has(key: string): boolean {
    return this.#entries.some((entry) => entry.key === key);
  }

  /** Marks keys as known. @returns whether one of them is there */
  knows(...keys: readonly string[]): boolean {
    for (const key of keys) this.#read.add(key);
    return keys.some((key) => this.has(key));
  }

  value(key: string): HclValue | undefined {
    this.#read.add(key);
    return this.#entries.findLast((entry) => entry.key === key)?.value;
  }

  /** A text, a number or a boolean as a text; an empty text counts as none. */
  text(key: string): string | undefined {
    const value = this.value(key);
    if (value === undefined || value.kind === 'null') return undefined;
    if (value.kind === 'text' || value.kind === 'number') return value.text === '' ? undefined : value.text;
    if (value.kind === 'boolean') return String(value.isTrue);
    this.#mismatch(key, 'a text');
    return undefined;
  }

  placedText(key: string): PlacedText | undefined {
    const value = this.value(key);
    if (value?.kind !== 'text') {
      if (value !== undefined) this.#mismatch(key, 'a text');
      return undefined;
    }
    const { text, firstLine, isVerbatim } = value;
    return { text, file: this.#file, firstLine, isVerbatim };
  }

  boolean(key: string): boolean | undefined {
    const value = this.value(key);
    if (value === undefined || value.kind === 'null') return undefined;
    if (value.kind === 'boolean') return value.isTrue;
    // What Go's strconv.ParseBool takes.
    const text = value.kind === 'text' || value.kind === 'number' ? value.text : '';
    if (/^(?:1|t|true)$/i.test(text)) return true;
    if (!/^(?:0|f|false)$/i.test(text)) this.#mismatch(key, 'true or false');
    return false;
  }

  /** All blocks of that name. */
  blocks(key: string): readonly Stanza[] {
    this.#read.add(key);
    return this.#entries
      .filter((entry) => entry.key === key)
      .flatMap(({ value }) => this.#objects(value, key))
      .map((object) => new Stanza(object, this.#file, this.#draft));
  }

  /** The same of blocks that may have a label: `method "jwt" { … }`. */
  labelled(key: string, attributes: readonly string[]): readonly Labelled[] {
    this.#read.add(key);
    return this.#entries
      .filter((entry) => entry.key === key)
      .flatMap(({ value }) => this.#objects(value, key))
      .flatMap((object): readonly Labelled[] => {
        const isLabelled =
          object.entries.length > 0 &&
          object.entries.every(({ key: label, value }) => !attributes.includes(label) && isBlock(value));
        if (!isLabelled) return [{ label: undefined, stanza: new Stanza(object, this.#file, this.#draft) }];
        return object.entries.flatMap(({ key: label, value }) =>
          this.#objects(value, label).map((inner) => ({
            label,
            stanza: new Stanza(inner, this.#file, this.#draft),
          })),
        );
      });
  }

  /** Keys and their values, all of them texts. */
  pairs(): readonly (readonly [string, string | undefined])[] {
    return this.#entries.map(({ key }) => [key, this.text(key)]);
  }

  /** Reports the keys that nobody has read. */
  end(tool: string): void {
    for (const { key, line } of this.#entries) {
      if (this.#read.has(key)) continue;
      this.#read.add(key);
      this.#draft.problem(
        `${this.#file}:${String(line)}`,
        `\`${shownName(key)}\` is not known as a setting of ${tool}`,
        'correct its name, or remove it',
      );
    }
  }

  #objects(value: HclValue, key: string): readonly HclObject[] {
    if (value.kind === 'object') return [value];
    if (value.kind === 'list') return value.items.flatMap((item) => this.#objects(item, key));
    if (value.kind !== 'null') this.#mismatch(key, 'a block');
    return [];
  }

  #mismatch(key: string, expected: string): void {
    this.#draft.problem(
      this.where(key),
      `\`${shownName(key)}\` must be ${expected}`,
      'correct it: the tool that it is for refuses it, too',
    );
  }
}

function isBlock(value: HclValue): boolean {
  return (
    value.kind === 'object' || (value.kind === 'list' && value.items.every(({ kind }) => kind === 'object'))
  );
}
