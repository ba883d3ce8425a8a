import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { KeyValues } from '../../src/base/secret-data.ts';
import { mergeKeys, selectKeys, type KeySelection } from '../../src/formats/keys.ts';

/** Values are the names of their keys, so that a result shows what became of each. */
function keysOf(...names: string[]): KeyValues {
  return new Map(names.map((name) => [name, name]));
}

function selected(names: readonly string[], selection: KeySelection): Readonly<Record<string, unknown>> {
  return Object.fromEntries(selectKeys(keysOf(...names), selection).values);
}

function includes(pattern: string, key: string): boolean {
  return selectKeys(keysOf(key), { include: [pattern] }).values.has(key);
}

describe('keys of an output', () => {
  test('all, sorted by code unit', () => {
    const { values, missing, collisions } = selectKeys(
      keysOf('b', 'é', 'a', 'Z', '10', '9', '__proto__'),
      {},
    );
    assert.deepEqual([...values.keys()], ['10', '9', 'Z', '__proto__', 'a', 'b', 'é']);
    assert.deepEqual([missing, collisions], [[], []]);
  });

  test('include, then exclude, then rename, then case and prefix', () => {
    assert.deepEqual(
      selected(['user', 'password', 'debug', 'debug_level', 'host'], {
        include: ['*e*', 'password'],
        exclude: ['debug*'],
        rename: { user: 'login' },
        case: 'upper',
        prefix: 'db_',
      }),
      { login: 'user', db_PASSWORD: 'password' },
    );
    assert.deepEqual(selected(['A', 'b'], { case: 'lower' }), { a: 'A', b: 'b' });
    assert.deepEqual(selected(['a', 'b'], { include: [] }), {});
    assert.deepEqual(selected(['constructor', 'a'], { rename: { a: 'toString' } }), {
      constructor: 'constructor',
      toString: 'a',
    });
  });

  test('sanitize makes names that variables can have, of all but renamed keys', () => {
    const names = ['foo-bar.baz', '9lives', 'a/b', 'é🔐', 'plain_1', '', 'x-y'];
    assert.deepEqual(selected(names, { sanitize: true, case: 'upper', rename: { 'x-y': 'x-z' } }), {
      FOO_BAR_BAZ: 'foo-bar.baz',
      _9LIVES: '9lives',
      A_B: 'a/b',
      __: 'é🔐',
      PLAIN_1: 'plain_1',
      _: '',
      'x-z': 'x-y',
    });
    assert.deepEqual(selected(['9-a'], { sanitize: true, prefix: 'N' }), { N9_a: '9-a' });
    const { collisions } = selectKeys(keysOf('a-b', 'a.b'), { sanitize: true });
    assert.deepEqual(collisions, [{ name: 'a_b', keys: ['a-b', 'a.b'] }]);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (key) => {
        assert.match(Object.keys(selected([key], { sanitize: true }))[0] ?? '', /^[A-Za-z_][A-Za-z0-9_]*$/);
      }),
    );
  });

  test('sanitize leaves the slashes of a tree to its format', () => {
    const names = (slash?: string): string[] => [
      ...selectKeys(keysOf('a-b/c.d'), { sanitize: true }, slash).values.keys(),
    ];
    assert.deepEqual([names(), names('/'), names('_'), names('.')].flat(), [
      'a_b_c_d',
      'a_b/c_d',
      'a_b_c_d',
      'a_b.c_d',
    ]);
  });

  test('exclude and rename work on the names in the secret', () => {
    assert.deepEqual(selected(['a', 'b'], { exclude: ['x', 'A'], rename: { a: 'x' }, case: 'upper' }), {
      x: 'a',
      B: 'b',
    });
  });

  test('keys that are named have to be there, those to leave out too; patterns need not match', () => {
    const { missing } = selectKeys(keysOf('a', 'b'), {
      include: ['a', 'gone', 'no*'],
      exclude: ['absent', 'b', 'none*'],
      rename: { gone: 'x', b: 'excluded', lost: 'y', 'x*': 'z' },
    });
    assert.deepEqual(missing, ['gone', 'absent', 'lost', 'x*']);
  });

  test('keys that would get one name are told', () => {
    const { collisions } = selectKeys(keysOf('a', 'A', 'b', 'c', 'X'), {
      case: 'upper',
      rename: { b: 'X', c: 'Y' },
    });
    assert.deepEqual(collisions, [
      { name: 'A', keys: ['A', 'a'] },
      { name: 'X', keys: ['X', 'b'] },
    ]);
    assert.deepEqual(selectKeys(keysOf('a', 'A'), { exclude: ['A'], case: 'upper' }).collisions, []);
  });
});

describe('patterns', () => {
  test('a star is any text, all else is itself', () => {
    const yes = [
      ['*', ''],
      ['**', 'a'],
      ['a*', 'a'],
      ['*a', 'ba'],
      ['a*b*c', 'axbxbc'],
      ['*b*', 'abc'],
    ] as const;
    const no = [
      ['a*a', 'a'],
      ['ab*ba', 'aba'],
      ['a?', 'ab'],
      ['a.c', 'abc'],
      ['A*', 'ab'],
      ['a*b', 'abc'],
    ] as const;
    for (const [pattern, key] of yes) assert.ok(includes(pattern, key), `${pattern} ${key}`);
    for (const [pattern, key] of no) assert.ok(!includes(pattern, key), `${pattern} ${key}`);
    assert.ok(includes('[a]+(', '[a]+('));
  });

  test('as a regular expression would say', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });
    fc.assert(
      fc.property(pattern, letters, (glob, key) => {
        const expected = new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(key);
        assert.equal(includes(glob, key), expected);
      }),
      { numRuns: 3000 },
    );
  });

  test('no pattern is slow', { timeout: 2000 }, () => {
    assert.ok(!includes(`${'a*'.repeat(1000)}b`, 'a'.repeat(100_000)));
  });
});

describe('several secrets', () => {
  const one = {
    name: 'one',
    values: new Map([
      ['user', '1'],
      ['a', 'x'],
    ]),
  };
  const two = {
    name: 'two',
    values: new Map([
      ['user', '2'],
      ['b', 'y'],
    ]),
  };
  const three = {
    name: 'three',
    values: new Map([
      ['user', '1'],
      ['b', 'y'],
    ]),
  };

  test('error: a key in more than one is told, even when the values are equal', () => {
    assert.deepEqual(mergeKeys([one, two, three], 'error').conflicts, [
      { key: 'user', secrets: ['one', 'two', 'three'] },
      { key: 'b', secrets: ['two', 'three'] },
    ]);
    const { values, conflicts } = mergeKeys([one], 'error');
    assert.deepEqual([Object.fromEntries(values), conflicts], [{ user: '1', a: 'x' }, []]);
  });

  test('first and last have their way', () => {
    for (const [onConflict, user] of [
      ['first', '1'],
      ['last', '2'],
    ] as const) {
      const { values, conflicts } = mergeKeys([one, two], onConflict);
      assert.deepEqual([Object.fromEntries(values), conflicts], [{ user, a: 'x', b: 'y' }, []]);
    }
  });
});
