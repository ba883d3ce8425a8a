import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseDuration, parseTimeLimit } from '../../src/base/duration.ts';
import { RunError } from '../../src/base/errors.ts';
import { nearest } from '../../src/base/nearest.ts';
import { interpolate } from '../../src/config/interpolate.ts';
import { loadYamlParser } from '../../src/config/parse-yaml.ts';
import type { SourceText } from '../../src/config/source.ts';
import { parseRateLimit } from '../../src/shape/rate-limit.ts';
import { checkRef, parseRef } from '../../src/shape/ref.ts';
import { checkSecretPath } from '../../src/shape/vault-paths.ts';

const parseYaml = await loadYamlParser();

describe('interpolation', () => {
  test('variables, defaults, literals', () => {
    const env = { A: 'a', EMPTY: '', B: '${A}' };
    const cases: readonly (readonly [string, string])[] = [
      ['${A}', 'a'],
      ['x${A}y${A}z', 'xayaz'],
      ['${EMPTY}', ''],
      ['${EMPTY:-d}', 'd'],
      ['${NONE:-d}', 'd'],
      ['${NONE:-}', ''],
      ['${A:-d}', 'a'],
      ['$${A}', '${A}'],
      ['$$${A}', '$${A}'],
      ['$A $ {A} $', '$A $ {A} $'],
      ['${B}', '${A}'],
      ['{{a}} ${NONE:-x y:-z}', '{{a}} x y:-z'],
    ];
    for (const [text, expected] of cases) {
      assert.deepEqual(interpolate({ key: [text] }, env), { value: { key: [expected] }, problems: [] }, text);
    }
  });

  test('all problems at once, each with its place', () => {
    const { problems } = interpolate({ a: '${X} ${Y}', b: ['ok', { c: '${' }], d: '${1A}', e: '${A' }, {});
    assert.deepEqual(
      problems.map(({ path }) => path.join('.')),
      ['a', 'a', 'b.1.c', 'd', 'e'],
    );
  });

  test('a default cannot hold another variable, whether it is needed or not', () => {
    for (const text of ['${NONE:-${A}/x}', '${A:-${NONE:-y}}', 'x ${NONE:-y ${}', '${NONE:-$${A}}']) {
      const { problems } = interpolate({ a: text }, { A: 'a' });
      const [problem, ...others] = problems;
      assert.match(problem?.message ?? '', /^has a `\$\{` in the default of `(?:NONE|A)`$/, text);
      assert.deepEqual([problem?.path, others], [['a'], []]);
    }
  });

  test('a text without `${` is left alone, and any text can be written', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'A', ':', '-', '\n', 'é') }), (text) => {
        const escaped = text.replaceAll('${', () => '$${');
        // Before an escaped placeholder, further dollars stand for themselves.
        assert.deepEqual(interpolate(escaped, { A: 'never' }), { value: text, problems: [] });
      }),
    );
  });

  test('aliases that multiply end with an error', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 8; level += 1) {
      const alias = `*a${String(level - 1)}`;
      lines.push(
        `a${String(level)}: &a${String(level)} [${Array.from({ length: 10 }, () => alias).join(', ')}]`,
      );
    }
    const { value } = parseYaml({
      name: 'bomb.yaml',
      text: lines.join('\n'),
      directory: '/',
      format: 'yaml',
      purpose: 'config',
    });
    assert.throws(() => interpolate(value, {}), RunError);
  });
});

describe('YAML', () => {
  const source = (text: string): SourceText => ({
    purpose: 'config',
    name: 'x.yaml',
    text,
    directory: '/',
    format: 'yaml',
  });

  test('lines of keys, items and what is around them', () => {
    const { lineOf } = parseYaml(
      source(
        '# comment\nvault:\n  address: x\nsecrets: { a: b,\n  c: { path: d } }\noutputs:\n  - path: e\n    mode: 1\n  - { path: f }\nlist: [1, 2]\n',
      ),
    );
    const cases: readonly (readonly [(string | number)[], number | undefined])[] = [
      [['vault'], 2],
      [['vault', 'address'], 3],
      [['secrets', 'a'], 4],
      [['secrets', 'c', 'path'], 5],
      [['outputs', 0], 7],
      [['outputs', 0, 'mode'], 8],
      [['outputs', 1, 'path'], 9],
      [['outputs', 1, 'missing'], 9],
      [['outputs', 7], 6],
      [['list', 1], 10],
      [['nothing'], undefined],
    ];
    for (const [path, line] of cases) assert.equal(lineOf(path), line, path.join('.'));
  });

  test('aliases and merge keys are resolved, and lines are found beside them', () => {
    const { value, lineOf } = parseYaml(
      source('base: &base { mode: "0400" }\none: { <<: *base, path: x }\ntwo: *base\nthree: y\n'),
    );
    assert.deepEqual(value, {
      base: { mode: '0400' },
      one: { mode: '0400', path: 'x' },
      two: { mode: '0400' },
      three: 'y',
    });
    assert.equal(lineOf(['three']), 4);
    assert.equal(lineOf(['one', 'path']), 2);
  });

  test('YAML 1.2: no, 1e3 and 0o7 as people expect them; octal modes stay numbers', () => {
    assert.deepEqual(parseYaml(source('a: no\nb: "0440"\nc: 0440\nd: yes\n')).value, {
      a: 'no',
      b: '0440',
      c: 440,
      d: 'yes',
    });
  });

  test('mistakes are told with their line, never with their text', () => {
    for (const text of [
      'a: "canary',
      'a: b: canary',
      'a: [canary',
      'a: 1\na: canary',
      '\tcanary: x',
      'a: *canary',
      'a: !canary x',
      'a: "\\canary"',
      '- a\ncanary: b',
      '---\na: 1\n---\na: canary',
      '%canary',
    ]) {
      assert.throws(
        () => parseYaml(source(text)),
        (error) => {
          assert.ok(error instanceof RunError, text);
          assert.equal(error.exitCode, 3);
          assert.doesNotMatch(JSON.stringify(error.failures), /canary/, text);
          return true;
        },
      );
    }
  });
});

describe('small languages', () => {
  test('durations as Vault writes them', () => {
    const cases: readonly (readonly [string, number | undefined])[] = [
      ['90s', 90_000],
      ['1h30m', 5_400_000],
      ['500ms', 500],
      ['1d', 86_400_000],
      ['30', 30_000],
      ['0.5', 500],
      ['1.5s', 1500],
      [' 5s ', 5000],
      ['0', undefined],
      ['0s', undefined],
      ['-1s', undefined],
      ['1', 1000],
      ['s', undefined],
      ['1 s', undefined],
      ['5x', undefined],
      ['', undefined],
      ['768h', 2_764_800_000],
      ['99d', 8_553_600_000],
      ['106751d', 9_223_286_400_000],
      ['106752d', undefined],
    ];
    for (const [text, milliseconds] of cases) assert.equal(parseDuration(text), milliseconds, text);
    assert.equal(parseTimeLimit('24d20h'), 2_145_600_000);
    assert.deepEqual(['25d', '0s', 'x'].map(parseTimeLimit), [undefined, undefined, undefined]);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 0, max: 59 }),
        fc.integer({ min: 1, max: 59 }),
        (hours, minutes, seconds) => {
          const text = `${String(hours)}h${String(minutes)}m${String(seconds)}s`;
          assert.equal(parseDuration(text), ((hours * 60 + minutes) * 60 + seconds) * 1000);
        },
      ),
    );
  });

  test('paths: normalised, or refused with the reason', () => {
    for (const [path, value] of [
      ['secret/a', 'secret/a'],
      ['/secret/a', 'secret/a'],
      ['/v1/secret/a', 'secret/a'],
      ['a b/ü', 'a b/ü'],
      ['v1/x', 'v1/x'],
    ]) {
      assert.deepEqual(checkSecretPath(path ?? ''), { value });
    }
    for (const path of ['', '/', 'a/', 'a//b', 'a/../b', './a', 'a\nb', 'a?version=2', 'a#key']) {
      assert.ok('problem' in checkSecretPath(path), path);
    }
  });

  test('references', () => {
    assert.deepEqual(parseRef('secret/app/db#password'), {
      kind: 'path',
      path: 'secret/app/db',
      key: 'password',
      version: undefined,
    });
    assert.deepEqual(parseRef('secret/app/db#password@3'), {
      kind: 'path',
      path: 'secret/app/db',
      key: 'password',
      version: 3,
    });
    assert.deepEqual(parseRef('db#password'), { kind: 'name', name: 'db', key: 'password' });
    assert.deepEqual(parseRef('db#/a/b'), { kind: 'name', name: 'db', key: '/a/b' });
    for (const text of ['', 'db', '#key', 'db#', 'db#key@2']) assert.equal(parseRef(text), undefined, text);
    assert.deepEqual(parseRef('secret/db#"k@3"@2'), {
      kind: 'path',
      path: 'secret/db',
      key: '"k@3"',
      version: 2,
    });
    assert.deepEqual(parseRef('secret/a%23b%3fc%40%2541#k'), {
      kind: 'path',
      path: 'secret/a#b?c@%41',
      key: 'k',
      version: undefined,
    });
  });

  test('what is wrong with a reference', () => {
    const cases = [
      ['secret/db', /no secret and key/],
      ['secret/db/#k', /path ends with a slash/],
      ['secret//db#k', /path has a double slash/],
      ['secret/a?b#k', /path has a `\?` or `#`/],
      ['db#k@2', /a version, and no path/],
      ['secret/db#"k', /quotes in its key/],
      ['secret/db#"k"x', /quotes in its key/],
    ] as const;
    for (const [text, problem] of cases) {
      const checked = checkRef(text);
      assert.match('problem' in checked ? checked.problem : '', problem, text);
    }
    const checked = checkRef('secret/a?b#k');
    assert.match('problem' in checked ? (checked.hint ?? '') : '', /%23.*%3F/);
  });

  test('rate limits', () => {
    assert.deepEqual(parseRateLimit('10'), { perSecond: 10, burst: 10 });
    assert.deepEqual(parseRateLimit('0.5'), { perSecond: 0.5, burst: 1 });
    assert.deepEqual(parseRateLimit('10:20'), { perSecond: 10, burst: 20 });
    for (const text of ['', '0', '-1', '10:0', '10:', 'x', '10:1.5'])
      assert.equal(parseRateLimit(text), undefined, text);
  });

  test('the nearest name', () => {
    assert.equal(nearest('adress', ['address', 'namespace']), 'address');
    assert.equal(nearest('bd', ['db', 'cache']), 'db');
    assert.equal(nearest('port', ['path', 'key']), undefined);
    assert.equal(nearest('x', []), undefined);
  });
});
