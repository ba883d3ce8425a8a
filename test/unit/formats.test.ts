import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { parseJson } from '../../src/base/lossless-json.ts';
import type { JsonValue, KeyValues } from '../../src/base/secret-data.ts';
import type { FormatContext, FormatProblem, Formatted } from '../../src/formats/format.ts';
import { FORMATS, type FormatName as AnyFormatName } from '../../src/formats/index.ts';
import { readWithKubectl } from '../support/format-readers.ts';

/** Those whose content is there at once. */
type FormatName = Exclude<AnyFormatName, 'pkcs12'>;

/** Of the format, and of the context. */
type Options = Readonly<Record<string, unknown>> & Pick<FormatContext, 'tree'>;

type Keys = Readonly<Record<string, JsonValue>>;

function format(name: FormatName, keys: Keys | KeyValues, options: Options = {}): Formatted {
  const values = keys instanceof Map ? (keys as KeyValues) : new Map(Object.entries(keys));
  const { tree = false, ...own } = options;
  return FORMATS[name].render(values, own as never, { tree });
}

/** The one file of a format that writes one. */
function bytes(name: FormatName, keys: Keys | KeyValues, options?: Options): Buffer {
  const { problems, ...formatted } = format(name, keys, options);
  assert.deepEqual(problems, undefined);
  assert.ok('files' in formatted);
  assert.equal(formatted.files.length, 1);
  assert.equal(formatted.files[0]?.name, undefined);
  return Buffer.from(formatted.files[0]!.content);
}

function problems(name: FormatName, keys: Keys, options?: Options): readonly FormatProblem[] {
  const { problems: found } = format(name, keys, options);
  assert.ok(found !== undefined && found.length > 0, `${name} takes ${JSON.stringify(keys)}`);
  return found;
}

/** Text of the characters that dotenv readers disagree about, and others. */
const difficultText = fc
  .array(
    fc.oneof(
      fc.constantFrom("'", '"', '\\', '$', '`', '#', ' ', '\n', '\t', '=', 'n', 'a', '{', '}', '~', '&', ';'),
      fc.constantFrom(
        '\r',
        '\0',
        '\u2028',
        '\u0085',
        '\ufeff',
        '\x0b',
        'é',
        '🔐',
        'export ',
        'K=v',
        '\ud800',
      ),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

describe('dotenv', () => {
  const dotenv = (keys: Keys): string => bytes('dotenv', keys).toString();

  test('the form of each value', () => {
    assert.equal(
      dotenv({
        A: 'a-b_c.d/e:f@g%h+i,j=k',
        B: '',
        C: 'a b',
        D: "it's",
        E: '$x `y` "z"',
        F: 'C:\\a b\\n',
        G: 'a\nb',
      }),
      `A=a-b_c.d/e:f@g%h+i,j=k\nB=\nC='a b'\nD="it's"\nE='$x \`y\` "z"'\nF='C:\\a b\\n'\nG='a\nb'\n`,
    );
    // python-dotenv unescapes these within single quotes; without quotes, all readers but a shell keep them.
    assert.equal(dotenv({ A: '\\\\host\\share', B: 'a\\\\' }), 'A=\\\\host\\share\nB=a\\\\\n');
    assert.equal(
      bytes('dotenv', parseJson('{"N":1.10,"T":true,"Z":null,"L":[1,"a"]}') as Keys).toString(),
      `N=1.10\nT=true\nZ=\nL='[1,"a"]'\n`,
    );
    assert.equal(dotenv({}), '');
  });

  test('Node reads back every value that is not refused, and few are', () => {
    fc.assert(
      fc.property(fc.array(difficultText, { minLength: 1, maxLength: 5 }), (values) => {
        const carried = values.filter((value) => format('dotenv', { K: value }).problems === undefined);
        const keys = Object.fromEntries(carried.map((value, index) => [`K${String(index)}`, value]));
        assert.deepEqual({ ...parseEnv(dotenv(keys)) }, keys);
        for (const value of values.filter((text) => !carried.includes(text))) {
          const excused =
            /[\r\0]/.test(value) ||
            !value.isWellFormed() ||
            (value.includes("'") && /["\\$`]/.test(value)) ||
            /\\\\|\\$/.test(value);
          assert.ok(excused, JSON.stringify(value));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('a shell that reads the file gets the same values, and runs nothing of them', () => {
    const values = fc
      .sample(difficultText, { numRuns: 500, seed: 1 })
      .concat('$(echo ran)', '`id`', 'a\\', 'b\\\\', ';id', '&', '~/x', '!x', '-n')
      .filter((value) => format('dotenv', { K: value }).problems === undefined)
      // Documented: without quotes a shell takes every other backslash away.
      .filter((value) => !value.includes('\\\\'));
    const keys = Object.fromEntries(values.map((value, index) => [`K${String(index)}`, value]));
    const print = Object.keys(keys).map((key) => `printf '%s\\0' "$${key}"`);
    const printed = execFileSync('/bin/sh', ['-s'], {
      encoding: 'utf8',
      input: dotenv(keys) + print.join('\n'),
    });
    assert.ok(values.length > 200);
    assert.deepEqual(printed.split('\0'), [...values, '']);
  });

  test('a value without a form is refused by key, without the value', () => {
    for (const value of [`'"`, `'\\`, `'$`, "'`", 'a\r\nb', '\0', '\udfff', 'canary\\', 'a b\\\\']) {
      const [problem] = problems('dotenv', { FINE: 'x', BAD: value });
      assert.equal(problem?.key, 'BAD', JSON.stringify(value));
      assert.doesNotMatch(JSON.stringify(problem), /canary/);
      assert.match(problem.hint ?? '', /format: json/);
    }
  });

  test('names are those of environment variables', () => {
    assert.equal(dotenv({ _: 'x', a1_B: 'y' }), '_=x\na1_B=y\n');
    const bad = ['1a', 'a-b', 'a.b', 'a b', '', 'é', 'a=b', 'a\n'];
    assert.deepEqual(
      problems('dotenv', Object.fromEntries(bad.map((key) => [key, '\r']))).map(({ key }) => key),
      bad,
    );
    assert.match(problems('dotenv', { 'a-b': '' })[0]?.hint ?? '', /keys\.rename/);
  });
});

describe('env-file', () => {
  const envFile = (keys: Keys): string => bytes('env-file', keys).toString();

  test('bare lines, everything after the first `=`', () => {
    assert.equal(
      bytes('env-file', parseJson('{"A":"a b=c\'d\\"#e$f`","N":1.10,"Z":null,"L":[1]}') as Keys).toString(),
      'A=a b=c\'d"#e$f`\nN=1.10\nZ=\nL=[1]\n',
    );
  });

  test('what is written is the value to readers that take lines as they are, and to systemd', () => {
    fc.assert(
      fc.property(difficultText, (value) => {
        const formatted = format('env-file', { K: value });
        const blanks = /^[\s\ufeff]|[\s\ufeff]$/.test(value);
        const refused = /[\0-\x08\n-\x1f\x7f-\x9f\\]|^["']/.test(value) || blanks || !value.isWellFormed();
        assert.equal(formatted.problems !== undefined, refused, JSON.stringify(value));
        if (formatted.problems === undefined) assert.equal(envFile({ K: value }), `K=${value}\n`);
      }),
      { numRuns: 2000 },
    );
  });

  test('kubectl reads the same, where it is installed', () => {
    const values = fc
      .sample(difficultText, { numRuns: 300, seed: 1 })
      .filter((value) => format('env-file', { K: value }).problems === undefined);
    const keys = Object.fromEntries(values.map((value, index) => [`K${String(index)}`, value]));
    const data = readWithKubectl(Buffer.from(envFile(keys)));
    if (data === undefined) return;
    assert.deepEqual(data, keys);
  });

  test('a value or a name that it cannot hold is refused by key, without the value', () => {
    for (const value of [
      'canary\nx',
      'canary\r',
      ' canary',
      'canary\t',
      '"canary',
      "'canary",
      'c\\anary',
      '\0',
    ]) {
      const [problem] = problems('env-file', { FINE: 'x', BAD: value });
      assert.equal(problem?.key, 'BAD', JSON.stringify(value));
      assert.match(problem.reason, /cannot hold/);
      assert.doesNotMatch(JSON.stringify(problem), /canary/);
    }
    assert.match(problems('env-file', { BAD: 'x'.repeat(65_536) })[0]?.reason ?? '', /too long/);
    assert.match(problems('env-file', { 'a-b': '' })[0]?.hint ?? '', /sanitize: true/);
  });
});

describe('json', () => {
  test('digits are kept, and every name is a name', () => {
    const source =
      '{\n  "a": 1.10,\n  "big": 12345678901234567890,\n  "o": {\n    "__proto__": [\n      1e3,\n      null\n    ]\n  },\n  "__proto__": "p",\n  "constructor": "c"\n}\n';
    assert.equal(bytes('json', parseJson(source) as Keys).toString(), source);
    assert.equal(bytes('json', new Map([['__proto__', 1]])).toString(), '{\n  "__proto__": 1\n}\n');
    assert.equal(bytes('json', {}).toString(), '{}\n');
  });

  test('any document is read back', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 5 }), (keys) => {
        const document = JSON.stringify(keys);
        const written = bytes('json', parseJson(document) as Keys).toString();
        assert.deepEqual(JSON.parse(written), JSON.parse(document));
      }),
    );
  });
});

describe('raw', () => {
  const raw = (value: JsonValue, decode?: 'base64' | 'hex'): Buffer =>
    bytes('raw', { k: value }, { key: 'k', decode });
  const refusal = (value: JsonValue, decode?: 'base64' | 'hex'): string =>
    problems('raw', { k: value }, { key: 'k', decode })[0]?.reason ?? '';

  test('exactly the text, nothing added', () => {
    for (const text of ['a\n', 'a', '', '\0\r\n\ufeff é🔐']) assert.equal(raw(text).toString(), text);
    assert.equal(raw((parseJson('{"k":1.0}') as Keys)['k']!).toString(), '1.0');
    assert.equal(bytes('raw', {}, { key: 'k' }).length, 0, 'the key of an absent optional secret');
    assert.match(refusal('\ud800'), /is not Unicode text/);
  });

  test('base64 and hex give the bytes back, across lines and without padding', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (array) => {
        const content = Buffer.from(array);
        const base64 = content.toString('base64');
        for (const text of [base64, base64.replace(/=+$/, ''), base64.replace(/(.{4})/g, '$1\r\n')]) {
          assert.deepEqual(raw(text, 'base64'), content);
        }
        const hex = content.toString('hex');
        for (const text of [hex, hex.toUpperCase(), `${hex}\n`]) assert.deepEqual(raw(text, 'hex'), content);
      }),
      { numRuns: 30 },
    );
  });

  test('anything else is refused, not skipped over', () => {
    for (const text of ['canary!', 'YQ=', 'Y', '_-8=', 'YQ==YQ==', '='])
      assert.equal(refusal(text, 'base64'), 'has a value that is not base64', text);
    for (const text of ['0', 'canary', '0x00', '00:00', 'g0'])
      assert.equal(refusal(text, 'hex'), 'has a value that is not hex', text);
  });
});

describe('files', () => {
  test('one for each key, decoded when asked', () => {
    const formatted = format('files', { 'tls.crt': 'a\n', '.hidden': '', 'a b': 'c', é: '1' });
    assert.deepEqual(
      formatted.problems ??
        formatted.files.map(({ name, content }) => [name, Buffer.from(content).toString()]),
      [
        ['tls.crt', 'a\n'],
        ['.hidden', ''],
        ['a b', 'c'],
        ['é', '1'],
      ],
    );
    const decoded = format('files', { a: '/w==' }, { decode: 'base64' });
    assert.deepEqual(decoded.problems ?? decoded.files[0]?.content, Buffer.from([255]));
    assert.equal(problems('files', { a: '/w==', b: '!' }, { decode: 'base64' })[0]?.key, 'b');
    assert.deepEqual(format('files', {}), { files: [] });
  });

  test('no name leaves the directory, or is one of the writer or the kubelet', () => {
    const bad = [
      '',
      '.',
      '..',
      '../x',
      'a/b',
      '/etc',
      'a\\b',
      'a\0',
      'a\nb',
      '\x7f',
      '..data',
      '.vaultonce-x',
      '\ud800',
    ];
    const long = 'é'.repeat(128);
    assert.deepEqual(
      problems('files', Object.fromEntries([...bad, long, 'fine'].map((key) => [key, 'v']))).map(
        ({ key }) => key,
      ),
      [...bad, long],
    );
    const good = ['...'.slice(0, 1) + 'x', 'é'.repeat(127), 'x..', '.vaultonce', 'constructor', '__proto__'];
    const formatted = format('files', new Map(good.map((key) => [key, ''])));
    assert.deepEqual(formatted.problems ?? formatted.files.map(({ name }) => name), good);
  });
});

test('each format is registered by its name', () => {
  for (const [name, { name: own }] of Object.entries(FORMATS)) assert.equal(name, own);
});

describe('pem', () => {
  const block = (label: string, body: string): string =>
    `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----`;
  const leaf = block('CERTIFICATE', 'TEVBRg==');
  const issuer = block('CERTIFICATE', 'SVNTVUVS');
  const root = block('CERTIFICATE', 'Uk9PVA==');
  const key = block('PRIVATE KEY', 'S0VZ');
  const pem = (keys: Keys): string => bytes('pem', keys).toString();

  test('certificate, chain, key, whatever the order of the keys; nothing twice', () => {
    const keys = {
      private_key: `${key}\n`,
      issuing_ca: issuer,
      ca_chain: [issuer, root],
      certificate: leaf,
      serial_number: '1',
    };
    assert.equal(pem(keys), [leaf, issuer, root, key, ''].join('\n'));
    assert.equal(pem({ certificate: leaf, issuing_ca: issuer, ca_chain: [] }), `${leaf}\n${issuer}\n`);
    assert.equal(pem({ certificate: `${leaf}\n${issuer}`, ca_chain: null }), `${leaf}\n${issuer}\n`);
    assert.equal(pem({ private_key: key.replaceAll('\n', '\r\n') }), `${key}\n`);
  });

  test('what is no PEM is refused, and so is a secret without any', () => {
    for (const certificate of [
      'text',
      `${leaf} and text`,
      block('CERTIFICATE', 'x').replace('END', 'BEGIN'),
      7,
      [1],
      { a: leaf },
    ]) {
      assert.deepEqual(
        problems('pem', { certificate }).map((problem) => problem.key),
        ['certificate'],
      );
    }
    assert.match(problems('pem', { cert: leaf })[0]?.hint ?? '', /keys\.rename/);
  });
});
