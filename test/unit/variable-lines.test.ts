import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readVariableLines, type VariableLines } from '../../src/migrate/variable-lines.ts';

const read = (text: string): VariableLines => readVariableLines(text, 'lines');
const path = (text: string, version?: number): object => ({ kind: 'path', path: text, version });

/** What the lines declare: by name a reference, or all keys of a secret. */
const declared = (text: string): unknown => {
  const { variables, failures } = read(text);
  assert.deepEqual(failures, []);
  return variables.map(({ name, content }) => [name, 'ref' in content ? content.ref : content]);
};
const PAIR = [
  ['USER', { ...path('secret/data/ci/registry'), key: 'username' }],
  ['PASSWORD', { ...path('secret/data/ci/registry'), key: 'password' }],
];

describe('variables in the notation of vault-action', () => {
  test('an entry on each line, or with a `;` behind it, also on several lines', () => {
    const entries = ['secret/data/ci/registry username | USER', 'secret/data/ci/registry password|PASSWORD'];
    for (const text of [
      entries.join('\n'),
      entries.join(';'),
      `  ${entries.join(' ;\r\n\r\n  ')} ;\n`,
      entries.join(';').replaceAll(/ ?\| ?/g, ' |\n'),
    ])
      assert.deepEqual(declared(text), PAIR, JSON.stringify(text));
  });

  test('names that the action derives, keys within keys, versions, paths of the API', () => {
    assert.deepEqual(declared('/v1/secret/ci/registry username'), [
      ['USERNAME', { ...path('secret/ci/registry'), key: 'username' }],
    ]);
    assert.deepEqual(declared('secret/app hosts[0].name | HOST'), [
      ['HOST', { ...path('secret/app'), key: '/hosts/0/name' }],
    ]);
    assert.deepEqual(declared('secret/app "a.b"'), [['A__B', { ...path('secret/app'), key: '"a.b"' }]]);
    assert.deepEqual(declared('secret/app a.b.c'), [['A__B__C', { ...path('secret/app'), key: '/a/b/c' }]]);
    assert.deepEqual(declared('secret/app?version=3 key'), [
      ['KEY', { ...path('secret/app', 3), key: 'key' }],
    ]);
    // Of a declared secret.
    assert.deepEqual(declared('db key'), [['KEY', { kind: 'name', name: 'db', key: 'key' }]]);
  });

  test('all keys of a secret, whose names may begin with a prefix', () => {
    const keys = { sanitize: true, case: 'upper' };
    assert.deepEqual(declared('secret/app *'), [['*', { kind: 'keys', of: path('secret/app'), keys }]]);
    assert.deepEqual(declared('secret/app?version=2 * | app_'), [
      ['*', { kind: 'keys', of: path('secret/app', 2), keys: { ...keys, prefix: 'APP_' } }],
    ]);
    assert.deepEqual(declared('secret/app ** | App_'), [
      ['*', { kind: 'keys', of: path('secret/app'), keys: { sanitize: true, prefix: 'App_' } }],
    ]);
  });

  test('NAME=REF beside them', () => {
    assert.deepEqual(declared('A=secret/app#a key\nsecret/app b; C=db#c'), [
      ['A', { ...path('secret/app'), key: 'a key' }],
      ['B', { ...path('secret/app'), key: 'b' }],
      ['C', { kind: 'name', name: 'db', key: 'c' }],
    ]);
  });

  test('everything wrong at once, by its line, in words that quote nothing', () => {
    const text = [
      'secret/app good',
      'canary',
      '',
      'secret/app $sum(canary) | A ; secret/app canary |',
      'secret/app it-is | cana-ry',
      'A=secret/app',
      'secret/app?canary=1 key',
      'secret/app hvs.canary1234567',
    ].join('\n');
    const { failures } = read(text);
    assert.deepEqual(
      failures.map(({ where }) => where),
      ['2', '4', '4 (2)', '5', '6', '7', '8'].map((line) => `lines, line ${line}`),
    );
    assert.deepEqual(new Set(failures.map(({ kind }) => kind)), new Set(['usage']));
    for (const failure of failures) assert.doesNotMatch(JSON.stringify(failure), /canary|cana-ry/);
    for (const failure of failures) assert.ok(failure.hint);
    assert.equal(read(' ;\n').failures[0]?.message, 'the text names no variable');
  });

  test('any text is read, or refused with the line that it is on', () => {
    const word = fc.constantFrom(
      'secret/a',
      'key',
      '|',
      '*',
      ';',
      '\n',
      ' ',
      'N',
      'N=',
      '#',
      '"',
      'a.b',
      '[0]',
      '$x',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }), (words) => {
        const text = words.join('');
        const lines = text.split('\n').length;
        const { variables, failures } = read(text);
        const places = [...variables, ...failures].map(({ where = '' }) => where);
        assert.equal(new Set(places).size, places.length);
        for (const where of places) {
          const line = Number(/line (\d+)(?: \(\d+\))?$/.exec(where)?.[1] ?? 1);
          assert.ok(line >= 1 && line <= lines, where);
        }
        assert.ok(variables.length + failures.length > 0);
      }),
    );
  });
});
