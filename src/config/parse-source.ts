import { DEEPEST, nestsTooDeep } from '../base/depth.ts';
import { RunError } from '../base/errors.ts';
import { parseJson } from '../base/lossless-json.ts';
import { positionOfJsonError } from './json-position.ts';
import { repeatedKeyIn } from './repeated-key.ts';
import type { Parsed, Purpose, Source, SourceText } from './source.ts';

/** What to write into an empty file, or into one that holds something else. */
const CONTENT_HINTS: Readonly<Record<Purpose, string>> = {
  config: 'a config needs at least `secrets:` and `outputs:`; `vaultonce schema --markdown` lists all keys',
  'defaults file': 'write keys of a config into it, as `vault: { address: https://vault.example.com:8200 }`',
  'fixtures file': 'write the values of each secret under its name: `db: { password: x }`',
  'file to migrate': 'check the path',
};

/**
 * Parses a config or fixtures. YAML is loaded only for YAML.
 * @throws RunError `config` with line and column. The text itself is never quoted: it may hold a secret.
 */
export async function parseSource(source: SourceText): Promise<Source> {
  try {
    return await parse(source);
  } catch (error) {
    if (!(error instanceof RunError) || source.purpose === 'fixtures file') throw error;
    const { recogniseConfig } = await import('./recognise.ts');
    const mistakes = error.failures.map(({ message }) => message);
    const finding = recogniseConfig(source.text, mistakes);
    if (finding === undefined) throw error;
    const { line, message, ...more } = finding;
    throw new RunError('config', message, { where: `${source.name}:${String(line)}`, ...more });
  }
}

async function parse(source: SourceText): Promise<Source> {
  if (source.format === 'yaml') {
    const { readPlainYaml } = await import('./plain-yaml.ts');
    const plain = readPlainYaml(source.text);
    if (plain !== undefined) return checked(source, plain);
    const { loadYamlParser } = await import('./parse-yaml.ts');
    return checked(source, (await loadYamlParser())(source));
  }
  return checked(source, { value: parseJsonConfig(source), lineOf: () => undefined });
}

function checked({ purpose, name, directory }: SourceText, { value, lineOf }: Parsed): Source {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return {
      kind: 'file',
      name,
      directory,
      value: withoutSchema(value as Record<string, unknown>, purpose),
      placeOf: (path) => {
        const line = lineOf(path);
        return line === undefined ? name : `${name}:${String(line)}`;
      },
    };
  }
  const empty = value === null || value === undefined;
  throw new RunError('config', `the ${purpose} is ${empty ? 'empty' : 'not a map of keys'}`, {
    where: name,
    hint: CONTENT_HINTS[purpose],
  });
}

/** Editors look for a schema there, and JSON has no comments to name it in. */
function withoutSchema(fields: Source['value'], purpose: Purpose): Source['value'] {
  if (purpose === 'fixtures file' || typeof fields['$schema'] !== 'string') return fields;
  return Object.fromEntries(Object.entries(fields).filter(([key]) => key !== '$schema'));
}

function parseJsonConfig(source: SourceText): unknown {
  const { text, name, purpose } = source;
  if (nestsTooDeep(text)) {
    throw new RunError('config', `the ${purpose} nests deeper than ${String(DEEPEST)} levels`, {
      where: name,
      hint: 'check the path: no config is that deep',
    });
  }
  let value: unknown;
  try {
    // What a fixture stands for is read from the server in this way, too.
    value = purpose === 'fixtures file' ? parseJson(text) : JSON.parse(text);
  } catch {
    throw invalidJson(source, positionOfJsonError(text), {
      hint: 'look for a missing or extra comma, quote or bracket at or before this place',
    });
  }
  const repeated = repeatedKeyIn(text);
  if (repeated === undefined) return value;
  throw invalidJson(source, repeated, {
    problem: ': the map has this key already',
    hint: 'remove one of the two, or rename it',
  });
}

function invalidJson(
  { text, name }: SourceText,
  position: number,
  { problem = '', hint }: { readonly problem?: string; readonly hint: string },
): RunError {
  const before = text.slice(0, position);
  const line = before.split('\n').length;
  const column = before.length - before.lastIndexOf('\n');
  return new RunError('config', `invalid JSON at column ${String(column)}${problem}`, {
    where: `${name}:${String(line)}`,
    hint,
  });
}
