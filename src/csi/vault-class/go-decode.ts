import { DEEPEST } from '../../base/depth.ts';
import { goObject, goString } from './go-json.ts';
import { scalarOf, type GoScalar } from './go-scalar.ts';
import type { YamlMapping, YamlNode, YamlPair, YamlScalar } from './yaml-nodes.ts';

/** What is wrong at a line. The message completes the name of what is there. */
export interface YamlProblem {
  readonly line: number;
  readonly message: string;
  readonly hint: string;
}

/** Aliases within aliases grow exponentially when they are written out. */
const MOST_VALUES = 100_000;

const ALIAS_HINT = 'look for an alias that stands for something around it, or that repeats other aliases';

/** Decodes nodes as yaml.v3 decodes them into Go's types. Problems are collected, not thrown. */
export class GoDecoder {
  readonly problems: YamlProblem[] = [];
  #values = 0;
  #depth = 0;

  /** Into a string: any scalar gives its text, as written. Undefined: null, or a problem. */
  text(node: YamlNode, name: string): string | undefined {
    if (node.kind === 'scalar') {
      const scalar = this.#scalar(node, name);
      if (scalar === undefined || scalar.type === 'null') return undefined;
      return scalar.type === 'bytes' ? scalar.value : node.text;
    }
    this.#refuse(node, `${name} is not a text`, 'write one text');
    return undefined;
  }

  /** Into an unsigned number of 32 bits: `os.FileMode`. Undefined: null, or a problem. */
  mode(node: YamlNode, name: string): number | undefined {
    const known = this.problems.length;
    const scalar = node.kind === 'scalar' ? this.#scalar(node, name) : undefined;
    if (scalar?.type === 'null') return undefined;
    if (scalar?.type === 'int' || scalar?.type === 'float') {
      const value = Math.trunc(Number(scalar.value));
      // Not `-0`.
      if (value >= 0 && value < 2 ** 32) return value + 0;
    }
    if (this.problems.length === known)
      this.#refuse(
        node,
        `${name} is not a number from 0 to 0777`,
        'write it in octal and without quotes, as 0640',
      );
    return undefined;
  }

  /** Into a map of anything, as JSON. Undefined: null, or a problem. */
  args(node: YamlNode, name: string): string | undefined {
    if (node.kind === 'mapping') return this.#object(node, name, (key) => this.text(key, 'a key'));
    const isNull = node.kind === 'scalar' && this.#scalar(node, name)?.type === 'null';
    if (!isNull) this.#refuse(node, `${name} is not a map`, 'write it as `name: value`');
    return undefined;
  }

  /** Keys of a mapping that are texts or scalars, with what `<<` adds. */
  entries(mapping: YamlMapping, name: string): ReadonlyMap<string, YamlNode> {
    return this.#entries(mapping, name, (key) => this.text(key, 'a key'));
  }

  #entries(
    mapping: YamlMapping,
    name: string,
    keyOf: (key: YamlNode) => string | undefined,
  ): ReadonlyMap<string, YamlNode> {
    this.#findRepeated(mapping, name);
    const entries = new Map<string, YamlNode>();
    this.#within(mapping, name, () => {
      for (const { key, value } of mapping.pairs) {
        if (isMerge(key)) continue;
        const text = keyOf(key);
        if (text !== undefined) entries.set(text, value);
      }
      for (const { key, value } of mapping.pairs) if (isMerge(key)) this.#merge(value, name, entries);
    });
    return entries;
  }

  /** What is there already stays. */
  #merge(source: YamlNode, name: string, entries: Map<string, YamlNode>): void {
    for (const one of source.kind === 'sequence' ? source.items : [source]) {
      if (one.kind !== 'mapping') {
        this.#refuse(one, `\`<<\` of ${name} merges what is not a map`, 'merge maps, as `<<: *base`');
        continue;
      }
      for (const [key, value] of this.entries(one, name)) if (!entries.has(key)) entries.set(key, value);
    }
  }

  #findRepeated({ pairs }: YamlMapping, name: string): void {
    const known = new Set<string>();
    for (const { key } of pairs) {
      if (key.kind !== 'scalar') continue;
      if (known.has(key.text)) this.#refuse(key, `${name} has a key twice`, 'remove one of them');
      known.add(key.text);
    }
  }

  #object(
    mapping: YamlMapping,
    name: string,
    keyOf: (key: YamlNode) => string | undefined,
  ): string | undefined {
    const entries = this.#entries(mapping, name, keyOf);
    return this.#within(mapping, name, () =>
      goObject([...entries].map(([key, value]) => [key, this.#json(value, name)])),
    );
  }

  /** Into anything, as JSON; empty for a problem. */
  #json(node: YamlNode, name: string): string {
    if (node.kind === 'mapping') return this.#object(node, name, (key) => this.#stringKey(key, name)) ?? '';
    if (node.kind === 'sequence') {
      const items = this.#within(node, name, () => node.items.map((item) => this.#json(item, name)));
      return `[${(items ?? []).join(',')}]`;
    }
    const scalar = this.#scalar(node, name);
    if (scalar === undefined) return '';
    const json = jsonOf(scalar);
    if (json === undefined) this.#refuse(node, `${name} has a number that JSON does not know`, 'correct it');
    return json ?? '';
  }

  /** Go has no JSON for a map whose keys are not strings, except of the first level, which is one of strings. */
  #stringKey(key: YamlNode, name: string): string | undefined {
    if (key.kind === 'scalar' && this.#scalar(key, name)?.type === 'string') return key.text;
    this.#refuse(key, `${name} has a key that is not a text`, 'put it into quotes');
    return undefined;
  }

  #scalar(node: YamlScalar, name: string): GoScalar | undefined {
    this.#values += 1;
    const scalar = scalarOf(node);
    if (scalar === undefined)
      this.#refuse(node, `${name} is not what its tag says`, 'correct or remove the tag');
    return scalar;
  }

  /** Guards against what contains itself, and what is endless when written out. */
  #within<T>(node: YamlNode, name: string, decode: () => T): T | undefined {
    this.#values += 1;
    if (this.#depth > DEEPEST || this.#values > MOST_VALUES) {
      // One of them is enough: the same alias is met again and again.
      const isKnown = this.problems.some(({ hint }) => hint === ALIAS_HINT);
      if (!isKnown) this.#refuse(node, `${name} is endless`, ALIAS_HINT);
      return undefined;
    }
    this.#depth += 1;
    try {
      return decode();
    } finally {
      this.#depth -= 1;
    }
  }

  #refuse({ line }: YamlNode, message: string, hint: string): void {
    this.problems.push({ line, message, hint });
  }
}

function isMerge(key: YamlPair['key']): boolean {
  if (key.kind !== 'scalar' || key.text !== '<<') return false;
  return key.tag === '!!merge' || (!key.isQuoted && (key.tag === '' || key.tag === '!'));
}

/** Undefined: JSON has none. */
function jsonOf(scalar: GoScalar): string | undefined {
  if (scalar.type === 'null') return 'null';
  if (scalar.type === 'float') {
    if (!Number.isFinite(scalar.value)) return undefined;
    return Object.is(scalar.value, -0) ? '-0' : String(scalar.value);
  }
  return typeof scalar.value === 'string' ? goString(scalar.value) : String(scalar.value);
}
