import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BUN } from '../../.config/bun-runtimes.ts';
import { readPlainYaml } from '../../src/config/plain-yaml.ts';
import { EXAMPLES, PIECES, readsAsJsYaml, SUITE } from '../support/plain-yaml.ts';

const RUNS = 6000;

/** As `npm run bench` writes it. */
const OF_THE_BENCHMARK = `vault: { address: 'https://127.0.0.1:8200', tls: { ca_cert: '/tmp/a/ca.pem' } }
auth: { method: approle, role_id: '7c6f5a3e-0000-0000-0000-000000000000', secret_id: '7c6f5a3e-0000-0000-0000-000000000000' }
secrets:
  s0: secret/bench/s0
outputs:
  - { path: '0', contents: 'password={{s0.password}}' }
output: { directory: '/tmp/a/out' }`;

/** Mostly what is plain, with one odd thing now and then. */
const odd = { weight: 1, arbitrary: fc.constantFrom(...PIECES) };
const mostly = (...texts: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 25, arbitrary: fc.constantFrom(...texts) }, odd);

const indent = mostly('', '', '', '  ', '  ', '    ');
const key = mostly(
  'a: ',
  'b: ',
  'c-d: ',
  'e.f: ',
  'g/h: ',
  '_: ',
  "'*': ",
  '"i": ',
  'j:\n',
  'k:\n',
  'l: # c\n',
);
const scalar = mostly(
  ...[
    'x',
    'x y',
    'https://x:8200/y?z',
    '/a/b',
    '7',
    '30s',
    'true',
    'off',
    '2001-01-01',
    "'it''s'",
    "''",
    "'{{a}}'",
  ],
  ...['"a\\tb"', '"c: d # e"'],
);
const { value } = fc.letrec<{ value: string; map: string; list: string }>((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, { weight: 4, arbitrary: scalar }, tie('map'), tie('list')),
  map: fc
    .array(fc.tuple(key, tie('value')), { maxLength: 3 })
    .map((pairs) => `{ ${pairs.map(([name, one]) => `${name.trimEnd()} ${one}`).join(', ')} }`),
  list: fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
}));
const end = mostly('\n', '\n', '\n', '\n', ' # c\n', ' \n', '\n\n', '\n# c\n');
const block = fc
  .tuple(mostly('|\n', '|-\n'), fc.array(fc.tuple(mostly('  ', '    ', '      '), scalar), { maxLength: 4 }))
  .map(([header, lines]) => header + lines.map(([space, one]) => `${space}  ${one}\n`).join(''));
const line = fc
  .tuple(indent, mostly('', '', '', '- '), key, fc.oneof({ weight: 5, arbitrary: value }, block), end)
  .map((parts) => parts.join(''));
/** Lines in the ways that people write them, put together by chance. */
const lines = fc.array(line, { minLength: 1, maxLength: 4 }).map((some) => some.join(''));

const seeds = [...EXAMPLES.values(), OF_THE_BENCHMARK];
const edit = fc.record({
  at: fc.noBias(fc.nat(2000)),
  removed: fc.constantFrom(0, 0, 1, 2, 5),
  added: fc.constantFrom(...PIECES),
});
/** Texts that are a few steps away from good ones. */
const near = fc
  .tuple(
    fc.oneof(fc.constantFrom(...seeds), fc.constantFrom(...SUITE)),
    fc.array(edit, { minLength: 1, maxLength: 3 }),
  )
  .map(([seed, edits]) =>
    edits.reduce((text, { at, removed, added }) => {
      const from = at % (text.length + 1);
      return text.slice(0, from) + added + text.slice(from + removed);
    }, seed),
  );

describe('YAML that is read without js-yaml', () => {
  for (const [what, texts] of Object.entries({
    'lines of all kinds': lines,
    'texts near to good ones': near,
  })) {
    test(`${what}: what js-yaml takes as well, and makes the same of, line by line`, () => {
      let plain = 0;
      fc.assert(
        fc.property(texts, (text) => {
          if (readsAsJsYaml(text)) plain += 1;
        }),
        { numRuns: RUNS },
      );
      assert.ok(plain > RUNS / 40, `only ${String(plain)} were plain`);
    });
  }

  test('the YAML test suite', () => {
    assert.ok(SUITE.length > 400);
    assert.ok(SUITE.filter(readsAsJsYaml).length > 10);
  });

  test('every example, and what is measured, so that none of them loads it', () => {
    assert.ok(EXAMPLES.size > 20);
    for (const [file, text] of EXAMPLES) assert.ok(readsAsJsYaml(text), file);
    assert.ok(readsAsJsYaml(OF_THE_BENCHMARK));
  });

  test('what configs are made of', () => {
    for (const text of [
      '---\n# c\na: b\n',
      'a: b',
      'a:\n- b\n- c: d\n  e: f\n-   g: h\n    i:\n    - j\n',
      'a: [b, [c], { d: e }, ]\n',
      'a: {\n  b: c,\n  d: [e,\n    f],\n  }\n',
      'a: |\n  {{#b}}\n    c: d # e\n\n  {{/b}}\n\nf: |-\n   g\n',
      `a: "\\"\\n\\t\\\\\\/é"\nb: 'it''s'\n"c": ''\n'*': d # e\n`,
      'a: [10, 007, 0440, 0o440, 0.70, sh, -c, --, --a=b, ~/c]\nb: true\nc: 30s\nd: 127.0.0.1:8200\ne: https://f/g#h\ni: no\nj: ${K:-l m}\n',
      'constructor: a\ntoString: b\n',
    ])
      assert.ok(readsAsJsYaml(text), text);
  });

  test('js-yaml reads what is not certain', () => {
    for (const text of [
      ...[
        '',
        '# c\n',
        'a',
        'a:',
        'a: ~',
        'a: null\n',
        '- a\n',
        '{ a: b }\n',
        '"a"\n',
        '\ufeffa: b\n',
        'a: b\r\n',
        'a:\tb\n',
      ],
      ...['a: 1e3\n', 'a: 0x10\n', 'a: .inf\n', 'a: 9007199254740993\n', 'a: True\n', 'a: -1\n'],
      ...[
        'a: b\na: c\n',
        'a: { b: c, b: d }\n',
        '__proto__: a\n',
        "a: { '__proto__': b }\n",
        'null: a\n',
        '1: a\n',
        'a: b: c\n',
      ],
      ...[
        'a: &b c\n',
        'a: *b\n',
        '<<: { a: b }\n',
        'a: !!str b\n',
        'a: b\n---\nc: d\n',
        'a: b\n...\n',
        '%YAML 1.2\n---\na: b\n',
      ],
      ...[
        'a: b\n  c\n',
        "a: 'b\n  c'\n",
        'a: "\\u0041"\n',
        'a: >\n  b\n',
        'a: |+\n  b\n',
        'a: |2\n  b\n',
        'a: |\n  b',
        'a:\n  - |\n    b\n',
        'a:\n  - \n{ b: c }\n',
        'a:\n  -\n    b\n',
        'a:\n  - # c\n    b\n',
        'a: |\n  b\n \n',
        'a: |\n   b\n \n    # c\n',
      ],
      ...[
        'a:\n    b: c\n  d: e\n',
        '  a: b\nc: d\n',
        'a: b\n  c: d\n',
        'a:\n  b: |\n  c: d\n',
        'a:\n  b:\n- c\n',
        'a: {\nb: c }\n',
        'a: { b: c\n',
        'a: [b c: d]\n',
        '- - a\n',
        '? a\n: b\n',
      ],
      `a: ${'['.repeat(60)}${']'.repeat(60)}\n`,
      `a: ${'x '.repeat(300_000)}\n`,
    ])
      assert.equal(readPlainYaml(text), undefined, text.slice(0, 100));
  });

  test('the runtime of the standalone binary reads the same', () => {
    const texts = [...seeds, ...SUITE, ...fc.sample(fc.oneof(lines, near), 2000)];
    const host = join(import.meta.dirname, '../support/plain-yaml-host.ts');
    const read = execFileSync(BUN, ['--no-env-file', host], {
      input: JSON.stringify(texts),
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });
    const values = JSON.parse(read) as unknown[];
    for (const [index, text] of texts.entries())
      assert.deepStrictEqual(values[index], readPlainYaml(text)?.value ?? null, text);
    assert.ok(values.some((one) => one !== null));
  });
});
