import { DEEPEST } from '../base/depth.ts';
import { RunError } from '../base/errors.ts';

/** Where a value stands in a config: keys and list positions. */
export type ConfigPath = readonly (string | number)[];

export interface InterpolationProblem {
  readonly path: ConfigPath;
  readonly message: string;
  readonly hint: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `$${`, or `${` with what must follow it. */
const PLACEHOLDER = /\$\$\{|\$\{(?:(?<name>[A-Za-z_]\w*)(?::-(?<fallback>[^}]*))?\})?/g;

/** The same after the last brace, where no variable can end: looking for its end from each `${` takes ages. */
const UNCLOSED = /\$\$\{|\$\{/g;

/** Aliases within aliases grow exponentially when they are written out. */
const MOST_VALUES = 100_000;

/**
 * Replaces `${VAR}` and `${VAR:-default}` in all strings of a parsed config; `$${` gives a literal `${`. A default ends at the
 * next brace and cannot hold `${`. Keys are left
 * alone, and so is everything that is fetched later: a secret may hold `${`.
 * @throws RunError `config` for a config that is written in a few lines and endless when read
 */
export function interpolate(
  value: unknown,
  env: Environment,
): { value: unknown; problems: InterpolationProblem[] } {
  const interpolation = new Interpolation(env);
  return { value: interpolation.inside(value), problems: interpolation.problems };
}

class Interpolation {
  readonly problems: InterpolationProblem[] = [];
  readonly #env: Environment;
  /** Of what is looked at. */
  readonly #path: (string | number)[] = [];
  #values = 0;
  #isTooDeep = false;

  constructor(env: Environment) {
    this.#env = env;
  }

  inside(value: unknown): unknown {
    this.#values += 1;
    if (this.#values > MOST_VALUES) {
      throw new RunError('config', 'the config has more than 100000 values', {
        hint: 'look for aliases that repeat aliases',
      });
    }
    if (typeof value === 'string') return value.includes('${') ? this.#inText(value, [...this.#path]) : value;
    if (this.#path.length > DEEPEST) {
      this.#refuse();
      return undefined;
    }
    if (Array.isArray(value)) return value.map((item: unknown, index) => this.#at(index, item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#at(key, item)]));
  }

  #at(step: string | number, value: unknown): unknown {
    this.#path.push(step);
    if (step === '__proto__') this.#refuseName();
    const replaced = this.inside(value);
    this.#path.pop();
    return replaced;
  }

  /** What reads or copies it further on would lose it without a word. */
  #refuseName(): void {
    this.problems.push({
      path: [...this.#path],
      message: 'is a name that a config cannot have',
      hint: 'choose another one',
    });
  }

  #refuse(): void {
    if (this.#isTooDeep) return;
    this.#isTooDeep = true;
    this.problems.push({
      path: this.#path.slice(0, 3),
      message: `nests deeper than ${String(DEEPEST)} levels`,
      hint: 'look for an alias that stands for something around it',
    });
  }

  #inText(text: string, path: ConfigPath): string {
    const end = text.lastIndexOf('}') + 1;
    const closed = this.#replaced(text.slice(0, end), PLACEHOLDER, path);
    return `${closed}${this.#replaced(text.slice(end), UNCLOSED, path)}`;
  }

  #replaced(text: string, pattern: RegExp, path: ConfigPath): string {
    return text.replace(pattern, (match, name?: string | number, fallback?: string) => {
      if (match === '$${') return '${';
      if (typeof name !== 'string') {
        this.problems.push({
          path,
          message: 'has a `${` that is not a variable',
          hint: 'write `${VAR}` or `${VAR:-default}`; for a literal `${` write `$${`',
        });
        return match;
      }
      if (fallback?.includes('${') === true) {
        this.problems.push({
          path,
          message: `has a \`\${\` in the default of \`${name}\``,
          hint: 'a default cannot hold another variable: give it a plain text, or set the variable that it is for',
        });
        return match;
      }
      const value = this.#env[name];
      if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
      if (value !== undefined) return value;
      this.problems.push({
        path,
        message: `needs the variable \`${name}\`, which is not set`,
        hint: `set it, or give a default: \`\${${name}:-…}\`; for a literal \`\${\` write \`$\${\``,
      });
      return match;
    });
  }
}
