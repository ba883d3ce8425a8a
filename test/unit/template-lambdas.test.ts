import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parse as parseToml } from 'smol-toml';
import type { Failure } from '../../src/base/errors.ts';
import type { Secrets } from '../../src/base/secret-data.ts';
import { Secret } from '../../src/base/secret.ts';
import { parseTemplate } from '../../src/template/parse.ts';
import { renderTemplate } from '../support/render-template.ts';

function render(source: string, value: string): { text: string; failures: readonly Failure[] } {
  const keys = new Secret(new Map([['k', value]]));
  const secrets: Secrets = new Map([['s', { kind: 'found', name: 's', keys, metadata: { path: 'p' } }]]);
  return renderTemplate(parseTemplate(source, { file: 'f', partials: new Map() }), secrets);
}

function encode(lambda: string, value: string): string {
  const { text, failures } = render(`{{#@${lambda}}}{{s.k}}{{/@${lambda}}}`, value);
  assert.deepEqual(failures, []);
  return text;
}

function problem(lambda: string, value: string): string {
  const { text, failures } = render(`\n{{#@${lambda}}}{{s.k}}{{/@${lambda}}}`, value);
  assert.equal(text, '\n');
  assert.equal(failures.length, 1);
  assert.equal(failures[0]?.kind, 'template');
  assert.equal(failures[0].where, 'f:2');
  return failures[0].message;
}

/** Any text, with what is special to the encodings more often. */
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 4 }).filter((text) => text.isWellFormed()),
      fc.constantFrom("'", '"', '\\', '\n', '\r', '\t', '\f', '$', '`', '=', ':', '#', '!', ' ', '\u0085'),
      fc.constantFrom('\u2028', '\u2029', '\ufeff', '\x7f', '\x9f', '\ufffe', '🔐', '{{s.k}}', 'é', '\x01'),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

describe('lambdas', () => {
  test('@json is a JSON string', () => {
    fc.assert(
      fc.property(anyText, (value) => {
        assert.equal(JSON.parse(encode('json', value)), value);
      }),
    );
  });

  test('@yaml is a double-quoted scalar that YAML 1.1 and 1.2 read as JSON does, on one line', () => {
    fc.assert(
      fc.property(anyText, (value) => {
        const scalar = encode('yaml', value);
        assert.equal(JSON.parse(scalar), value);
        // NEL, LS and PS are line breaks of YAML 1.1; DEL, C1, byte order marks and non-characters are refused.
        assert.match(scalar, /^"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]*"$/);
        // `\/` came with YAML 1.2, and half a surrogate pair is a character of neither.
        assert.doesNotMatch(scalar, /\\\/|\\u[dD][89a-fA-F]/);
      }),
    );
    for (const word of ['no', 'null', '~', '1e3', '0o7', '']) assert.equal(encode('yaml', word), `"${word}"`);
    assert.equal(
      encode('yaml', '/🔐'),
      '"/🔐"',
      'YAML 1.1 has no escape for `/`, and pairs two escapes to nothing',
    );
    assert.match(problem('yaml', 'canary\ud800'), /surrogate/);
  });

  test('@toml is a basic string on one line', () => {
    fc.assert(
      fc.property(anyText, (value) => {
        const text = encode('toml', value);
        assert.deepEqual({ ...parseToml(`k = ${text}`) }, { k: value });
        assert.match(text, /^"[^\x00-\x1f\x7f]*"$/);
      }),
    );
    assert.equal(encode('toml', 'é"\\\n\x7f'), '"é\\"\\\\\\n\\u007f"');
    assert.match(problem('toml', 'canary\ud800'), /surrogate/);
  });

  test('@shell is one word of a real shell', () => {
    const values = fc
      .sample(anyText, { numRuns: 300, seed: 1 })
      .map((value) => value.replaceAll('\0', ''))
      .concat('', '-n', "it's", "'", "''", '$(exit 1)', '*', '~', 'a\nb\n', '\\');
    const script = values.map((value) => `printf '%s\\0' ${encode('shell', value)}`).join('\n');
    const printed = execFileSync('/bin/sh', ['-s'], { encoding: 'utf8', input: script });
    assert.deepEqual(printed.split('\0'), [...values, '']);
    assert.doesNotMatch(problem('shell', 'canary\0'), /canary/);
    assert.match(problem('shell', 'canary\ud800'), /surrogate/);
  });

  test('@url leaves only the unreserved characters of RFC 3986', () => {
    fc.assert(
      fc.property(anyText, (value) => {
        const encoded = encode('url', value);
        assert.match(encoded, /^(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})*$/);
        assert.equal(decodeURIComponent(encoded), value);
      }),
    );
    assert.equal(encode('url', "a-._~ !'()*/"), 'a-._~%20%21%27%28%29%2A%2F');
    assert.match(problem('url', 'canary\ud800'), /surrogate/);
  });

  test('@base64 and @base64decode are inverse; half a surrogate pair is refused', () => {
    fc.assert(
      fc.property(anyText, (value) => {
        const encoded = encode('base64', value);
        assert.equal(Buffer.from(encoded, 'base64').toString(), value);
        assert.equal(encode('base64decode', encoded), value);
        assert.equal(
          encode('base64decode', ` ${encoded.replace(/=+$/, '').replace(/(.)/g, '$1\r\n')}`),
          value,
        );
      }),
    );
    assert.match(problem('base64', '\udc00canary'), /surrogate/);
  });

  test('@base64decode refuses what is not base64, or not text, without telling it', () => {
    for (const value of ['canary!', 'YQ=', 'YQ===', 'Y', 'YWE=YQ==', 'YWFh=', '=', 'c_-y', 'YQ\u00a0==']) {
      assert.match(problem('base64decode', value), /^\{\{#@base64decode\}\}: the text is not base64$/, value);
    }
    const binary = Buffer.from([0xff, 0xfe]).toString('base64');
    const told = problem('base64decode', binary);
    assert.match(told, /not UTF-8/);
    assert.ok(!told.includes(binary));
    assert.equal(encode('base64decode', '77u/YQ=='), '\ufeffa', 'a byte order mark is text');
  });

  test('@indent moves the lines after the first to the column of the tag', () => {
    assert.equal(
      render('  a: {{#@indent}}{{s.k}}{{/@indent}}|', '1\n2\n\n3').text,
      '  a: 1\n     2\n\n     3|',
    );
    assert.equal(encode('indent', '1\n2'), '1\n2');
    const standalone = 'crt: |\n  {{#@indent}}\n{{s.k}}\n  {{/@indent}}\nend\n';
    assert.equal(render(standalone, '1\n2').text, 'crt: |\n  1\n  2\nend\n');
  });

  test('@properties is read back by the rules of java.util.Properties', () => {
    fc.assert(
      fc.property(anyText, (value) => {
        const encoded = encode('properties', value);
        assert.match(encoded, /^[\x20-\x7e]*$/);
        assert.equal(loadProperty(` ${encoded}`), value);
      }),
    );
    assert.equal(
      encode('properties', ' \ta = b:#!\\é\n'),
      '\\ \\ta \\= b\\:\\#\\!\\\\\\u00e9\\n'.replace('\\ \\t', '\\ \\t'),
    );
  });

  test('they nest, inner first, and encode what their section renders to', () => {
    assert.equal(
      render('{{#@json}}{{#@base64}}u:{{s.k}}{{/@base64}}{{/@json}}', 'é"').text,
      JSON.stringify(Buffer.from('u:é"').toString('base64')),
    );
    assert.equal(render('{{#@shell}}{{#@json}}{{s.k}}{{/@json}}{{/@shell}}', `'"`).text, `'"'\\''\\""'`);
    assert.equal(render('{{#@json}}{{#s}}{{k}}{{/s}}{{^s.k}}x{{/s.k}}{{/@json}}', 'v').text, '"v"');
  });
});

/** The value part of a line, as `load` of java.util.Properties reads it. */
function loadProperty(text: string): string {
  const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', f: '\f', r: '\r' };
  return text
    .replace(/^[ \t\f]+/, '')
    .replace(/\\u([0-9a-fA-F]{4})|\\(.)/g, (_, hex: string | undefined, letter: string | undefined) =>
      hex === undefined ? (escapes[letter ?? ''] ?? letter ?? '') : String.fromCharCode(parseInt(hex, 16)),
    );
}
