import { RunError } from '../base/errors.ts';
import type { Parsed, SourceText } from './source.ts';
import type { YamlFault } from './yaml-document.ts';

/**
 * Loads js-yaml.
 * @returns what parses with it, and throws RunError `config` with line and column; the text is not quoted
 */
export async function loadYamlParser(): Promise<(source: SourceText) => Parsed> {
  const { readYaml } = await import('./yaml-document.ts');
  return ({ text, name, purpose }) => {
    const read = readYaml(text);
    if ('reason' in read) throw syntaxError(read, name);
    const [value, ...others] = read.values;
    if (others.length === 0) return { value, lineOf: read.lineOf };
    throw new RunError('config', `the ${purpose} must be a single YAML document`, {
      where: name,
      hint:
        purpose === 'config'
          ? 'split it, and pass each file with -c'
          : 'remove the other documents, which `---` separates',
    });
  };
}

function syntaxError({ reason, mark }: YamlFault, name: string): RunError {
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
