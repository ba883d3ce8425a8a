import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import yaml from 'yaml';
import { fieldsOf, METHOD_NAMES } from '../../src/auth/index.ts';
import { configFields } from '../../src/config/config-definition.ts';
import { configJsonSchema, configReferenceMarkdown } from '../../src/config/reference.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { accept, REFUSED } from '../../src/shape/accept.ts';
import type { Definition } from '../../src/shape/definition.ts';
import * as fields from '../../src/shape/fields.ts';
import { jsonSchemaOf } from '../../src/shape/json-schema.ts';
import type { JsonSchema } from '../../src/shape/notations.ts';
import { isValid } from '../support/json-schema.ts';
import { nearly } from '../support/near-definitions.ts';

interface Samples {
  readonly field: Definition;
  readonly right: readonly unknown[];
  readonly wrong: readonly unknown[];
  /** What texts of this kind are made of. */
  readonly alphabet: string;
}

const PATHS = ['a', 'a/b', '/a/b', '/v1/a', '/v1', 'v1/a', 'é/b c', '...', 'a/..b', 'a@1', 'a\'"$b'];
const NO_PATHS = [
  '',
  '/',
  '//',
  '/v1/',
  'a//b',
  '/v1//a',
  '.',
  '..',
  'a/./b',
  '../a',
  'a\u0007',
  'a\u0085b',
  'a?b',
];

const SAMPLES: Readonly<Record<string, Samples>> = {
  boolean: {
    field: fields.boolean,
    right: [true, false, 'true', 'false'],
    wrong: ['True', ' true', '', 'yes', 0, 1, null, []],
    alphabet: 'true fals',
  },
  duration: {
    field: fields.duration,
    right: [
      '90s',
      '1h30m',
      '500ms',
      '1.5h',
      '30',
      '0.5',
      ' 5m ',
      '0s1ms',
      '00010',
      '1d',
      30,
      0.5,
      1e-6,
      2_147_483.647,
    ],
    wrong: [
      '',
      '0',
      '0s',
      '0.0',
      's',
      '5 m',
      '-5s',
      '5x',
      '1h30',
      '.5s',
      '5.s',
      '1e3',
      0,
      -1,
      1e-7,
      2_147_483.648,
      true,
      null,
      {},
    ],
    alphabet: '0159.hms ',
  },
  mode: {
    field: fields.mode,
    right: ['0400', '400', '0777', '000'],
    wrong: ['', '0o400', '4000', '04000', '0888', '40', ' 0400', 400, 0o400, true, null],
    alphabet: '0478 o',
  },
  number: {
    field: fields.integer(7, 1200),
    right: [7, 8, 99, 1000, 1200, 7.0, '7', '007', '19', '999', '1199', '01200'],
    wrong: [6, 1201, -7, 7.5, '', '6', '1201', '12000', '+7', '-7', '7.0', ' 7', '1e2', true, null],
    alphabet: '0127.-',
  },
  uid: {
    field: fields.uid,
    right: [0, 1000, 2 ** 32 - 2, '0', '1000', '4294967294', '0004294967294', '999999999'],
    wrong: [-1, 2 ** 32 - 1, 0.5, '', '4294967295', '4294967300', '5000000000', '10000000000', 'root', null],
    alphabet: '049 5',
  },
  'rate limit': {
    field: fields.rateLimit,
    right: ['50', '50:100', '0.5', '0.5:1', ' 1:01 ', '1.50:3', 50, 0.5, 1e20],
    wrong: ['', '0', '0:1', '0.0', '1:0', ':1', '1:', '1:1.5', '1 : 1', '-1', 0, -1, 1e-7, 1e21, true, null],
    alphabet: '015.: ',
  },
  path: {
    field: fields.secretPath,
    right: PATHS,
    wrong: [...NO_PATHS, 'a/', 'a#b', 'a/b#c', 1, null, ['a']],
    alphabet: 'av1/.?#\u0007',
  },
  mount: {
    field: fields.mountPath,
    right: [...PATHS.filter((path) => path !== '/v1/a'), 'a/', '/a/', '/v1/a/', '/v1/'],
    wrong: [...NO_PATHS.filter((path) => path !== '/v1/'), 'a#b', 1, null],
    alphabet: 'av1/.?#\u0007',
  },
  reference: {
    field: fields.reference,
    right: [
      'a/b#c',
      'a/b#c@3',
      'a/b#/x/y',
      'a#c',
      '#a/b#c'.slice(1),
      'a#@3',
      'a#c@x',
      'a#c@0',
      'a/b#c\nd',
      'a/b#c#d',
      '/v1/a#c',
      'a/b#"c@3"',
      'a/b#"c"@3',
      'a#x."c.d".e"f',
      String.raw`a#"\u00e4\""`,
      'a#/"c',
      'a/b%23#c',
    ],
    wrong: [
      ...['', 'a', '#c', 'a#', 'a/b#', 'a#c@3', 'a/#c', 'a//b#c', 'a/..#c', 'a/../b#c', 'a/b?c#d', 1, null],
      ...['a#"c', 'a#"c"d', 'a/b#c."d', String.raw`a#"\x"`, 'a#"c"@3', 'a#"\n"'],
    ],
    alphabet: 'ab/#@30.\n"\\',
  },
};

const config = configFields(await fieldsOf(METHOD_NAMES));

const takes = (field: Definition, value: unknown): boolean => accept(field, value) !== REFUSED;

/** What no pattern can tell: 10 days and 15 more are too long together. */
function isTooLong(field: Definition, value: unknown): boolean {
  if (field !== fields.duration || typeof value !== 'string') return false;
  return /\d/.test(value) && !takes(field, value) && takes(field, value.replace(/\d{2,}(?:\.\d+)?/g, '1'));
}

describe('the JSON Schema', () => {
  for (const [name, { field, right, wrong, alphabet }] of Object.entries(SAMPLES)) {
    const schema = jsonSchemaOf(field);

    test(`${name}: right and wrong samples, for the parser and the schema alike`, () => {
      for (const [samples, expected] of [
        [right, true],
        [wrong, false],
      ] as const) {
        for (const sample of samples) {
          assert.equal(takes(field, sample), expected, `parser: ${JSON.stringify(sample)}`);
          assert.equal(isValid(sample, schema, schema), expected, `schema: ${JSON.stringify(sample)}`);
        }
      }
      assert.ok(isValid('${VAR}', schema, schema));
      assert.ok(isValid('a${VAR:-x}b', schema, schema));
      assert.ok(name === 'path' || name === 'mount' || !isValid('$${VAR}', schema, schema));
    });

    test(`${name}: any text, for the parser and the schema alike`, () => {
      const texts = fc.string({ unit: fc.constantFrom(...Array.from(alphabet)), maxLength: 12 });
      fc.assert(
        fc.property(texts, (text) => {
          if (isTooLong(field, text)) return;
          assert.equal(isValid(text, schema, schema), takes(field, text), JSON.stringify(text));
        }),
        { numRuns: 3000 },
      );
    });
  }

  test('refuses nothing that the program accepts', () => {
    let accepted = 0;
    for (const { field } of Object.values(config.members)) {
      const schema = jsonSchemaOf(field);
      fc.assert(
        fc.property(nearly(field), (value) => {
          if (!takes(field, value)) return;
          accepted += 1;
          assert.ok(isValid(value, schema, schema), JSON.stringify(value));
        }),
        { numRuns: 1000 },
      );
    }
    assert.ok(accepted > 1000, `only ${String(accepted)} were accepted`);
  });

  test('examples are valid as they are written; a value of a wrong type, an unknown key and a missing one are not', () => {
    const schema = configJsonSchema(config);
    const root = join(import.meta.dirname, '../../examples');
    const files = globSync('**/vaultonce.yaml', { cwd: root });
    assert.ok(files.length > 5);
    for (const file of files) {
      assert.ok(isValid(yaml.parse(readFileSync(join(root, file), 'utf8')), schema, schema), file);
    }
    for (const wrong of [
      { timeout: 'soon' },
      { outputs: [{ mode: 400 }] },
      { extra: 1 },
      { secrets: { a: {} } },
      { auth: { method: 'kubernetes' } },
      { auth: [] },
    ]) {
      assert.ok(!isValid(wrong, schema, schema), JSON.stringify(wrong));
    }
  });

  test('each login method has its name as the title, once', () => {
    const { $defs = {}, $id } = configJsonSchema(config);
    const titles = $defs['method']?.oneOf?.map(({ title }) => title);
    assert.deepEqual(titles?.toSorted(), METHOD_NAMES.toSorted());
    assert.match($id ?? '', /^https:/);
    const text = JSON.stringify(configJsonSchema(config));
    assert.equal(text.split('"title":"kubernetes"').length, 2);
  });

  test('defaults are texts of the config; ids have none', () => {
    const defaults: unknown[] = [];
    JSON.stringify(configJsonSchema(config), function (this: JsonSchema, key, value: unknown) {
      if (key === 'default' && typeof value !== 'object') defaults.push(value);
      return value;
    });
    assert.ok(defaults.length > 10);
    assert.deepEqual(
      defaults.filter((value) => typeof value !== 'string' || value === '0'),
      [],
    );
  });
});

describe('the reference', () => {
  test('every key has a type that says how it is written, in a table without padding', () => {
    const text = configReferenceMarkdown(config, Object.values(SETTINGS));
    const [keys = ''] = text.split('## Flags and environment');
    const rows = [...keys.matchAll(/^\| `(\S+)` \| (.*?) \| /gm)].map(([, key, type]) => [key, type]);
    assert.ok(rows.length > 150);
    assert.deepEqual(
      rows.filter(([, type = '']) => type === '' || /\bany\b|undefined/.test(type)),
      [],
    );
    for (const expected of [
      ['timeout', 'duration'],
      ['mode', 'mode (quoted octal)'],
      ['owner', 'uid'],
      ['group', 'gid'],
      ['rate_limit', 'rate limit'],
      ['concurrency', 'number'],
      ['value', 'reference'],
      ['mount', 'path'],
      ['allow_disk', 'boolean'],
    ]) {
      assert.ok(
        rows.some(([key, type]) => key === expected[0] && type === expected[1]),
        String(expected),
      );
    }
    assert.doesNotMatch(text, / {3,}|-{4,}/);
  });
});
