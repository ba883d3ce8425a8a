import { literal, type Draft } from '../draft.ts';
import type { YamlMap } from '../yaml-tree.ts';

/** The inputs of a step. Expressions of the workflow become variables. */
export class Inputs {
  readonly #map: YamlMap;
  readonly #draft: Draft;
  readonly #read = new Set<string>();

  constructor(map: YamlMap, draft: Draft) {
    this.#map = map;
    this.#draft = draft;
  }

  has(name: string): boolean {
    return this.#text(name) !== undefined;
  }

  isTrue(name: string): boolean {
    return this.#text(name) === 'true';
  }

  where(name: string): string {
    return this.#map.where(this.#keyOf(name));
  }

  lines(name: string): ReturnType<YamlMap['placedText']> {
    return this.#map.placedText(this.#keyOf(name));
  }

  /** Marks names as known. */
  knows(...names: readonly string[]): void {
    for (const name of names) this.#keyOf(name);
  }

  unknown(): readonly string[] {
    return this.#map.keys().filter((key) => !this.#read.has(key));
  }

  /** For the config: an expression like `${{ secrets.NAME }}` is `${NAME}` there. */
  text(name: string): string | undefined {
    const text = this.#text(name);
    return text === undefined ? undefined : this.withVariables(text, this.where(name));
  }

  /** @returns undefined for an expression that is no name of a secret or variable, which is then a problem */
  withVariables(text: string, where: string): string | undefined {
    const parts = text.split(/(\$\{\{.*?\}\})/s);
    const converted = parts.map((part) => {
      if (!part.startsWith('${{')) return literal(part);
      const name = variableOf(part);
      if (name === undefined) {
        this.#draft.problem(
          where,
          'an expression other than a secret, a variable or an input has no counterpart',
          'write `${NAME}`, and set NAME by `env:` of the step',
        );
        return undefined;
      }
      this.#draft.note('expression', where);
      return `\${${name}}`;
    });
    return converted.includes(undefined) ? undefined : converted.join('');
  }

  set(name: string, [section, key]: readonly [Parameters<Draft['set']>[0], string]): void {
    this.#draft.set(section, key, this.text(name), this.where(name));
  }

  /** The name of the variable that holds a credential; one that stands in the file is left out. */
  variable(name: string, fallback: string): string | undefined {
    const text = this.#text(name);
    if (text === undefined) return undefined;
    const variable = variableOf(text.trim());
    this.#draft.note(variable === undefined ? 'credential' : 'expression', this.where(name));
    return variable ?? fallback;
  }

  #text(name: string): string | undefined {
    return this.#map.text(this.#keyOf(name));
  }

  /** As it stands in the file: the runner ignores the case of names. */
  #keyOf(name: string): string {
    const key = this.#map.keys().find((one) => one.toLowerCase() === name.toLowerCase()) ?? name;
    this.#read.add(key);
    return key;
  }
}

function variableOf(expression: string): string | undefined {
  const [, name] = /^\$\{\{\s*(?:secrets|vars|env|inputs)\.([A-Za-z_][\w-]*)\s*\}\}$/.exec(expression) ?? [];
  return name?.toUpperCase().replaceAll('-', '_');
}
