import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import yaml from 'yaml';
import { fieldsOf, METHOD_NAMES } from '../../src/auth/index.ts';
import { configFields, type ConfigFile } from '../../src/config/config-definition.ts';
import type { ConfigPath } from '../../src/config/interpolate.ts';
import { resolveVariables } from '../../src/config/resolve-variables.ts';
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
      '720h',
      '100000d',
      9_223_372_036.854,
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
      9_223_372_036.855,
      true,
      null,
      {},
    ],
    alphabet: '0159.hms ',
  },
  'time limit': {
    field: fields.timeLimit,
    right: ['90s', '24d20h', '500ms', 30, 1e-6, 2_147_483.647],
    wrong: ['', '0', '5x', 0, 1e-7, 2_147_483.648, true, null],
    alphabet: '0159.hms ',
  },
  percentage: {
    field: fields.percentage,
    right: ['80%', '1%', '99%', '0.5%', '07.50%', '99.999%'],
    wrong: ['', '0%', '00.0%', '100%', '150%', '-1%', '80', '80 %', '%', '.5%', '1.%', 80, 0.8, true, null],
    alphabet: '0189.% ',
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

/** Whether the variables are accepted in the end. */
function resolves(environment: unknown): boolean {
  const source = { kind: 'file', name: 'a', directory: '/', value: {}, placeOf: () => 'a' } as const;
  const merged = { value: {}, originOf: (path: ConfigPath) => ({ source, path }) };
  try {
    resolveVariables(accept(config, { environment }) as ConfigFile, merged);
    return true;
  } catch {
    return false;
  }
}

/** Whether the program accepts it as this key of a config. */
function acceptsAs(name: string, value: unknown): boolean {
  const field = config.members[name]?.field;
  return field !== undefined && takes(field, value) && (name !== 'environment' || resolves(value));
}

/** What no pattern can tell: 10 days and 15 more are too long together. */
function isTooLong(field: Definition, value: unknown): boolean {
  if ((field !== fields.duration && field !== fields.timeLimit) || typeof value !== 'string') return false;
  return /\d/.test(value) && !takes(field, value) && takes(field, value.replace(/\d{2,}(?:\.\d+)?/g, '1'));
}

type Sample = readonly [key: string, value: unknown];

const asAuth = (value: object): Sample => ['auth', value];
const asOutput = (value: object): Sample => ['outputs', [{ path: 'a', ...value }]];
const asSecret = (value: object): Sample => ['secrets', { a: { path: 'a/b', ...value } }];
const asVariable = (value: unknown): Sample => ['environment', { A: value }];
const asAll = (value: unknown): Sample => ['environment', { '*': value }];

const RIGHT_TOGETHER: readonly Sample[] = [
  asAuth({ method: 'approle', role_id_file: 'a' }),
  asAuth({ method: 'approle', role_id: 'a', secret_id_file: 'b', secret_id_wrapped: true }),
  asAuth({ method: 'approle', role_id: 'a', secret_id_wrapped: false }),
  asAuth({ method: 'aws', role: 'a', access_key_id: 'a', secret_access_key_file: 'b' }),
  asAuth([{ method: 'token' }, { method: 'jwt', source: 'gitlab' }]),
  asOutput({ template: 'a' }),
  asOutput({ contents: '', token: false }),
  asOutput({ format: 'raw', key: 'a', secret: 'a' }),
  asOutput({ key: 'a', secret: 'a' }),
  asOutput({ token: 'true', wrap_ttl: '1m' }),
  ['outputs', [{ kubernetes_secret: { name: 'a', key: 'b' }, value: 'a/b#c' }]],
  asSecret({ list: true, include: ['a'] }),
  asSecret({ list: false, recursive: true, max_secrets: 3 }),
  asSecret({ reuse: true, max_age: '1h' }),
  asVariable('a/b#c'),
  asVariable({ template: 'a' }),
  asVariable({ token: true, min_ttl: '1h', mask: false }),
  asAll('a/b'),
  asAll(['a/b', { value: 'a', keys: { prefix: 'A_' }, mask: true }]),
];

const WRONG_TOGETHER: readonly Sample[] = [
  asAuth({ method: 'approle' }),
  asAuth({ method: 'approle', role_id: 'a', role_id_env: 'b' }),
  asAuth({ method: 'approle', role_id: 'a', secret_id_wrapped: true }),
  asAuth({ method: 'approle', role_id: 'a', remove_secret_id_file: true, secret_id_env: 'A' }),
  asAuth({ method: 'aws', role: 'a', access_key_id: 'a' }),
  asAuth({ method: 'aws', role: 'a', session_token: 'a' }),
  asAuth({ method: 'cert', client_key: 'a' }),
  asAuth([{ method: 'token', token: 'a', token_file: 'b' }]),
  asAuth({ method: 'userpass', username: 'a' }),
  asAuth({ type: 'kubernetes', role: 'a' }),
  asOutput({}),
  asOutput({ token: false }),
  asOutput({ template: 'a', contents: 'b' }),
  asOutput({ value: 'a/b#c', format: 'json', secret: 'a' }),
  asOutput({ token: true, template: 'a' }),
  asOutput({ key: 'a' }),
  asOutput({ template: 'a', wrap_ttl: '1m' }),
  asOutput({ template: 'a', kubernetes_secret: { name: 'a', key: 'b' } }),
  ['outputs', [{ template: 'a' }]],
  asSecret({ list: true, recursive: 'true' }),
  asSecret({ version: 1, write: {} }),
  asSecret({ include: ['a'] }),
  asSecret({ reuse: true }),
  asSecret({ max_age: '1h' }),
  asVariable('a/b'),
  asVariable(['a/b#c']),
  asVariable({ value: 'a' }),
  asVariable({ value: 'a/b#c', keys: {} }),
  asVariable({ value: 'a/b#c', template: 'a' }),
  asVariable({}),
  asAll({ template: 'a' }),
  asAll({ value: 'a', min_ttl: '1h' }),
  asAll([]),
];

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
    for (const [name, { field }] of Object.entries(config.members)) {
      const schema = jsonSchemaOf(field);
      fc.assert(
        fc.property(nearly(field), (value) => {
          if (!takes(field, value) || (name === 'environment' && !resolves(value))) return;
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

  test('combinations of keys: the program and the schema agree', () => {
    const schema = configJsonSchema(config);
    for (const [expected, samples] of [
      [true, RIGHT_TOGETHER],
      [false, WRONG_TOGETHER],
    ] as const) {
      for (const [name, value] of samples) {
        const text = `${name}: ${JSON.stringify(value)}`;
        assert.equal(acceptsAs(name, value), expected, `program: ${text}`);
        assert.equal(isValid({ [name]: value }, schema, schema), expected, `schema: ${text}`);
      }
    }
  });

  test('of what depends on a variable, nothing is said', () => {
    const schema = configJsonSchema(config);
    for (const valid of [
      { auth: { method: '${METHOD}', role: 'a' } },
      { outputs: [{ path: 'a', token: '${TOKEN}' }] },
      { outputs: [{ path: 'a', token: '${TOKEN}', template: 'a' }] },
      { secrets: { a: { path: 'a', list: true, recursive: '${ALL}' } } },
      { secrets: { a: { path: 'a', list: '${ALL}', include: ['a'] } } },
    ])
      assert.ok(isValid(valid, schema, schema), JSON.stringify(valid));
  });

  test('each value of an enumeration has its meaning', () => {
    const found: JsonSchema[] = [];
    JSON.stringify(configJsonSchema(config), function (this: JsonSchema, key, value: unknown) {
      if (key === 'enum' && (value as unknown[]).every((one) => typeof one === 'string')) found.push(this);
      return value;
    });
    assert.ok(found.length > 10);
    for (const { enum: values = [], enumDescriptions = [] } of found) {
      assert.equal(enumDescriptions.length, values.length, values.join());
      for (const text of enumDescriptions) assert.match(text, /^\S.*\.$/);
    }
  });

  test('each login method has its name as the title, once', () => {
    const { $defs = {}, $id } = configJsonSchema(config);
    const titles = $defs['method']?.then?.allOf?.map(({ then }) => then?.title);
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
