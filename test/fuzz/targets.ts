import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RunError, type FailureKind } from '../../src/base/errors.ts';
import { parseJson } from '../../src/base/lossless-json.ts';
import type { KeyValues, Secrets } from '../../src/base/secret-data.ts';
import { Secret } from '../../src/base/secret.ts';
import { configFrom } from '../../src/config/load.ts';
import { sourceText } from '../../src/config/source.ts';
import { loadYamlParser } from '../../src/config/parse-yaml.ts';
import { stableContentOf } from '../../src/csi/vault-class/object-content.ts';
import { readObjects } from '../../src/csi/vault-class/object-list.ts';
import { identityOfObject } from '../../src/csi/vault-class/object-request.ts';
import { vaultParameters } from '../../src/csi/vault-class/parameters.ts';
import { ENGINES } from '../../src/engines/index.ts';
import { FORMATS } from '../../src/formats/index.ts';
import { presentable } from '../../src/http/presentable.ts';
import { migrateFiles, type Ports } from '../../src/migrate/migrate-files.ts';
import { readVariableLines } from '../../src/migrate/variable-lines.ts';
import { planConfig } from '../../src/plan/plan-config.ts';
import { checkRef } from '../../src/shape/ref.ts';
import { parseTemplate } from '../../src/template/parse.ts';
import { CLASSES } from '../support/csi-classes.ts';
import { PIECES, readsAsJsYaml } from '../support/plain-yaml.ts';
import { renderTemplate } from '../support/render-template.ts';
import { readCapabilities, readEnvelope, readLogin, readMounts } from '../../src/vault/responses.ts';

const parseYaml = await loadYamlParser();

/** A place where texts from outside come in. */
export interface FuzzTarget {
  readonly name: string;
  /** Texts to begin with. */
  readonly seeds: readonly string[];
  /** Pieces that mean something there. */
  readonly words: readonly string[];
  /** @throws whatever it does not take; anything but a refusal in words is a defect */
  readonly take: (text: string) => unknown;
  /** What it may refuse a text by. */
  readonly refusals: readonly (FailureKind | 'SyntaxError' | 'TooDeep')[];
}

const root = join(import.meta.dirname, '../..');
const AROUND = { env: { HOME: '/home/app', ROLE: 'web' }, cwd: '/work' };

/** Texts of files of the project, fenced blocks of documents included. */
function textsOf(pattern: string, block?: RegExp): string[] {
  const texts = globSync(pattern, { cwd: root }).map((file) => readFileSync(join(root, file), 'utf8'));
  return block === undefined
    ? texts
    : texts.flatMap((text) => [...text.matchAll(block)].map(([, found = '']) => found));
}

const yaml = [...textsOf('examples/**/*.yaml'), ...textsOf('**/*.md', /```yaml[^\n]*\n(.*?)```/gs)].filter(
  (text) => !text.includes('apiVersion:'),
);

const SECRETS: Secrets = new Map([
  [
    'db',
    {
      kind: 'found',
      name: 'db',
      keys: new Secret(
        new Map(
          Object.entries(
            parseJson(
              '{"user":"app","password":"p","hosts":["a","b"],"tls":{"crt":"C","chain":[{"cn":"x"}]},"n":1.10,"a.b":"d","json":"{\\"k\\":[1]}"}',
            ) as object,
          ),
        ) as KeyValues,
      ),
      metadata: { path: 'secret/data/db', version: 3 },
    },
  ],
  ['flags', { kind: 'absent', name: 'flags', path: 'secret/data/flags' }],
]);

const config: FuzzTarget = {
  name: 'config',
  seeds: [...yaml, '{"vault": {"address": "https://x"}, "secrets": {"a": "secret/a"}, "outputs": []}'],
  words: [
    '&a ',
    '*a',
    '<<: *a',
    '!!binary ',
    '!!set',
    '? ',
    '- ',
    ': ',
    '|',
    '>',
    '---\n',
    '...',
    '${X}',
    '${X:-y}',
    '$${',
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    '__proto__: ',
    'constructor: ',
    'null',
    '0o17',
    '0x1F',
    '1e999',
    '.nan',
    '.inf',
    '2001-01-01',
    '~',
    '\t',
    '#',
    '@',
    '%YAML 1.2\n',
    'secrets: ',
    'outputs: ',
    'template: ',
    'contents: ',
    'path: ',
    'format: ',
    'keys: ',
    'auth: ',
    'method: ',
    'environment: ',
    'mode: ',
    'min_ttl: ',
    '{{db.a}}',
  ],
  refusals: ['config', 'template'],
  take: async (text) => {
    const known = await configFrom([sourceText('fuzz', text, '/work')], AROUND);
    await planConfig(known, { secrets: 'all', outputs: known.outputs, values: [] });
  },
};

const reference: FuzzTarget = {
  name: 'reference',
  seeds: ['secret/app/db#password', 'db#a.b', 'db#/a/0/b', 'secret/a#k@3', 'secret/a%23b#"a.b".c', 'a/b/c'],
  words: ['#', '@', '/', '..', '.', '"', '\\', '%23', '%', '~0', '~1', '@3', '\0', '\n', ' '],
  refusals: [],
  take: (text) => checkRef(text),
};

const variableLines: FuzzTarget = {
  name: 'variable-lines',
  seeds: [
    'secret/data/a key | NAME ;\nsecret/a "a.b"',
    'a/b *; a/b ** | P_',
    'NAME=secret/a#k\nv1/a?version=2 a[0].`b`',
  ],
  words: ['|', ';', '\n', '\r\n', ' ', '*', '=', '#', '"', '`', '[0]', '.', '?version=', '@', '%', '$', '\0'],
  refusals: [],
  take: (text) => readVariableLines(text, 'lines'),
};

const template: FuzzTarget = {
  name: 'template',
  seeds: [
    ...textsOf('examples/**/*.mustache'),
    '{{db.user}}',
    '{{#db.hosts}}{{.}}, {{/db.hosts}}',
    '{{#db.@entries}}{{key}}={{#@shell}}{{value}}{{/@shell}}\n{{/db.@entries}}',
    '{{^flags}}none{{/flags}}',
    '{{#@json}}{{db.tls}}{{/@json}}{{db."a.b"}}',
  ],
  words: [
    '{{',
    '}}',
    '{{{',
    '}}}',
    '{{#',
    '{{/',
    '{{^',
    '{{!',
    '{{>',
    '{{&',
    '{{=<% %>=}}',
    '<%',
    '%>',
    'db',
    'db.',
    'flags',
    '.',
    '@entries',
    '@version',
    '@json',
    '@yaml',
    '@base64',
    '@base64decode',
    '@shell',
    '@url',
    '@indent',
    '@properties',
    'hosts',
    'tls.chain',
    '"a.b"',
    '\\',
    '\n',
    ' ',
    '{{#db}}',
    '{{/db}}',
  ],
  refusals: ['template'],
  take: (text) => renderTemplate(parseTemplate(text, { file: undefined, partials: new Map() }), SECRETS),
};

/** Files of other tools; nothing else can be read, and YAML is the program's own. */
const MIGRATION_PORTS: Ports = {
  parseYaml: (text, name) =>
    parseYaml({ text, name, purpose: 'file to migrate', directory: '/work', format: 'yaml' }),
  problemOf: (error) => {
    const [failure] = error instanceof RunError ? error.failures : [];
    if (failure === undefined) return undefined;
    const { where = '', message, hint = '' } = failure;
    return { where, message, hint };
  },
  readFile: () => ({ reason: 'ENOENT' }),
};

const migration: FuzzTarget = {
  name: 'migrate',
  seeds: textsOf('examples/migrating/*/*.{hcl,yaml,yml,ctmpl}'),
  words: [
    ...[
      '{{',
      '}}',
      '{{-',
      '-}}',
      '{{ with ',
      '{{ range ',
      '{{ if ',
      '{{ else }}',
      '{{ end }}',
      '{{ define "x" }}',
    ],
    ...[
      '.Data.data.a',
      '.Data',
      '.',
      '$',
      '$x',
      ' := ',
      ' | ',
      '(',
      ')',
      'secret "secret/data/a"',
      'secrets "a"',
    ],
    ...[
      'printf "%s" ',
      'index ',
      'toJSON',
      'indent 4',
      'env "A"',
      'not ',
      'and ',
      'or ',
      'pkiCert "a"',
      '`',
      '"',
    ],
    ...[
      '<<EOF\n',
      'EOF\n',
      '<<-X\n',
      ' X\n',
      '{',
      '}',
      '[',
      ']',
      '=',
      ',',
      '\\',
      '${',
      '#',
      '/*',
      '*/',
      '\n',
      '  ',
    ],
    ...[
      'template',
      'contents',
      'destination',
      'vault',
      'auto_auth',
      'method',
      'sink',
      'secret',
      'objects: |\n',
    ],
    ...['vault.hashicorp.com/agent-inject-secret-', '| A ;', '*', '${{ secrets.A }}', '---\n', '- ', ': '],
  ],
  refusals: [],
  take: (text) => migrateFiles([{ name: 'fuzz', text }], MIGRATION_PORTS).files([]),
};

const ANSWERS: readonly string[] = [
  '{"auth":{"client_token":"s.x","policies":["a"],"token_type":"service","lease_duration":60,"renewable":true,"num_uses":0}}',
  '{"auth":{"client_token":"","mfa_requirement":{"mfa_request_id":"x","mfa_constraints":{"totp":{"any":[]}}}}}',
  '{"data":{"secret":{"secret/":{"type":"kv","options":{"version":"2"}},"kv/":{"type":"kv","options":null}}}}',
  '{"lease_id":"x","lease_duration":60,"renewable":true,"data":{"username":"u"},"wrap_info":null,"warnings":["w"]}',
  '{"data":{"data":{"a":"b","n":1.10,"o":{"p":[null]}},"metadata":{"version":3,"destroyed":false,"deletion_time":""}}}',
  '{"data":null,"wrap_info":{"token":"x","ttl":60,"creation_path":"a"}}',
];
const answer: FuzzTarget = {
  name: 'answer',
  seeds: ANSWERS,
  words: [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    'null',
    'true',
    '-',
    '1e999',
    '1.10',
    '12345678901234567890',
    '\\ud800',
    '\\u0000',
    '"__proto__"',
    '"data"',
    '"auth"',
    '"metadata"',
    '"keys"',
    '[[[[',
  ],
  refusals: ['SyntaxError', 'TooDeep'],
  take: (text) => {
    const body = parseJson(text);
    const envelope = readEnvelope(body);
    return [
      readLogin(body, (said) => presentable(said, [])),
      readMounts(body),
      readCapabilities(body),
      ...Object.values(ENGINES).flatMap((engine) => [engine.read(200, envelope), engine.read(404, envelope)]),
    ];
  },
};

const format: FuzzTarget = {
  name: 'format',
  seeds: [
    '{"A":"b","c d":"e\\nf","g.h":"\\"\'$`","n":1.10,"o":{"p":[1,null,"x"]},"é":"\\ud83d\\ude00"}',
    '{}',
  ],
  words: [
    '"',
    '\\n',
    '\\u0000',
    '\\ud800',
    "'",
    '$',
    '`',
    '=',
    '#',
    ':',
    '"":',
    '"__proto__":',
    '{',
    '}',
    '[',
    ']',
    ',',
    '1.10',
  ],
  refusals: ['SyntaxError', 'TooDeep'],
  take: async (text) => {
    const value = parseJson(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const keys = new Map(Object.entries(value)) as KeyValues;
    for (const one of Object.values(FORMATS)) {
      // A key store takes long, and its values are no texts.
      if (one.name === 'pkcs12') continue;
      await (one.render as (keys: KeyValues, options: object, context: object) => unknown)(keys, {}, {});
    }
  },
};

const foreign: FuzzTarget = {
  name: 'foreign text',
  seeds: [
    '1 error occurred:\n\t* permission denied\n\n',
    '::add-mask::x',
    '\u001b[31m',
    'you sent cy5zZWNyZXQtdG9rZW4=',
  ],
  words: [
    '::',
    '##[',
    '##vso[',
    '\u001b[',
    '\r',
    '\n',
    '\u0085',
    '\u2028',
    '\u202e',
    's.secret-token',
    Buffer.from('s.secret-token').toString('base64'),
  ],
  refusals: [],
  take: (text) => {
    const shown = presentable(text, [new Secret('s.secret-token')]);
    if (/::|##\[|##vso\[|\p{Cc}|s\.secret-token/u.test(shown)) throw new Error(`not presentable: ${shown}`);
  },
};

const vaultClass: FuzzTarget = {
  name: 'class',
  seeds: CLASSES.map(({ parameters }) => parameters['objects'] ?? ''),
  words: [
    ...[
      '&a ',
      '*a',
      '<<: *a',
      '!!binary ',
      '!!int ',
      '? ',
      '- ',
      ': ',
      '[',
      '{',
      '|\n',
      '"',
      '---\n',
      '0o',
      '0x',
      '_',
    ],
    ...[
      'objectName: ',
      'secretPath: ',
      'secretArgs: ',
      'filePermission: ',
      'method: ',
      '..',
      '/',
      '?',
      '%',
      ';',
    ],
  ],
  take: (objects) => vaultParameters({ roleName: 'web', objects }).objects.map(identityOfObject),
  refusals: ['config'],
};

const vaultObject: FuzzTarget = {
  name: 'answer for a class',
  seeds: [
    '{"request_id":"r","lease_id":"","lease_duration":0,"renewable":false,"data":{"data":{"k":"aGk="},"metadata":{"version":1}},"warnings":null}',
    '{"request_id":"r","lease_id":"l","lease_duration":9,"renewable":true,"data":{"k":"v","ttl":1,"rotation_period":2},"warnings":["w"],"mount_type":"kv"}',
    '{"initialized":true,"sealed":false}',
  ],
  words: [
    '"data":',
    '"k":',
    'null',
    '{}',
    '[]',
    '1.10',
    '"auth":{',
    '"wrap_info":{',
    '"errors":[',
    '"\\ud800"',
    '1e999',
  ],
  take: (text) =>
    ['', 'k'].flatMap((secretKey) =>
      ['', 'base64', 'hex'].map((encoding) => {
        const [object] = readObjects(
          JSON.stringify([{ objectName: 'a', secretPath: 'x', secretKey, encoding }]),
        ).objects;
        return object === undefined ? undefined : stableContentOf(object, parseJson(text));
      }),
    ),
  refusals: ['not_found', 'template', 'unavailable', 'SyntaxError', 'TooDeep'],
};

/** What is read without js-yaml must be what js-yaml makes of it. */
const plainYaml: FuzzTarget = {
  name: 'plain YAML',
  seeds: yaml,
  words: PIECES,
  refusals: [],
  take: readsAsJsYaml,
};

export const TARGETS: readonly FuzzTarget[] = [
  config,
  plainYaml,
  reference,
  template,
  migration,
  variableLines,
  answer,
  format,
  foreign,
  vaultClass,
  vaultObject,
];

/** @returns what is wrong with how a text was taken; undefined: nothing */
export async function defectOf({ take, refusals }: FuzzTarget, text: string): Promise<string | undefined> {
  try {
    await take(text);
    return undefined;
  } catch (error) {
    const names =
      error instanceof RunError
        ? error.failures.map(({ kind }) => kind)
        : [error instanceof Error ? error.constructor.name : typeof error];
    if (names.every((name) => (refusals as readonly string[]).includes(name))) return undefined;
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}
