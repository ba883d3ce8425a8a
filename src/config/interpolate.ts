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

/** Aliases within aliases grow exponentially when they are written out. */
const MOST_VALUES = 100_000;

/**
 * Replaces `${VAR}` and `${VAR:-default}` in all strings of a parsed config; `$${` gives a literal `${`. Keys are left
 * alone, and so is everything that is fetched later: a secret may hold `${`.
 * @throws RunError `config` for a config that is written in a few lines and endless when read
 */
export function interpolate(
  value: unknown,
  env: Environment,
): { value: unknown; problems: InterpolationProblem[] } {
  const interpolation = new Interpolation(env);
  return { value: interpolation.at(value, []), problems: interpolation.problems };
}

class Interpolation {
  readonly problems: InterpolationProblem[] = [];
  readonly #env: Environment;
  #values = 0;

  constructor(env: Environment) {
    this.#env = env;
  }

  at(value: unknown, path: ConfigPath): unknown {
    this.#values += 1;
    if (this.#values > MOST_VALUES) {
      throw new RunError('config', 'the config has more than 100000 values', {
        hint: 'look for aliases that repeat aliases',
      });
    }
    if (typeof value === 'string') return value.includes('${') ? this.#inText(value, path) : value;
    if (Array.isArray(value)) return value.map((item: unknown, index) => this.at(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, this.at(item, [...path, key])]),
    );
  }

  #inText(text: string, path: ConfigPath): string {
    return text.replace(PLACEHOLDER, (match, name?: string, fallback?: string) => {
      if (match === '$${') return '${';
      if (name === undefined) {
        this.problems.push({
          path,
          message: 'has a `${` that is not a variable',
          hint: 'write `${VAR}` or `${VAR:-default}`; for a literal `${` write `$${`',
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
