import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { JsonValue, Secrets } from '../../src/base/secret-data.ts';
import { DeclaredSecrets } from '../../src/migrate/declared-secrets.ts';
import { emit } from '../../src/migrate/go-template/emit.ts';
import { GoSyntaxError, lexGo, unquoteGo } from '../../src/migrate/go-template/lex-go.ts';
import { convertGo } from '../../src/migrate/go-template/convert.ts';
import { parseGo } from '../../src/migrate/go-template/parse-go.ts';
import { section, textPiece, type Piece } from '../../src/migrate/go-template/pieces.ts';
import { HclSyntaxError, type HclValue } from '../../src/migrate/hcl/hcl-syntax.ts';
import { parseHcl } from '../../src/migrate/hcl/parse-hcl.ts';
import { yamlOf } from '../../src/migrate/config-yaml.ts';
import { load } from 'js-yaml';
import { parse as parseYaml } from 'yaml';
import { Secret } from '../../src/base/secret.ts';
import { parseTemplate } from '../../src/template/parse.ts';
import { renderTemplate } from '../support/render-template.ts';

/** A secret whose key is there. */
const SECRETS: Secrets = new Map([
  [
    'db',
    { kind: 'found', name: 'db', keys: new Secret(new Map([['yes', 'value']])), metadata: { path: 'db' } },
  ],
]);

/** What a value of HCL is in JSON; of keys that repeat the last counts. */
function plain(value: HclValue): unknown {
  switch (value.kind) {
    case 'text':
      return value.text;
    case 'number':
      return Number(value.text);
    case 'boolean':
      return value.isTrue;
    case 'null':
      return null;
    case 'list':
      return value.items.map(plain);
    case 'object':
      return Object.fromEntries(value.entries.map(({ key, value: inner }) => [key, plain(inner)]));
  }
}

const json = fc.letrec<{ value: unknown; object: Record<string, unknown> }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
}));

/** A text in HCL; quotes inside `${…}` would not end it. */
function hclText(text: string): string {
  return JSON.stringify(text).replaceAll('${', String.raw`\x24{`);
}

function hclValue(value: unknown): string {
  if (typeof value === 'string') return hclText(value);
  if (Array.isArray(value))
    return `[ # a list\n${value.map((item) => `${hclValue(item)}, // item\n`).join('')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{\n${hclBody(value as Record<string, unknown>)}}`;
}

function hclBody(object: Readonly<Record<string, unknown>>): string {
  return Object.entries(object)
    .map(([key, value]) => `/* next */ ${hclText(key)} = ${hclValue(value)}\n`)
    .join('');
}

describe('HCL', () => {
  test('whatever JSON says, also in the words of HCL', () => {
    fc.assert(
      fc.property(json.object, (object) => {
        assert.deepEqual(plain(parseHcl(JSON.stringify(object))), object);
        if (Object.keys(object).length > 0) assert.deepEqual(plain(parseHcl(hclBody(object))), object);
      }),
    );
  });

  test('any text is parsed or refused in words', () => {
    const part = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '=',
      '"',
      '<<EOF\n',
      'EOF\n',
      '<<-X\n',
      ' X\n',
      'a',
      '\\',
      '${',
      '#',
      '/*',
      '1',
      ',',
      '\n',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(part).map((parts) => parts.join('')),
        ),
        (text) => {
          try {
            parseHcl(text);
          } catch (error) {
            assert.ok(error instanceof HclSyntaxError);
            assert.ok(error.position >= 0 && error.position <= text.length);
          }
        },
      ),
    );
  });

  test('heredocs, labels, repeated blocks, octal numbers, and their lines', () => {
    const root = parseHcl(`# first
a = <<EOF
one
two
EOF
b = <<-X
    one

      two
    X
c = <<-X
    one
   two
    X
d = <<Y
x
  Y
method "jwt" "x" { n = 0644, s = "\${a "b" {}}", e = "\\u00e9\\x41\\101\\n" }
method { y = true }`);
    const lines = root.entries.map(({ key, line }) => [key, line]);
    assert.deepEqual(lines, [
      ['a', 2],
      ['b', 6],
      ['c', 11],
      ['d', 15],
      ['method', 18],
      ['method', 19],
    ]);
    const texts = root.entries.map(({ value }) => plain(value));
    assert.deepEqual(texts, [
      'one\ntwo\n',
      // An empty line does not start with the blanks of the end, so that none are left out.
      '    one\n\n      two\n',
      '    one\n   two\n',
      'x\n  ',
      { jwt: { x: { n: 644, s: '${a "b" {}}', e: 'éAA\n' } } },
      { y: true },
    ]);
  });
});

describe('the texts of Go', () => {
  test('quoted as Go and JSON both write them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const quoted = JSON.stringify(text);
        if (!/\\u[dD][89a-f]/.test(quoted)) assert.equal(unquoteGo(quoted.slice(1, -1), 0), text);
      }),
    );
  });

  test('any text is lexed or refused in words, and texts without delimiters stay', () => {
    const parts = [
      '{{',
      '}}',
      '{{- ',
      ' -}}',
      '/*',
      '*/',
      '"',
      '`',
      '.',
      '$x',
      ':=',
      '|',
      '(',
      ')',
      'if',
      'end',
      'else',
      ' ',
      '\n',
      'x',
      '1',
    ];
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...parts)).map((some) => some.join('')),
    );
    fc.assert(
      fc.property(text, (source) => {
        try {
          const template = parseGo(source);
          convertGo(template, { secrets: new DeclaredSecrets(), note: () => undefined });
          if (!source.includes('{{'))
            assert.deepEqual(lexGo(source), source === '' ? [] : [textPiece(source)]);
        } catch (error) {
          assert.ok(error instanceof GoSyntaxError, String(error));
        }
      }),
    );
  });

  test('what does not parse: what is wrong, and where', () => {
    const wrong: Readonly<Record<string, readonly [string, number]>> = {
      'a {{ .x': ['an action is not closed: the right delimiter is missing', 2],
      'a {{ "x }}': ['a text is not closed: its quote is missing', 5],
      '{{/* x }}': ['a comment is not closed: `*/` is missing', 2],
      '{{/* x */ }}': ['a comment must end its action: the right delimiter is missing', 7],
      '{{ if .x }}': ['a block is not closed: its `end` is missing', 0],
      'x{{ end }}': ['`end` without a block that it belongs to', 1],
      '{{ if .x }}{{ else }}{{ else }}{{ end }}': ['a block has a second `else`', 21],
      '{{ if .x }}{{ else unless }}{{ end }}': ['after `else` comes nothing, `if` or `with`', 19],
      '{{ (.x }}': ['a `)` is missing', 3],
      '{{ .x | }}': ['a value is missing', 0],
      '{{ .x ) }}': ['`)` where the action should end', 6],
      '{{}}': ['an action is empty', 0],
      '{{ define x }}{{ end }}': ['`define` needs a name in quotes', 0],
      '{{ "\\q" }}': ['a text has an escape that does not exist', 3],
      '{{ # }}': ['a character that no action has', 3],
    };
    for (const [source, [message, position]] of Object.entries(wrong)) {
      assert.throws(
        () => parseGo(source),
        (error) => {
          assert.ok(error instanceof GoSyntaxError, source);
          assert.deepEqual([error.message, error.position], [message, position], source);
          return true;
        },
      );
    }
  });
});

describe('templates that are written', () => {
  const name = (): string => 'db.yes';
  const text = fc
    .array(
      fc.constantFrom(' ', '  ', '\t', '\n', '\r\n', '{', '{{', '}}', '<%', '[[', 'x', 'line', '\u00a0'),
      { maxLength: 4 },
    )
    .map((parts) => textPiece(parts.join('')));
  const pieces = fc.letrec<{ all: Piece[]; one: Piece[] }>((tie) => ({
    all: fc.array(tie('one'), { maxLength: 6 }).map((some) => some.flat()),
    one: fc.oneof(
      { depthSize: 'small' },
      text.map((piece) => [piece]),
      fc.constant<Piece[]>([{ kind: 'name', name }]),
      fc.tuple(tie('all'), fc.boolean()).map(([inner, inverted]) => section(name, inner, inverted)),
    ),
  })).all;

  /** What the pieces mean, without a template. */
  const meaning = (all: readonly Piece[]): string => {
    let hidden = 0;
    let result = '';
    for (const piece of all) {
      if (piece.kind === 'open' && (piece.inverted || hidden > 0)) hidden += 1;
      else if (piece.kind === 'close' && hidden > 0) hidden -= 1;
      else if (hidden === 0 && piece.kind === 'text') result += piece.text;
      else if (hidden === 0 && piece.kind === 'name') result += 'value';
    }
    return result;
  };

  test('render to what their pieces are, blanks and line breaks included', () => {
    fc.assert(
      fc.property(pieces, (all) => {
        const { text: source } = emit(all);
        const template = parseTemplate(source, { file: undefined, partials: new Map() });
        const { text: rendered, failures } = renderTemplate(template, SECRETS);
        assert.deepEqual(failures, []);
        assert.equal(rendered, meaning(all));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('configs that are written', () => {
  test('both readers of YAML read what was meant', () => {
    // What YAML 1.1 or 1.2 reads as something else without quotes.
    const word = fc.constantFrom(
      ...[
        'null',
        '~',
        'true',
        'yes',
        'No',
        'on',
        'OFF',
        'y',
        'NaN',
        '.inf',
        '.5',
        '1e3',
        '0x1F',
        '0o7',
        '0644',
        '12:30',
      ],
      ...[
        '2001-01-01',
        '=',
        '<<',
        '-',
        '? a',
        'a: b',
        'a #b',
        '# a',
        'a#b',
        'a:',
        '- a',
        '[a',
        '{a',
        '*a',
        '&a',
        '!a',
        '@a',
        '%a',
        "it's",
        '',
      ],
    );
    fc.assert(
      fc.property(
        fc.dictionary(word, fc.oneof(word, fc.array(word)), { minKeys: 1, noNullPrototype: true }),
        (words) => {
          const text = yamlOf(words);
          assert.deepEqual(load(text), words);
          assert.deepEqual(parseYaml(text), words);
          assert.deepEqual(parseYaml(text, { version: '1.1' }), words);
        },
      ),
    );
    const value = fc.dictionary(fc.string(), json.value as fc.Arbitrary<JsonValue>, {
      minKeys: 1,
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(value, (config) => {
        const read = yamlOf(config);
        assert.deepEqual(load(read) ?? {}, config);
        assert.deepEqual(parseYaml(read) ?? {}, config);
      }),
    );
  });
});
