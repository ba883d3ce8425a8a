import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import yaml from 'yaml';
import { fieldsOf, type MethodName } from '../../src/auth/index.ts';
import { RunError } from '../../src/base/errors.ts';
import type { FetchedSecret, JsonValue, SecretMetadata } from '../../src/base/secret-data.ts';
import { Secret } from '../../src/base/secret.ts';
import { recogniseConfig } from '../../src/config/no-config.ts';
import { recogniseTemplate, type Finding } from '../../src/template/other-languages.ts';
import { parseTemplate } from '../../src/template/parse.ts';
import { renderTemplate } from '../support/render-template.ts';

function parse(source: string): ReturnType<typeof parseTemplate> {
  return parseTemplate(source, { file: 'app.tpl', partials: new Map() });
}

/** What is recognised in a template, which then does not parse. */
function findingOf(source: string): Finding {
  assert.throws(() => parse(source), RunError);
  const finding = recogniseTemplate(source);
  assert.ok(finding !== undefined, source);
  return finding;
}

function found(name: string, keys: Readonly<Record<string, JsonValue>>, more: Partial<SecretMetadata> = {}) {
  const secret: FetchedSecret = {
    kind: 'found',
    name,
    keys: new Secret(new Map(Object.entries(keys))),
    metadata: { path: `secret/${name}`, ...more },
  };
  return [name, secret] as const;
}

const SECRETS = new Map([
  found('db', { user: 'app', cert: 'Y2E=', url: 'a b', hosts: ['a', 'b'] }, { version: 7, lease_id: 'l/1' }),
  found('tls', { certificate: 'C', private_key: 'K', issuing_ca: 'A' }),
  found('names', { keys: ['x', 'y/'] }),
]);

function rendered(source: string): string {
  const { text, failures } = renderTemplate(parse(source), SECRETS);
  assert.deepEqual(failures, [], source);
  return text;
}

/** A template, its line about what was found, and what the Mustache in that line renders to. */
const TRANSLATED: readonly (readonly [source: string, detail: string, mustache: string, text: string])[] = [
  ['{{ .Data.data.user }}', '`{{ .Data.data.user }}` becomes `<M>`', '{{db.user}}', 'app'],
  ['{{.Data.user}}', '`{{ .Data.user }}` becomes `<M>`', '{{db.user}}', 'app'],
  ['{{- $db.Data.data.user -}}', '`{{ $db.Data.data.user }}` becomes `<M>`', '{{db.user}}', 'app'],
  ['{{ .LeaseID }}', '`{{ .LeaseID }}` becomes `<M>`', '{{db.@lease_id}}', 'l/1'],
  ['{{ .Data.metadata.version }}', '`{{ .Data.metadata.version }}` becomes `<M>`', '{{db.@version}}', '7'],
  [
    '{{ range $k, $v := .Data.data }}{{ end }}',
    '`{{ range … }}` becomes `<M>`, over all keys of a secret',
    '{{#db.@entries}}{{key}}={{value}}{{/db.@entries}}',
    'cert=Y2E=hosts=["a","b"]url=a buser=app',
  ],
  [
    '{{- range .Data.data.hosts -}}{{ . }}{{- end -}}',
    '`{{ range … }}` becomes `<M>`, over a list',
    '{{#db.hosts}}{{.}}{{/db.hosts}}',
    'ab',
  ],
  [
    '{{ range secrets "secret/" }}{{ . }}{{ end }}',
    '`{{ range secrets "…" }}` becomes `<M>`, with `names: { path: secret/app, list: true }` under `secrets:`',
    '{{#names.keys}}{{.}}{{/names.keys}}',
    'xy/',
  ],
  [
    '{{ .Data.data.user | toJSON }}',
    '`{{ … | toJSON }}` becomes `<M>`',
    '{{#@json}}{{db.user}}{{/@json}}',
    '"app"',
  ],
  ['{{ toYAML .Data.user }}', '`{{ toYAML … }}` becomes `<M>`', '{{#@yaml}}{{db.user}}{{/@yaml}}', '"app"'],
  [
    '{{ base64Decode .Data.data.cert }}',
    '`{{ base64Decode … }}` becomes `<M>`',
    '{{#@base64decode}}{{db.cert}}{{/@base64decode}}',
    'ca',
  ],
  [
    '{{ .Data.url | urlquery }}',
    '`{{ … | urlquery }}` becomes `<M>`',
    '{{#@url}}{{db.url}}{{/@url}}',
    'a%20b',
  ],
  [
    '{{ .Data.data | toJSON }}',
    '`{{ … | toJSON }}` becomes `<M>`, which is JSON',
    '{{db}}',
    '{"user":"app","cert":"Y2E=","url":"a b","hosts":["a","b"]}',
  ],
  [
    '{{ with pkiCert "pki/issue/web" "common_name=web" }}{{ .Cert }}{{ end }}',
    '`{{ .Cert }}` becomes `<M>`',
    '{{tls.certificate}}',
    'C',
  ],
  ['{{ with pkiCert "pki/issue/web" }}{{ .Key }}', '`{{ .Key }}` becomes `<M>`', '{{tls.private_key}}', 'K'],
];

describe('templates of other languages', () => {
  test('what takes the place of a construct of Go is named, and does the same', () => {
    for (const [source, detail, mustache, text] of TRANSLATED) {
      const { message, details } = findingOf(source);
      assert.match(message, /^this looks like a Go template \(Vault Agent, consul-template\), `\{\{/, source);
      assert.ok(details.includes(`line 1: ${detail.replace('<M>', () => mustache)}`), details.join('\n'));
      assert.equal(rendered(mustache), text);
    }
  });

  test('each construct has its line; what has no counterpart says so', () => {
    const { line, message, details, hint } = findingOf(
      '{{/* c */}}\n{{ with secret "secret/data/db" }}\n{{ .Data.data.user }}\n{{ end }}\n{{ env "HOME" }}\n' +
        '{{ $x := .Data.data.url }}\n{{ if eq .Data.data.user "x" }}{{ else }}{{ end }}\n{{ if .Data.data.url }}\n' +
        '{{ key "a/b" }}\n{{ .Data.data.user | toUpper }}\n{{ secret "pki/issue/x" "common_name=x" }}',
    );
    assert.equal(line, 1);
    assert.equal(message, 'this looks like a Go template (Vault Agent, consul-template), `{{/* … */}}`');
    assert.deepEqual(
      details.map((text) => text.replace(/(becomes|has no counterpart).*/, '$1')),
      [
        'line 1: `{{/* … */}}` becomes',
        'line 2: `{{ with secret "…" }}` becomes',
        'line 3: `{{ .Data.data.user }}` becomes',
        'line 5: `{{ env … }}` has no counterpart',
        'line 6: `{{ $… := … }}` has no counterpart',
        'line 7: `{{ if … }}` has no counterpart',
        'line 8: `{{ if … }}` becomes',
        'line 9: `{{ key … }}` has no counterpart',
        'line 10: `{{ … | toUpper }}` has no counterpart',
        'line 11: `{{ secret "…" }}` becomes',
      ],
    );
    assert.equal(
      hint,
      'declare the secret under `secrets:` as `db`, and write `{{db.user}}` here: templates are Mustache; `vaultonce migrate` converts those of Go',
    );
    assert.match(details.at(-1) ?? '', /its `write:`$/);
    assert.doesNotMatch(findingOf('{{ env "HOME" }}').hint, /secrets:/);
    assert.equal(
      findingOf(Array.from({ length: 99 }, (_, i) => `{{.k${String(i)}}}`).join('')).details.length,
      21,
    );
  });

  test('Handlebars and Jinja', () => {
    assert.match(
      findingOf('{{#if db.a}}x{{else}}y{{/if}}').message,
      /a Handlebars template, `\{\{#if …\}\}`$/,
    );
    assert.match(findingOf('{{#each xs}}{{this}}{{/each}}').details[0] ?? '', /becomes `\{\{#db\.KEY\}\}/);
    const jinja = findingOf('{% if db %}\n{{ db.a | b64decode }}{% endif %}');
    assert.match(jinja.message, /a Jinja template, `\{% if … %\}`$/);
    assert.match(jinja.details[1] ?? '', /^line 2: .*`\{\{#@base64decode\}\}\{\{db\.a\}\}/);
    assert.equal(rendered('{% if db %}{{db.user}}'), '{% if db %}app', 'text as any other');
  });

  test('nothing that stands in quotes is quoted', () => {
    for (const tag of [
      '$x := "canary"',
      'with secret "canary" "role_id=canary"',
      'if eq .a "canary"',
      'toJSON "p.canary',
      'env `canary.canary`',
      ".a | frob 'canary.x'",
      '.a | default "\\"canary.x"',
    ]) {
      assert.doesNotMatch(JSON.stringify(findingOf(`{{ ${tag} }}`)), /canary/, tag);
    }
  });

  test('a mistake in Mustache is not taken for another language', () => {
    for (const [source, message] of [
      ['{{#db}}', /section db is not closed/],
      ['{{db. a}}', /contains a space/],
      ['{{my key}}', /contains a space/],
      ['{{db..a}}', /empty part/],
      ['{{end}}{{else}}{{range}}{{#if}}{{/if}}{{', /not closed/],
      ['{{! range .x }}{{! {% if %} }}{{#db}}', /not closed/],
      ['{{=<% %>=}}{{ with secret "x" }}<% db. a %>', /contains a space/],
      ['{{ =<% %>=}}{{ with secret "x" }}<% db. a %>', /contains a space/],
      ['{{ {}}{{.a}}}{{db. a}}', /contains a space/],
    ] as const) {
      assert.throws(() => parse(source), { name: 'RunError', message }, source);
      assert.equal(recogniseTemplate(source), undefined, source);
    }
  });

  test('what is recognised never parses as Mustache, and what parses is never recognised', () => {
    const word = fc.constantFrom(
      ...[
        'end',
        'else',
        'range',
        'if',
        'env',
        'secret',
        'db',
        'toJSON',
        '$x',
        '.',
        '.a',
        '.Data',
        '"x"',
        '-',
      ],
      ...[
        '|',
        ':=',
        '/*',
        '*/',
        '=',
        '=<% %>=',
        '#',
        '/',
        '^',
        '!',
        '>',
        '&',
        '{',
        ' ',
        ' ',
        '\n',
        '..',
        'key',
        '@json',
        '%',
      ],
    );
    const tag = fc.array(word, { maxLength: 6 }).map((words) => `{{${words.join('')}}}`);
    const text = fc.constantFrom('', 'x', '{% if a %}', '{', '}}', '"');
    fc.assert(
      fc.property(fc.array(fc.oneof(tag, text), { maxLength: 4 }), (parts) => {
        const source = parts.join('');
        let parses = true;
        try {
          parse(source);
        } catch {
          parses = false;
        }
        if (parses) assert.equal(recogniseTemplate(source), undefined, source);
      }),
      { numRuns: 5000 },
    );
  });
});

test('the login that takes the place of each method of Vault Agent has known keys only', async () => {
  const methods = [
    ...['alicloud', 'approle', 'aws', 'azure', 'cert', 'cf', 'gcp', 'jwt', 'kubernetes', 'ldap', 'oci'],
    ...['token_file', 'constructor'],
  ];
  const elsewhere = new Map([
    ['token_file', 'token'],
    ['constructor', 'kubernetes'],
  ]);
  for (const name of methods) {
    const [detail = ''] =
      recogniseConfig(`auto_auth {\n  method "${name}" {\n    x = 1\n  }\n}`, [])?.details ?? [];
    const { auth } = yaml.parse(/becomes `(.*)`$/.exec(detail)?.[1] ?? '') as {
      auth: { method: MethodName };
    };
    assert.equal(auth.method, elsewhere.get(name) ?? name);
    const fields = (await fieldsOf([auth.method]))[auth.method];
    for (const key of Object.keys(auth)) assert.ok(Object.hasOwn(fields?.members ?? {}, key), detail);
  }
});
