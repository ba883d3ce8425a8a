import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fieldsOf, METHOD_NAMES } from '../../src/auth/index.ts';
import { configFields } from '../../src/config/config-definition.ts';
import { configJsonSchema } from '../../src/config/reference.ts';
import { Editor } from '../support/editor.ts';

const editor = new Editor(structuredClone(configJsonSchema(configFields(await fieldsOf(METHOD_NAMES)))));

const CONTENT =
  'needs exactly one of `template`, `contents`, `value`, `token`, `format` (or `key`, which means `format: raw`)';

/** Texts and all that the editor says of them. */
const SAID: readonly (readonly [string, ...string[]])[] = [
  ['auth: { method: kubernetes, role: web }\noutputs: [{ path: a, template: a.mustache }]'],
  ['auth: { type: kubernetes }', '1: Missing property "method".'],
  ['auth:\n  method: kubernetes', '1: Missing property "role".'],
  ['auth:\n  method: kubernetes\n  role: web\n  rol: x', '4: Property rol is not allowed.'],
  ['auth:\n  method: approle', '1: needs exactly one of `role_id`, `role_id_file`, `role_id_env`'],
  [
    'auth:\n  - method: approle\n    role_id: a\n    role_id_file: b',
    '4: needs exactly one of `role_id`, `role_id_file`, `role_id_env`',
  ],
  ['outputs:\n  - { path: a }', `2: ${CONTENT}`],
  ['outputs:\n  - { path: a, token: false }', `2: ${CONTENT}`],
  ['outputs:\n  - path: a\n    template: x\n    contents: y', `4: ${CONTENT}`],
  ['outputs:\n  - path: a\n    token: true\n    value: a/b#c', `4: ${CONTENT}`],
  ['outputs:\n  - { template: x }', '2: needs `path` or `kubernetes_secret`'],
  ['outputs:\n  - { path: a, format: json }', '2: needs `secret:`, the name of a declared secret'],
  ['output: { mode: 0440 }', '1: write the mode as quoted text of three octal digits: "0440"'],
  ['timeout: soon', '1: write it as `90s`, `1h30m`, `500ms`, or as a number of seconds above 0'],
  ['output: { owner: root }', '1: must be a whole number from 0 to 4294967294'],
  ['secrets:\n  a: { version: 3 }', '2: Missing property "path".'],
  [
    'environment:\n  A: { value: a/b#c, template: x }',
    '2: needs exactly one of `value`, `template`, `token`',
  ],
  ['revoke: sometimes', '1: Value is not accepted. Valid values: "auto", "always", "never".'],
];

describe('an editor', () => {
  for (const [text, ...expected] of SAID) {
    test(`says of ${JSON.stringify(text)}: ${expected.join(', ') || 'nothing'}`, async () => {
      assert.deepEqual(await editor.problemsIn(text), expected);
    });
  }

  test('says that the method is wrong, and which there are', async () => {
    const [problem, ...others] = await editor.problemsIn('auth: { method: kubernets, role: web }');
    assert.deepEqual(others, []);
    for (const method of METHOD_NAMES) assert.ok(problem?.includes(`"${method}"`), problem);
  });

  test('offers each login method once, with what it is and the keys that it needs', async () => {
    const offers = await editor.offersIn('auth:\n  |>');
    assert.deepEqual(offers.map(({ label }) => label).toSorted(), [...METHOD_NAMES, 'method'].toSorted());
    const kubernetes = offers.find(({ label }) => label === 'kubernetes');
    assert.equal(kubernetes?.text, 'method: kubernetes\nrole: ');
    for (const { label, documentation } of offers)
      assert.ok(label === 'method' || documentation !== '', label);
  });

  test('offers the keys of the method that is named, and no others', async () => {
    const labels = async (text: string): Promise<string[]> => {
      const offers = await editor.offersIn(text);
      return [...new Set(offers.map(({ label }) => label))].toSorted();
    };
    assert.deepEqual(await labels('auth:\n  method: userpass\n  |>'), [
      ...['mount', 'namespace', 'password', 'password_file', 'username', 'userpass'],
    ]);
    const token = await editor.offersIn('auth:\n  method: token\n  |>');
    assert.equal(token.find(({ label }) => label === 'token_file')?.text, 'token_file: ');
  });

  test('offers values, each with what it means', async () => {
    for (const text of [
      'auth:\n  method: |>',
      'auth:\n  method: jwt\n  source: |>',
      'outputs:\n  - format: |>',
      'secrets:\n  a:\n    engine: |>',
      'revoke: |>',
    ]) {
      const offers = await editor.offersIn(text);
      assert.ok(offers.length > 1, text);
      for (const { label, documentation } of offers) assert.match(documentation, /^\S.*\.$/, label);
    }
  });

  test('inserts no number of its own: 0 would be root, or no limit', async () => {
    const places = ['|>', 'vault:\n  |>', 'output:\n  |>', 'outputs:\n  - |>', 'secrets:\n  a:\n    |>'];
    const offers = (await Promise.all(places.map((place) => editor.offersIn(place)))).flat();
    for (const name of ['owner', 'group', 'concurrency', 'max_retries', 'max_secrets'])
      assert.ok(
        offers.some(({ label }) => label === name),
        name,
      );
    assert.deepEqual(
      offers.filter(({ text }) => /: *(?:\$\{\d+:)?\d/.test(text)),
      [],
    );
  });

  test('offers each key of an output once', async () => {
    const offers = await editor.offersIn('outputs:\n  - path: a\n    |>');
    const labels = offers.map(({ label }) => label);
    assert.deepEqual(labels, [...new Set(labels)]);
  });
});
