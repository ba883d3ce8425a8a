/** Where a value stands in a config: keys and list positions. */
export type ConfigPath = readonly (string | number)[];

export interface InterpolationProblem {
  readonly path: ConfigPath;
  readonly message: string;
  readonly hint: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `$${`, or `${` with what has to follow it. */
const PLACEHOLDER = /\$\$\{|\$\{(?:(?<name>[A-Za-z_]\w*)(?::-(?<fallback>[^}]*))?\})?/g;

/**
 * Replaces `${VAR}` and `${VAR:-default}` in all strings of a parsed config; `$${` gives a literal `${`. Keys are left
 * alone, and so is everything that is fetched later: a secret may hold `${`.
 */
export function interpolate(
  value: unknown,
  env: Environment,
): { value: unknown; problems: InterpolationProblem[] } {
  const problems: InterpolationProblem[] = [];
  return { value: interpolateAt(value, [], env, problems), problems };
}

function interpolateAt(
  value: unknown,
  path: ConfigPath,
  env: Environment,
  problems: InterpolationProblem[],
): unknown {
  if (typeof value === 'string')
    return value.includes('${') ? interpolateText(value, path, env, problems) : value;
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => interpolateAt(item, [...path, index], env, problems));
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [
    key,
    interpolateAt(item, [...path, key], env, problems),
  ]);
  return Object.fromEntries(entries);
}

function interpolateText(
  text: string,
  path: ConfigPath,
  env: Environment,
  problems: InterpolationProblem[],
): string {
  return text.replace(PLACEHOLDER, (match, name?: string, fallback?: string) => {
    if (match === '$${') return '${';
    if (name === undefined) {
      problems.push({
        path,
        message: 'has a `${` that is not a variable',
        hint: 'write `${VAR}` or `${VAR:-default}`; for a literal `${` write `$${`',
      });
      return match;
    }
    const value = env[name];
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
    if (value !== undefined) return value;
    problems.push({
      path,
      message: `needs the variable \`${name}\`, which is not set`,
      hint: `set it, or give a default: \`\${${name}:-…}\`; for a literal \`\${\` write \`$\${\``,
    });
    return match;
  });
}
