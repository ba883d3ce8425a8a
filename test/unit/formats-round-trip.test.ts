import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { parse as parseProperties } from 'dot-properties';
import fc from 'fast-check';
import { CORE_SCHEMA, load } from 'js-yaml';
import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';
import { parseJson } from '../../src/base/lossless-json.ts';
import type { JsonValue, KeyValues } from '../../src/base/secret-data.ts';
import type { FormatProblem } from '../../src/formats/format.ts';
import { FORMATS, type FormatName as AnyFormatName } from '../../src/formats/index.ts';
import {
  hasJava,
  installed,
  pythonHas,
  readWithJava,
  readWithShell,
  runPython,
} from '../support/format-readers.ts';

/** Those whose content is there at once. */
type FormatName = Exclude<AnyFormatName, 'pkcs12'>;

/** What the format writes, or its problems. */
function write(name: FormatName, values: KeyValues): Buffer | readonly FormatProblem[] {
  const formatted = FORMATS[name].render(values, {} as never, {});
  if (formatted.problems !== undefined) return formatted.problems;
  assert.equal(formatted.files.length, 1);
  return Buffer.from(formatted.files[0]!.content);
}

function written(name: FormatName, values: KeyValues | Readonly<Record<string, JsonValue>>): Buffer {
  const content = write(
    name,
    values instanceof Map ? (values as KeyValues) : new Map(Object.entries(values)),
  );
  assert.ok(Buffer.isBuffer(content), `${name} refuses ${JSON.stringify(content)}`);
  return content;
}

/** The problem with one key; it never holds the value. */
function refusal(name: FormatName, key: string, value: JsonValue): FormatProblem {
  const problems = write(
    name,
    new Map([
      ['fine', 'x'],
      [key, value],
    ] as [string, JsonValue][]),
  );
  assert.ok(!Buffer.isBuffer(problems), `${name} takes ${JSON.stringify([key, value])}`);
  assert.deepEqual(
    problems.map((problem) => problem.key),
    [key],
  );
  const [problem] = problems;
  assert.doesNotMatch(`${problem!.reason} ${problem!.hint ?? ''}`, /canary/);
  assert.ok(problem!.hint !== undefined && problem!.hint.length > 0);
  return problem!;
}

/** Any text, with what is special to the formats more often. */
const anyText = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('a', 'B', '7', '-', '_', '.', '/', 'n', 'é', '🔐', '日') },
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          "'",
          '"',
          '\\',
          '$',
          '`',
          '#',
          ';',
          '=',
          ':',
          '%',
          '!',
          '[',
          ']',
          '{',
          '&',
        ),
      },
      { weight: 2, arbitrary: fc.constantFrom(' ', '\t', '\n', '\r', '\f', '\v', '\u00a0', '\u3000') },
      { weight: 1, arbitrary: fc.constantFrom('\u0085', '\u2028', '\u2029', '\ufeff', '\x7f', '\x1c', '\0') },
      { weight: 1, arbitrary: fc.constantFrom('\ufffe', '\uffff', '\ud800', '\udfff', '$(id)', 'export ') },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) },
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

/** Texts that plain configurations have: no format may refuse one of them. */
const PLAIN = [
  ...[
    '',
    'a',
    'no',
    'null',
    '~',
    '1e3',
    '0o7',
    '1.10',
    '-5',
    'true',
    '2026-01-01',
    '12:30:45',
    'a b  c',
    '<<',
  ],
  ...[
    'postgres://web:p4ss@db.example.com:5432/web?sslmode=verify-full',
    'Grüße 日本語 🔐',
    'a=b:c',
    '=',
    '[x]',
  ],
  ...['{"a": 1}', "it's", 'say "hi"', '$HOME ${HOME} $(id) `id`', '*', '&a', '!x', '|', '@x', 'a,b', '-n'],
];
/** Texts with a form in every format but `ini`. */
const HARD = [
  ...[
    ' x',
    'x ',
    '\tx',
    ' ',
    'a\nb',
    'a\r\nb\n',
    '\n',
    '\\',
    'C:\\new\\table',
    '\\\\host\\',
    '#x',
    'a #b',
    '; x',
  ],
  ...['\u0085', '\u2028', '\ufeff', '\x7f', '\ufffe', '\x01', "'", "''", '"', '"""', '%(x)s', '100%', '!a\\'],
];

const samples = fc.sample(anyText, { numRuns: 1500, seed: 1 }).concat(PLAIN, HARD);

/** Splits values into those that are carried, by a name, and those that are refused. */
function sort(name: FormatName, values: readonly string[]) {
  const isCarried = (value: string): boolean => Buffer.isBuffer(write(name, new Map([['K', value]])));
  const refused = values.filter((value) => !isCarried(value));
  const carried = values.filter(isCarried).map((value, index) => [`K${String(index)}`, value] as const);
  for (const plain of PLAIN) assert.ok(!refused.includes(plain), `${name} refuses ${JSON.stringify(plain)}`);
  return { carried: new Map(carried), refused };
}

describe('shell', () => {
  const { carried, refused } = sort('shell', samples);

  test('only a NUL and halves of surrogate pairs are refused', () => {
    for (const value of refused)
      assert.ok(value.includes('\0') || !value.isWellFormed(), JSON.stringify(value));
    assert.match(refusal('shell', 'K', 'canary\0').reason, /^cannot be written as shell: .*NUL/);
    assert.match(refusal('shell', 'K', 'canary\ud800').reason, /surrogate/);
  });

  for (const shell of installed('sh', 'dash', 'bash')) {
    test(`${shell} gets the same values when it sources the file`, () => {
      const variables = Object.entries(readWithShell(shell, written('shell', carried)));
      const own = variables.filter(([name]) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name));
      assert.deepEqual(Object.fromEntries(own), Object.fromEntries(carried));
      assert.ok(carried.size > 1000);
    });
  }

  test('each value has one form', () => {
    const values = parseJson(`{"A":"it's","_b1":"","N":1.10,"T":true,"Z":null,"L":[1,"a"]}`) as object;
    assert.equal(
      written('shell', { ...values }).toString(),
      `export A='it'\\''s'\nexport _b1=''\nexport N='1.10'\nexport T='true'\nexport Z=''\nexport L='[1,"a"]'\n`,
    );
    assert.equal(written('shell', {}).toString(), '');
  });

  test('names are those of variables', () => {
    for (const name of ['1a', 'a-b', 'a.b', 'a b', '', 'é', 'a=b', 'a\n', '$(id)']) {
      assert.match(refusal('shell', name, 'canary').reason, /not a name/);
    }
  });

  const [bash] = installed('bash');
  test(bash ? 'every variable of bash holds its value, or is refused' : 'bash is not on this machine', () => {
    // Assigned to RANDOM or OPTIND, this would be run.
    const value = 'x[$(echo ran >&2)]';
    if (bash === undefined) return;
    const noisy = ['BASH_COMPAT', 'BASH_XTRACEFD', 'LC_ALL'];
    const known = execFileSync(bash, ['-c', 'compgen -v'], { encoding: 'utf8' }).trim().split('\n');
    const names = new Set([
      ...known,
      'FUNCNAME',
      'PIPESTATUS',
      'BASH_ALIASES',
      'BASH_CMDS',
      'RANDOM',
      'SRANDOM',
    ]);
    for (const name of [...names].filter((known) => !noisy.includes(known))) {
      const content = write('shell', new Map([[name, value]]));
      if (!Buffer.isBuffer(content)) continue;
      const read = Buffer.concat([content, Buffer.from(`VALUE="$${name}"; unset ${name}; export VALUE\n`)]);
      assert.equal(readWithShell(bash, read)['VALUE'], value, name);
    }
  });

  test('a name whose value a shell would run is refused', () => {
    const value = 'canary[$(id)]';
    assert.match(refusal('shell', 'RANDOM', value).reason, /runs what is assigned/);
    assert.match(refusal('dotenv', 'OPTIND', value).reason, /runs what is assigned/);
    assert.match(refusal('shell', 'UID', value).reason, /keeps for itself/);
  });

  /** What zsh takes for numbers, and other shells do not keep for themselves. */
  const numbers = [
    ...['BAUD', 'COLUMNS', 'DIRSTACKSIZE', 'EGID', 'ERRNO', 'FUNCNEST', 'GID', 'HISTSIZE', 'KEYTIMEOUT'],
    ...['LINES', 'LISTMAX', 'LOGCHECK', 'MAILCHECK', 'MENUSCROLL', 'PERIOD', 'REPORTMEMORY', 'REPORTTIME'],
    ...['SAVEHIST', 'SHLVL', 'TMOUT', 'TRY_BLOCK_ERROR', 'TRY_BLOCK_INTERRUPT', 'ZFTP_TMOUT'],
    'ZLE_RPROMPT_INDENT',
  ];

  test('what zsh takes for a number holds numbers only', () => {
    for (const name of numbers) {
      for (const format of ['shell', 'dotenv'] as const) {
        for (const value of [
          'canary[$(id)]',
          'canary',
          '',
          ' 7',
          '7\n',
          '1.5',
          '010',
          '16#a',
          '9'.repeat(19),
        ])
          assert.match(refusal(format, name, value).reason, /a number to zsh/);
      }
      for (const value of ['0', '7', '-1', '120000', '9'.repeat(18)])
        assert.equal(written('shell', { [name]: value }).toString(), `export ${name}='${value}'\n`);
      assert.equal(written('dotenv', { [name]: 24 }).toString(), `${name}=24\n`);
    }
    for (const name of ['UID', 'EUID', 'SECONDS'])
      assert.match(refusal('dotenv', name, 'canary').reason, /a number to zsh/);
    const ofZshAlone = ['USERNAME', 'path', 'status', 'version', 'options', 'argv', 'LOGNAME', 'PROMPT'];
    for (const name of ofZshAlone)
      assert.equal(written('shell', { [name]: 'a[1]' }).toString(), `export ${name}='a[1]'\n`);
  });

  for (const zsh of installed('zsh')) {
    test('zsh runs no value of a variable that it knows', () => {
      const value = 'path[$(echo ran >&2)]';
      const known = execFileSync(zsh, ['-fc', 'typeset +'], { encoding: 'utf8' });
      const names = new Set([...numbers, ...(known.match(/[A-Za-z_]\w*$/gm) ?? [])]);
      assert.ok(names.size > 80, String(names.size));
      for (const name of names) {
        const content = write('shell', new Map([[name, value]]));
        if (!Buffer.isBuffer(content)) continue;
        const { stderr } = spawnSync(zsh, ['-fc', content.toString()], { encoding: 'utf8' });
        assert.doesNotMatch(stderr, /^ran/m, name);
      }
    });
  }
});

/** JSON values whose strings and keys are any text that is Unicode. */
const unicodeText = anyText.map((text) => text.toWellFormed());
const { tree: anyJson } = fc.letrec<{ tree: JsonValue }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    unicodeText,
    fc.constantFrom(true, false, null),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(unicodeText, tie('tree'), { maxKeys: 3 }),
  ),
}));
const anyDocument = fc.dictionary(unicodeText, anyJson, { maxKeys: 5 });

describe('yaml', () => {
  const readers: readonly (readonly [string, (text: string) => unknown])[] = [
    ['YAML 1.2', (text) => load(text, { schema: CORE_SCHEMA })],
    ['YAML 1.1', (text) => parseYaml(text, { version: '1.1', logLevel: 'error' }) as unknown],
  ];

  for (const [reader, read] of readers) {
    test(`${reader} reads back every document`, () => {
      fc.assert(
        fc.property(anyDocument, (document) => {
          const values = parseJson(JSON.stringify(document)) as Record<string, JsonValue>;
          assert.deepEqual(plain(read(written('yaml', values).toString())), plain(document));
        }),
        { numRuns: 1000 },
      );
      const { carried, refused } = sort('yaml', samples);
      assert.deepEqual(read(written('yaml', carried).toString()), Object.fromEntries(carried));
      for (const value of refused) assert.ok(!value.isWellFormed(), JSON.stringify(value));
      const asKeys = new Map([...carried.values(), '__proto__', 'constructor'].map((key) => [key, key]));
      assert.deepEqual(read(written('yaml', asKeys).toString()), Object.fromEntries(asKeys));
    });
  }

  test('numbers keep their digits, and are numbers to both', () => {
    const source =
      '{"big":12345678901234567890,"z":1.10,"e":1e3,"E":-1.50E3,"s":[2E-7,{"x":1e+2}],"neg":-0.0,"i":42}';
    const text = written('yaml', parseJson(source) as Record<string, JsonValue>).toString();
    assert.equal(
      text,
      '"big": 12345678901234567890\n"z": 1.10\n"e": 1.0e+3\n"E": -1.50e+3\n"s": [2.0e-7, {"x": 1.0e+2}]\n"neg": -0.0\n"i": 42\n',
    );
    for (const [, read] of readers) assert.deepEqual(plain(read(text)), plain(JSON.parse(source)));
  });

  test('the form of each value', () => {
    assert.equal(
      written('yaml', { 'a b': 'no', t: true, n: null, o: { k: [1, 'x'], e: {} }, l: [] }).toString(),
      '"a b": "no"\n"t": true\n"n": null\n"o": {"k": [1, "x"], "e": {}}\n"l": []\n',
    );
    assert.equal(written('yaml', {}).toString(), '{}\n');
  });

  test('what YAML cannot carry is refused', () => {
    assert.match(refusal('yaml', 'K', 'canary\ud800').reason, /^cannot be written as YAML: .*surrogate/);
    assert.match(refusal('yaml', 'K', { a: ['canary', { '\udfff': 1 }] }).reason, /surrogate/);
    assert.match(refusal('yaml', 'x'.repeat(1023), 'canary').reason, /longer than the 1024/);
    for (const [, read] of readers) {
      const longest = { ['x'.repeat(1022)]: { ['\n'.repeat(511)]: 'v' } };
      assert.deepEqual(read(written('yaml', longest).toString()), longest);
    }
  });
});

/** Without the sign of a negative zero, and without prototypes. */
function plain(document: unknown): unknown {
  return JSON.parse(JSON.stringify(document));
}

describe('properties', () => {
  const { carried, refused } = sort('properties', samples);
  const asKeys = new Map([...carried.values()].map((key) => [key, `v${key}`]));

  test('nothing is refused', () => {
    assert.deepEqual(refused, []);
  });

  test('a reader in JavaScript reads back all keys and values', () => {
    const read = (values: KeyValues): unknown =>
      parseProperties(written('properties', values).toString('ascii'));
    assert.deepEqual(read(carried), Object.fromEntries(carried));
    assert.deepEqual(read(asKeys), Object.fromEntries(asKeys));
  });

  test(hasJava() ? 'Java reads back all keys and values' : 'Java is not on this machine', () => {
    if (!hasJava()) return;
    const both = new Map([...carried, ...asKeys]);
    assert.deepEqual(readWithJava(written('properties', both)), both);
  });

  test('plain ASCII, in the escapes that Java writes', () => {
    const values = parseJson(
      '{"a b:c=d":" x y","é":"🔐\\n\\t\\u0000","n":1.10,"z":null,"o":{"a":[1]},"#":"!","":"e"}',
    );
    assert.equal(
      written('properties', values as Record<string, JsonValue>).toString(),
      'a\\ b\\:c\\=d=\\ x y\n\\u00e9=\\ud83d\\udd10\\n\\t\\u0000\nn=1.10\nz=\no={"a"\\:[1]}\n\\#=\\!\n=e\n',
    );
    assert.equal(written('properties', {}).toString(), '');
  });
});

/** Without nulls, and numbers as a double holds them. */
const { tree: tomlJson } = fc.letrec<{ tree: JsonValue }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    unicodeText,
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(unicodeText, tie('tree'), { maxKeys: 3 }),
  ),
}));

describe('toml', () => {
  const { carried, refused } = sort('toml', samples);
  const asKeys = new Map([...carried.values()].map((key) => [key, key]));
  const documents = fc.sample(fc.dictionary(unicodeText, tomlJson, { maxKeys: 5 }), {
    numRuns: 300,
    seed: 1,
  });
  const texts = [carried, asKeys, ...documents].map((document) => written('toml', document).toString());
  const expected = plain([Object.fromEntries(carried), Object.fromEntries(asKeys), ...documents]);

  test('only halves of surrogate pairs are refused', () => {
    for (const value of refused) assert.ok(!value.isWellFormed(), JSON.stringify(value));
    assert.match(refusal('toml', 'K', 'canary\ud800').reason, /^cannot be written as TOML: .*surrogate/);
    assert.match(refusal('toml', '\ud800', 'canary').reason, /surrogate/);
  });

  test('a reader in JavaScript reads back every document', () => {
    assert.deepEqual(plain(texts.map((text) => parseToml(text))), expected);
  });

  // tomllib came with Python 3.11.
  const tomllib = pythonHas('tomllib');
  test(tomllib ? 'Python reads back every document' : 'the Python of this machine has no tomllib', () => {
    if (!tomllib) return;
    assert.deepEqual(
      runPython('import tomllib\nanswer = [tomllib.loads(text) for text in data]', texts),
      expected,
    );
  });

  test('the form of each value', () => {
    const values = parseJson(
      '{"a_-1":"x\\ty\\u007f","a b":1.10,"e":1e3,"i":-9223372036854775808,"":[1,"a",[]],"o":{"k.k":true,"n":{}}}',
    ) as Record<string, JsonValue>;
    const text = written('toml', values).toString();
    assert.equal(
      text,
      'a_-1 = "x\\ty\\u007f"\n"a b" = 1.10\ne = 1e3\ni = -9223372036854775808\n"" = [1, "a", []]\no = { "k.k" = true, n = {} }\n',
    );
    assert.doesNotThrow(() => parseToml(text, { integersAsBigInt: true }));
    assert.equal(written('toml', {}).toString(), '');
  });

  test('what TOML does not have is refused', () => {
    for (const value of ['null', '[1,null]', '{"a":{"b":null}}']) {
      assert.match(refusal('toml', 'K', parseJson(value) as JsonValue).reason, /no null/);
    }
    for (const number of ['9223372036854775808', '-9223372036854775809', `1${'0'.repeat(5000)}`]) {
      assert.match(refusal('toml', 'K', JSON.rawJSON(number)).reason, /64-bit integers/);
    }
    assert.match(refusal('toml', 'K', JSON.rawJSON('1e400')).reason, /64-bit floats/);
    assert.equal(
      written('toml', { K: JSON.rawJSON('9223372036854775807') }).toString(),
      'K = 9223372036854775807\n',
    );
  });
});

const CONFIGPARSER = `
import configparser, io
parser = configparser.ConfigParser()
parser.read_file(io.StringIO(data, None))
answer = {section: dict(parser[section]) for section in parser.sections()}
`;

describe('ini', () => {
  const { carried, refused } = sort('ini', samples);

  test("Python's configparser reads back every value that is not refused", () => {
    const lower = new Map([...carried].map(([key, value]) => [key.toLowerCase(), value]));
    const read = runPython(CONFIGPARSER, written('ini', carried).toString());
    assert.deepEqual(read, { secrets: Object.fromEntries(lower) });
    assert.ok(carried.size > 200);
  });

  test('and every name', () => {
    const names = [...carried.values()].filter((name) =>
      Buffer.isBuffer(write('ini', new Map([[name, 'v']]))),
    );
    const distinct = new Map(names.map((name) => [name.toLowerCase(), 'v']));
    assert.deepEqual(runPython(CONFIGPARSER, written('ini', distinct).toString()), {
      secrets: Object.fromEntries(distinct),
    });
    assert.ok(distinct.size > 100);
  });

  test('only what readers take differently is refused', () => {
    for (const value of refused) {
      const excused = /[;#\\%\p{Cc}\u2028\u2029\ufeff]|^["'`]|^\s|\s$/u.test(value) || !value.isWellFormed();
      assert.ok(excused, JSON.stringify(value));
    }
    const cases: readonly (readonly [string, RegExp])[] = [
      ['canary\nx = y', /line break/],
      ['canary\r', /line break/],
      ['canary\0', /control/],
      [' canary', /blank/],
      ['canary\u00a0', /blank/],
      ['"canary"', /quote/],
      ["'canary", /quote/],
      ['# canary', /`#`/],
      ['canary ; x', /`;`/],
      ['canary%', /`%`/],
      ['canary\\', /readers take differently/],
      ['canary\ud800', /surrogate/],
    ];
    for (const [value, reason] of cases) assert.match(refusal('ini', 'K', value).reason, reason);
    for (const name of ['', 'a=b', 'a:b', '[a]', ' a', 'a ', '#a', 'a\nb', '"a"', 'a\\']) {
      assert.match(refusal('ini', name, 'canary').reason, /^cannot be written as INI: the name/);
    }
  });

  test('names that differ in case only are refused, both of them', () => {
    const problems = write(
      'ini',
      new Map([
        ['Key', 'canary'],
        ['other', 'x'],
        ['KEY', 'canary'],
      ]),
    );
    assert.ok(!Buffer.isBuffer(problems));
    assert.deepEqual(
      problems.map(({ key }) => key),
      ['Key', 'KEY'],
    );
    assert.doesNotMatch(JSON.stringify(problems), /canary/);
  });

  test('one section', () => {
    const values = parseJson('{"A":"a=b [c]","n":1.10,"z":null,"t":true,"o":{"a":[1]}}') as Record<
      string,
      JsonValue
    >;
    assert.equal(
      written('ini', values).toString(),
      '[secrets]\nA = a=b [c]\nn = 1.10\nz =\nt = true\no = {"a":[1]}\n',
    );
    assert.equal(written('ini', {}).toString(), '[secrets]\n');
  });
});
