import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import mustache from 'mustache';
import { RunError, type Failure } from '../../src/base/errors.ts';
import { parseJson } from '../../src/base/lossless-json.ts';
import type { FetchedSecret, JsonValue, SecretMetadata, Secrets } from '../../src/base/secret-data.ts';
import { quotedName } from '../../src/base/key-path.ts';
import { Secret } from '../../src/base/secret.ts';
import { parseTemplate, undeclaredReferences, type Template } from '../../src/template/parse.ts';
import { renderInSteps } from '../../src/template/render-template.ts';
import { renderTemplate } from '../support/render-template.ts';
import { partialNames, tokenize, type Token } from '../../src/template/syntax.ts';

type Keys = Readonly<Record<string, JsonValue>>;

function found(name: string, keys: Keys, metadata: Partial<SecretMetadata> = {}): FetchedSecret {
  const values = new Secret(new Map(Object.entries(keys)));
  return { kind: 'found', name, keys: values, metadata: { path: `secret/data/${name}`, ...metadata } };
}

function secretsOf(...secrets: FetchedSecret[]): Secrets {
  return new Map(secrets.map((secret) => [secret.name, secret]));
}

const DB = found(
  'db',
  parseJson(
    '{"username":"app","password":"<p&ss>","hosts":["a","b"],"tls":{"crt":"C","chain":[{"cn":"x"},{"cn":"y"}]},' +
      '"port":5432,"big":12345678901234567890,"ratio":1.10,"on":true,"none":null,"empty":"","zero":0,"off":false,' +
      '"rawzero":0.00,"nothing":[],"false":"false","a.b":"dotted"}',
  ) as Keys,
  { version: 7 },
);
const ABSENT: FetchedSecret = { kind: 'absent', name: 'flags', path: 'secret/data/flags' };
const FAILED: FetchedSecret = { kind: 'failed', name: 'lost' };
const SECRETS = secretsOf(DB, ABSENT, FAILED);

function parse(source: string, partials: Readonly<Record<string, string>> = {}): Template {
  const known = Object.entries(partials).map(([name, text]) => [
    name,
    { source: text, file: `${name}.mustache` },
  ]);
  return parseTemplate(source, {
    file: 'app.mustache',
    partials: new Map(known as [string, { source: string; file: string }][]),
  });
}

/** The text of a template that misses nothing. */
function text(source: string, partials?: Readonly<Record<string, string>>, secrets = SECRETS): string {
  const rendered = renderTemplate(parse(source, partials), secrets);
  assert.deepEqual(rendered.failures, [], source);
  return rendered.text;
}

function failures(source: string, partials?: Readonly<Record<string, string>>): readonly Failure[] {
  return renderTemplate(parse(source, partials), SECRETS).failures;
}

function parseFailure(source: string, partials?: Readonly<Record<string, string>>): Failure {
  try {
    parse(source, partials);
  } catch (error) {
    assert.ok(error instanceof RunError, String(error));
    const [failure] = error.failures;
    assert.ok(failure !== undefined && error.failures.length === 1);
    assert.equal(failure.kind, 'template');
    return failure;
  }
  throw new assert.AssertionError({ message: `parsed: ${source}` });
}

describe('template values', () => {
  test('no form of a tag escapes HTML', () => {
    assert.equal(text('{{db.password}} {{{db.password}}} {{& db.password }}'), '<p&ss> <p&ss> <p&ss>');
  });

  test('numbers keep their digits, null is nothing, objects and lists are JSON', () => {
    assert.equal(
      text('{{db.port}} {{db.big}} {{db.ratio}} {{db.on}} [{{db.none}}] {{db.hosts}} {{db.tls}}'),
      '5432 12345678901234567890 1.10 true [] ["a","b"] {"crt":"C","chain":[{"cn":"x"},{"cn":"y"}]}',
    );
    assert.equal(
      text('{{s}}', {}, secretsOf(found('s', parseJson('{"n":1.0,"__proto__":2}') as Keys))),
      '{"n":1.0,"__proto__":2}',
    );
  });

  test('a value is never read as a template', () => {
    const value = '{{db.password}}{{#db}}{{> p}}{{=<% %>=}}';
    const secrets = secretsOf(found('s', { k: value, list: [value] }));
    assert.equal(text('{{s.k}}{{#@json}}{{s.k}}{{/@json}}', {}, secrets), value + JSON.stringify(value));
    assert.equal(text('{{#s.list}}{{.}}{{/s.list}}', {}, secrets), value);
  });

  test('dotted names go into objects and lists, by own properties only', () => {
    assert.equal(text('{{db.tls.crt}} {{db.hosts.1}} {{db.tls.chain.0.cn}}'), 'C b x');
    const names = ['constructor', 'toString', '__proto__', 'hasOwnProperty'];
    for (const name of names) {
      for (const tag of [`db.${name}`, `db.tls.${name}`, `db.hosts.${name}`, `db.username.${name}`]) {
        assert.equal(failures(`{{${tag}}}`).length, 1, tag);
      }
      assert.deepEqual(undeclaredReferences(parse(`{{${name}.x}}`), new Set(['db']))[0]?.name, name);
      assert.equal(failures(`{{#db.tls}}{{${name}}}{{/db.tls}}`).length, 1, name);
    }
    assert.equal(failures('{{db.big.rawJSON}}').length, 1, 'a kept number has no properties');
    const keys = parseJson('{"constructor":"c","__proto__":"p","o":{"__proto__":"q"}}') as Keys;
    assert.equal(
      text('{{s.constructor}}{{s.__proto__}}{{s.o.__proto__}}', {}, secretsOf(found('s', keys))),
      'cpq',
    );
  });

  test('a name with dots is a key, or a way into objects; what is both is an error that names the ways out', () => {
    assert.equal(text('{{db.a.b}}{{#db}}{{a.b}}{{/db}}{{#db.a.b}}!{{/db.a.b}}'), 'dotteddotted!');
    const keys = { 'spring.datasource.url': 'u', a: { 'b.c': 1, b: { d: 2 } }, 'a.b': { c: 3 } };
    const secrets = secretsOf(found('s', keys));
    assert.equal(text('{{s.spring.datasource.url}}{{s.a.b.d}}', {}, secrets), 'u2');
    for (const source of ['{{s.a.b.c}}', '{{#s}}{{a.b.c}}{{/s}}', '{{#s.a.b.c}}{{/s.a.b.c}}']) {
      const [failure, ...more] = renderTemplate(parse(source), secrets).failures;
      assert.equal(more.length, 0);
      assert.equal(failure?.kind, 'template');
      assert.match(failure.message, /a\.b\.c` is both `b\.c` within `a` and `c` within `a\.b`$/);
      assert.match(failure.hint ?? '', /^write `{{(s\.)?"a"\."b\.c"}}` or `{{(s\.)?"a\.b"\."c"}}`$/);
    }
    assert.equal(text('{{s."a"."b.c"}}{{s."a.b".c}}{{#s}}{{"a.b".c}}{{/s}}', {}, secrets), '133');
  });

  test('a name in quotes is any key, reserved ones and those that would end the tag included', () => {
    const keys = {
      'a b': 1,
      '@version': 2,
      '}}': 3,
      'q"\\': 4,
      '': 5,
      'n\n': 6,
      o: { '@x': 7 },
      '@entries': 8,
    };
    const secrets = secretsOf(found('s', keys, { version: 9 }));
    const source = String.raw`{{s."a b"}}{{s."@version"}}{{s."\u007d}"}}{{s."q\"\\"}}{{s.""}}{{s."n\n"}}{{s.o."@x"}}`;
    assert.equal(text(`${source}{{s.@version}}{{s."@entries"}}`, {}, secrets), '123456798');
    assert.equal(text('{{#s."a b"}}{{.}}{{/s."a b"}}{{^s."c d"}}no{{/s."c d"}}', {}, secrets), '1no');
    for (const name of ['s."a', 's."a"b', 's."a" ', String.raw`s."\x"`, 's.a."b"c']) {
      assert.match(parseFailure(`{{${name}.c}}`).message, /quotes in the name/, name);
    }
    assert.equal(text('{{s.x"y}}', {}, secretsOf(found('s', { 'x"y': 1 }))), '1', 'a quote inside is one');
  });

  test('every key of every object can be named', () => {
    const key = fc.oneof(fc.string(), fc.constantFrom('a', 'a.b', 'b', '}}', '{{', '@entries', '"', '.', ''));
    fc.assert(
      fc.property(fc.array(key, { minLength: 1, maxLength: 4 }), (keys) => {
        const value = keys.slice(1).reduceRight<JsonValue>((inner, one) => ({ [one]: inner, 'a.b': 0 }), 'v');
        fc.pre(keys.slice(1).every((one) => one !== 'a.b' && one !== '__proto__'));
        const secrets = secretsOf(found('s', { 'a.b.a': { b: 1 }, [keys[0] ?? '']: value }));
        assert.equal(text(`{{s.${quotedName(keys)}}}`, {}, secrets), 'v');
      }),
    );
  });
});

describe('template sections', () => {
  test('a secret, an object and a list push what they hold; outer names stay in reach', () => {
    assert.equal(text('{{#db}}{{username}}{{#tls}}{{crt}}{{username}}{{/tls}}{{/db}}'), 'appCapp');
    assert.equal(text('{{#db.hosts}}[{{.}}{{db.port}}]{{/db.hosts}}'), '[a5432][b5432]');
    assert.equal(text('{{#db.tls.chain}}{{cn}};{{/db.tls.chain}}'), 'x;y;');
    assert.equal(text('{{#db.username}}{{.}}{{/db.username}}'), 'app');
  });

  test('an inner name hides an outer one, and is not looked up further out when it has no such part', () => {
    const secrets = secretsOf(found('a', { b: { x: 1 }, y: 2 }), found('b', { y: 3 }));
    assert.equal(text('{{#a}}{{b.x}}{{/a}}{{b.y}}', {}, secrets), '13');
    assert.equal(renderTemplate(parse('{{#a}}{{b.y}}{{/a}}'), secrets).failures.length, 1);
  });

  test('missing keys, null, empty texts and lists, 0 and false are false; the text "false" is true', () => {
    for (const key of ['missing', 'none', 'empty', 'zero', 'rawzero', 'off', 'nothing', 'tls.missing']) {
      assert.equal(text(`{{#db.${key}}}yes{{/db.${key}}}{{^db.${key}}}no{{/db.${key}}}`), 'no', key);
    }
    for (const key of ['false', 'port', 'big', 'on', 'username', 'tls', '@version']) {
      assert.equal(text(`{{#db.${key}}}yes{{/db.${key}}}{{^db.${key}}}no{{/db.${key}}}`), 'yes', key);
    }
  });

  test('@entries is sorted by code unit, and reaches every key', () => {
    const secrets = secretsOf(
      found('s', {
        'a/b': 1,
        Z: 2,
        'c d': 3,
        'x.y': '',
        '@version': 4,
        é: 5,
        data: 6,
        constructor: 7,
        '': 8,
      }),
    );
    assert.equal(
      text('{{#s.@entries}}{{key}}={{value}};{{/s.@entries}}', {}, secrets),
      '=8;@version=4;Z=2;a/b=1;c d=3;constructor=7;data=6;x.y=;é=5;',
    );
    assert.equal(text('{{#s}}{{#@entries}}{{.}}{{/@entries}}{{/s}}', {}, secrets), '84213765');
    assert.equal(text('{{#db.@entries}}{{#value.crt}}{{key}}:{{.}}{{/value.crt}}{{/db.@entries}}'), 'tls:C');
    assert.match(failures('{{#db.@entries}}{{username}}{{/db.@entries}}')[0]?.message ?? '', /`username`/);
  });

  test('a key that starts with @ does not take the place of a reserved name', () => {
    const secrets = secretsOf(found('s', { '@version': 'mine' }, { version: 3 }));
    assert.equal(text('{{s.@version}}{{#s}}{{@version}}{{/s}}', {}, secrets), '33');
  });

  test('metadata', () => {
    const secrets = secretsOf(found('s', {}, { version: 0, lease_id: 'db/1', lease_duration: 3600 }));
    assert.equal(text('{{s.@version}} {{s.@lease_id}} {{s.@lease_duration}}', {}, secrets), '0 db/1 3600');
    assert.match(failures('{{db.@lease_id}}')[0]?.message ?? '', /`db` .*has no lease/);
    assert.match(failures('{{db.@lease_duration}}')[0]?.message ?? '', /`db` .*has no lease/);
    const unversioned = renderTemplate(parse('{{s.@version}}'), secretsOf(found('s', { a: 1 })));
    assert.match(unversioned.failures[0]?.message ?? '', /has no version$/);
    assert.equal(unversioned.failures[0]?.kind, 'not_found');
  });
});

describe('missing keys', () => {
  test('each is told with its file and line, known keys and the nearest', () => {
    const told = failures('{{db.username}}\n{{db.pasword}}\n\n{{#db}}{{usrname}}{{> p}}{{/db}}', {
      p: '\n{{hots}}',
    });
    assert.deepEqual(
      told.map(({ where }) => where),
      ['app.mustache:2', 'app.mustache:4', 'p.mustache:2'],
    );
    assert.deepEqual(
      told.map(({ hint }) => hint),
      ['did you mean `password`?', 'did you mean `username`?', 'did you mean `hosts`?'],
    );
    assert.ok(told.every(({ kind }) => kind === 'not_found'));
    assert.match(told[0]?.message ?? '', /^the secret `db` \(secret\/data\/db\) has no key `pasword`$/);
    assert.match(told[0]?.details?.[0] ?? '', /^known keys: a\.b, big, empty, false, hosts, /);
    assert.doesNotMatch(JSON.stringify(told), /p&ss|12345678901234567890/, 'no value');
  });

  test('of a name with dots as much is told as a known key has', () => {
    const dotted = secretsOf(found('s', { 'spring.datasource.url': 'u', spring: { a: 1 } }));
    const told = (name: string): Failure | undefined =>
      renderTemplate(parse(`{{${name}}}`), dotted).failures[0];
    assert.match(told('s.spring.datasource.ulr')?.message ?? '', /`s\.spring` has no key `datasource`/);
    assert.match(failures('{{db.a.x}}')[0]?.message ?? '', /has no key `a\.x`/);
    assert.equal(failures('{{db.a.c}}')[0]?.hint, 'did you mean `a.b`?');
  });

  test('below a value, the name of the value is told', () => {
    const [failure] = failures('{{db.tls.crx}}');
    assert.equal(failure?.message, '`db.tls` has no key `crx`');
    assert.deepEqual(failure.details, ['known keys: chain, crt']);
    assert.match(failures('{{#db}}{{tls.chain.0.cm}}{{/db}}')[0]?.message ?? '', /^`tls\.chain\.0` has no/);
  });

  test('inline contents have lines of their own', () => {
    const template = parseTemplate('\n{{db.nope}}', { file: undefined, partials: new Map() });
    assert.equal(renderTemplate(template, SECRETS).failures[0]?.where, 'contents:2');
  });

  test('a loop tells a missing key once', () => {
    assert.equal(failures('{{#db.hosts}}{{port}}{{/db.hosts}}').length, 1);
  });

  test('an absent optional secret has no keys, and nothing is missing from it', () => {
    assert.equal(
      text(
        '[{{flags.a}}{{flags.a.b}}{{flags}}{{flags.@version}}{{#flags}}x{{/flags}}{{#flags.a}}x{{/flags.a}}' +
          '{{#flags.@entries}}x{{/flags.@entries}}{{^flags}}none{{/flags}}{{^flags.@entries}}!{{/flags.@entries}}]',
      ),
      '[none!]',
    );
  });

  test('a failed secret is not told again', () => {
    assert.equal(text('[{{lost.a}}{{lost}}{{#lost.@entries}}x{{/lost.@entries}}{{lost.@lease_id}}]'), '[]');
  });

  test('entries of a value are a mistake even in a section, which would otherwise leave them out in silence', () => {
    assert.match(failures('{{#db.tls.@entries}}x{{/db.tls.@entries}}')[0]?.message ?? '', /`db\.tls` has no/);
  });
});

describe('references', () => {
  test('names outside sections have to be declared', () => {
    const template = parse(
      '{{db.a}}\n{{#@json}}{{one.k}}{{/@json}}{{^two}}{{three}}{{/two}}\n{{#four}}{{key}}{{/four}}{{> p}}',
      { p: '\n\n{{five.x}}{{#db}}{{inner}}{{/db}}' },
    );
    assert.deepEqual(undeclaredReferences(template, new Set(['db'])), [
      { name: 'one', file: 'app.mustache', line: 2 },
      { name: 'two', file: 'app.mustache', line: 2 },
      { name: 'three', file: 'app.mustache', line: 2 },
      { name: 'four', file: 'app.mustache', line: 3 },
      { name: 'five', file: 'p.mustache', line: 3 },
    ]);
    assert.deepEqual([...template.secretNames], ['db', 'one', 'two', 'three', 'four', 'five']);
  });

  test('a dot outside sections is told by its name', () => {
    assert.deepEqual(
      undeclaredReferences(parse('{{.}}'), new Set(['db'])).map(({ name }) => name),
      ['.'],
    );
  });
});

/** What mustache makes of it, or what it says. */
function outcomeOf(parser: () => readonly Token[]): readonly Token[] | string {
  try {
    return parser();
  } catch (error) {
    return String(error);
  }
}

describe('template syntax', () => {
  test('tokens are those of mustache, also where its parser is not asked', () => {
    const piece = fc.constantFrom(
      '{{',
      '}}',
      '{',
      '}',
      'a',
      'db.key',
      ' ',
      '\n',
      '\r\n',
      '\u2028',
      '#',
      '/a',
      '>',
      '&',
      '!',
      '=',
      '"',
    );
    const name = fc.constantFrom(
      '{{db.key}}',
      '{{ a }}',
      '{{\n a\t}}',
      '{{."x y"}}',
      '{{a{b}}',
      '{{a}b}}',
      '{{^}}',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, name), { maxLength: 12 }), (pieces) => {
        const source = pieces.join('');
        const theirs = (): readonly Token[] =>
          new mustache.Writer().parse(source) as readonly unknown[] as readonly Token[];
        assert.deepEqual(
          outcomeOf(() => tokenize(source)),
          outcomeOf(theirs),
        );
      }),
      { numRuns: 3000 },
    );
  });

  test('comments and other delimiters', () => {
    assert.equal(text('a{{! {{db.nope }}b\n{{! alone\n on lines }}\nc'), 'ab\nc');
    assert.equal(text('{{=<% %>=}}<% db.username %>{{db.nope}}<%={{ }}=%>{{db.port}}'), 'app{{db.nope}}5432');
    assert.equal(text('{{=<% %>=}}<%> p%>', { p: '{{db.port}}' }), '5432', 'a partial has the usual ones');
  });

  test('errors are told with the line of the tag', () => {
    const cases: readonly (readonly [string, number, RegExp])[] = [
      ['a\n{{#db}}\nb\n\n', 2, /section db is not closed/],
      ['{{#db}}\n{{/db}}\n{{#db}}\n{{#flags}}{{/flags}}\n', 3, /section db is not closed/],
      ['{{! {{#no }}\n{{#db}}\nx', 2, /section db is not closed/],
      ['\n{{ #db}}\n{{ {db.port}}}\nx', 2, /section db is not closed/],
      ['{{#db}}\n\n{{/bd}}', 3, /section db is not closed/],
      ['a\n\n{{/db}}\nb', 3, /section db is closed, but was not opened/],
      ['a\n{{db.username}}{{{db.port}}}\n{{db.password\nb\n', 3, /tag is not closed/],
      ['{{{db.port}}\n{{db.username}}', 1, /tag is not closed/],
      ['{{=<% %>=}}\n<%db\n\n', 3, /tag is not closed/],
      ['\n{{=<%=}}', 2, /delimiters/],
      ['{{! {{= }}\n{{ =<%=}}', 2, /delimiters/],
      ['\n{{}}', 2, /has no name/],
      ['\n{{db..a}}', 2, /`db\.\.a` has an empty part/],
      ['\n{{db. a}}', 2, /contains a space/],
      ['\n{{db."a}}', 2, /quotes in the name/],
      ['\n{{^@json}}x{{/@json}}', 2, /no meaning/],
      ['\n{{@json}}', 2, /@json is a section/],
      ['\n{{#db.@json}}{{/db.@json}}', 2, /@json is a section/],
      ['\n{{db.@entries}}', 2, /@entries is a section/],
    ];
    for (const [source, line, message] of cases) {
      const failure = parseFailure(source);
      assert.equal(failure.where, `app.mustache:${String(line)}`, source);
      assert.match(failure.message, message, source);
    }
  });

  test('an unknown reserved name is told with the nearest', () => {
    const cases = [
      ['{{db.@versoin}}', '@version'],
      ['{{#db.@entires}}{{/db.@entires}}', '@entries'],
      ['{{#@jsn}}{{/@jsn}}', '@json'],
      ['{{#db}}{{@lease}}{{/db}}', ''],
    ] as const;
    for (const [source, nearest] of cases) {
      const { hint = '' } = parseFailure(source);
      assert.match(hint, /known names: @entries, .*@properties$/);
      assert.equal(/did you mean `(.*?)`/.exec(hint)?.[1] ?? '', nearest, source);
    }
  });
});

describe('partials', () => {
  test('names, also of partials in sections; none in a template that does not parse', () => {
    assert.deepEqual(partialNames('{{> a}}{{#x}}{{>b/c}}{{^y}}{{> d}}{{/y}}{{/x}}'), ['a', 'b/c', 'd']);
    assert.deepEqual(partialNames('{{> a}}{{#x}}'), []);
  });

  test('one that has its line to itself is indented, another is not', () => {
    const partials = { p: 'x:\n\n  {{db.port}}\r\n\u2028\r\ny\n' };
    assert.equal(text('a\n  {{> p}}\nb', partials), 'a\n  x:\n\n    5432\r\n  \u2028\r\n  y\nb');
    assert.equal(text(' {{> p}}\n', { p: 'a\r\n\r\nb\r\n' }), ' a\r\n\r\n b\r\n', 'no blanks on empty lines');
    assert.equal(text(' {{db.port}} {{> p}}', { p: 'x\ny' }), ' 5432 x\ny');
    assert.equal(text('a {{> p}}', { p: 'x\ny' }), 'a x\ny');
    const value = secretsOf(found('s', { lines: '1\n2' }));
    assert.equal(text('  {{> p}}\n', { p: '{{s.lines}}\n' }, value), '  1\n2\n', 'values are not indented');
  });

  test('one that does not exist is told by the parser, wherever it is', () => {
    const { where, message, hint = '' } = parseFailure('\n{{#db.nope}}{{> prat}}{{/db.nope}}', { part: '' });
    assert.equal(where, 'app.mustache:2');
    assert.match(message, /\{\{> prat\}\} does not exist/);
    assert.match(hint, /did you mean `part`/);
    assert.equal(parseFailure('{{> a}}', { a: '\n{{> b}}' }).where, 'a.mustache:2');
    assert.equal(
      parseFailure('fine', { a: '\n{{#x}}' }).where,
      'a.mustache:2',
      'also one that is not reached',
    );
  });

  test('recursion ends with the data', () => {
    const secrets = secretsOf(found('s', { name: 1, next: { name: 2, next: { name: 3, next: null } } }));
    const node = '{{name}}\n{{#next}}\n  {{> node}}\n{{/next}}\n';
    assert.equal(text('{{#s}}\n{{> node}}\n{{/s}}\n', { node }, secrets), '1\n  2\n    3\n');
  });

  test('recursion without end is an error, in any form', { timeout: 5000 }, () => {
    for (const loop of [
      '{{> loop}}',
      '  {{> loop}}\n',
      '{{> loop}}{{> loop}}',
      '{{#@json}}\n {{> loop}}\n{{/@json}}',
    ]) {
      const told = failures('{{> loop}}', { loop });
      assert.equal(told.length, 1, loop);
      assert.equal(told[0]?.kind, 'template');
      assert.match(told[0].message, /includes itself without end/);
    }
    assert.equal(
      failures('{{> a}}', { a: '{{^db.nope}}\n {{> b}}\n{{/db.nope}}', b: ' {{> a}}\n' }).length,
      1,
    );
  });
});

describe('limits', () => {
  const many = secretsOf(
    found('m', Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`k${String(index)}`, 'v']))),
    found('s', { text: 'x'.repeat(100_000), quote: '"' }),
  );
  const nested = (depth: number, name: string, inner: string): string =>
    `{{#${name}}}`.repeat(depth) + inner + `{{/${name}}}`.repeat(depth);

  test('a loop in a loop that outgrows an output ends with an error', () => {
    const { failures: told } = renderTemplate(parse(nested(2, 'm.@entries', '{{s.text}}')), many);
    assert.deepEqual(
      told.map(({ kind, message }) => [kind, message]),
      [['template', 'the text is larger than 64 MiB, the limit of an output']],
    );
    assert.equal(renderTemplate(parse(nested(1, 'm.@entries', '{{key}}')), many).failures.length, 0);
    const lambdas = renderTemplate(parse(nested(30, '@json', '{{s.quote}}')), many);
    assert.match(lambdas.failures[0]?.message ?? '', /larger than 64 MiB/);
    assert.equal(lambdas.failures.length, 1);
    const half = '{{#@json}}{{#m.@entries}}{{s.text}}{{s.text}}{{s.text}}{{/m.@entries}}{{/@json}}';
    assert.ok(
      renderTemplate(parse(half.replaceAll('{{s.text}}', 'x'.repeat(20_000))), many).failures.length === 0,
    );
  });

  test('work without an end in sight stops now and then, to let others look at the clock', () => {
    const partials = { p0: '' };
    const chain = Object.fromEntries(
      Array.from({ length: 27 }, (_, index) => [
        `p${String(index + 1)}`,
        `{{> p${String(index)}}}`.repeat(2),
      ]),
    );
    for (const [source, more] of [
      [nested(3, 'm.@entries', ''), {}],
      ['{{> p27}}', { ...partials, ...chain }],
    ] as const) {
      const steps = renderInSteps(parse(source, more), many);
      for (let pause = 0; pause < 100; pause += 1)
        assert.equal(steps.next().done, false, source.slice(0, 20));
    }
  });

  test('sections of a file, and tags while rendering, are nested so deep and no deeper', () => {
    assert.equal(text(nested(200, 'db', '{{username}}')), 'app');
    assert.match(parseFailure(nested(201, 'db', 'x')).message, /^sections are nested more than 200 deep$/);
    assert.match(parseFailure(nested(5000, '@json', 'x')).message, /200 deep/);
    const partials = { p: nested(150, 'db', '{{> q}}'), q: nested(150, 'db', '{{> p}}') };
    const [failure, ...others] = failures('{{> p}}', partials);
    assert.equal(others.length, 0);
    assert.equal(failure?.kind, 'template');
    assert.match(failure.message, /^tags are nested more than 1000 deep$/);
  });
});

test('blanks, sections, comments and partials are laid out as Mustache does', () => {
  const data = { db: { a: '<A>', b: '', list: ['1', '2'], o: { c: 'C', a: 'in' }, no: false } };
  const secrets = secretsOf(found('db', data.db));
  const p = ' part\n\n{{db.a}}\n{{#db.list}}\n - {{.}}\n{{/db.list}}\n';
  const piece = fc.constantFrom(
    ...[' ', '\n', '\r\n', 'x', '\t', '{{db.a}}', '{{{db.o.c}}}', '{{! c }}', '{{!\n c\n}}', '{{db.b}}'],
    ...['\n  {{> p}}\n', '{{=<% %>=}}<% db.a %><%={{ }}=%>'],
  );
  const name = fc.constantFrom('db', 'db.o', 'db.list', 'db.b', 'db.no', 'db.nope', 'db.a');
  const { node } = fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      piece,
      fc
        .tuple(name, fc.constantFrom('#', '^'), fc.array(tie('node'), { maxLength: 5 }))
        .map(([section, type, inner]) => `{{${type}${section}}}${inner.join('')}{{/${section}}}`),
    ),
  }));
  fc.assert(
    fc.property(fc.array(node, { maxLength: 8 }), (nodes) => {
      const source = nodes.join('');
      const expected = mustache.render(source, data, { p }, { escape: String });
      assert.equal(renderTemplate(parse(source, { p }), secrets).text, expected);
    }),
    { numRuns: 1000 },
  );
});

test('the time grows with the size', { timeout: 10_000 }, () => {
  const keys = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`key${String(index)}`, 'v']));
  const secrets = secretsOf(
    found('many', keys),
    found('s', {
      text: `{{${"'\\\n= {{".repeat(200_000)}`,
      b64: '='.repeat(1_000_000),
      slashes: '\\'.repeat(1_000_000),
    }),
  );
  for (const lambda of ['json', 'yaml', 'shell', 'url', 'base64', 'indent', 'properties']) {
    assert.ok(text(`{{#@${lambda}}}{{s.text}}{{s.slashes}}{{/@${lambda}}}`, {}, secrets).length > 2_000_000);
  }
  assert.equal(
    renderTemplate(parse('{{#@base64decode}}{{s.b64}}{{/@base64decode}}'), secrets).failures.length,
    1,
  );
  const loop = '{{#many}}{{#@entries}}{{s.none}}{{#other}}{{/other}}{{key}}{{/@entries}}{{/many}}';
  assert.equal(renderTemplate(parse(loop), secrets).failures.length, 1);
  assert.equal(text('{{db.port}}'.repeat(20_000)).length, 80_000);
});
