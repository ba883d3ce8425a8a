import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { loadYamlParser } from '../../src/config/parse-yaml.ts';
import { podVariables } from '../../src/manifest/pod-variables.ts';
import { yamlText } from '../../src/manifest/yaml-text.ts';
import { pythonHas, runPython } from '../support/format-readers.ts';

const parseYaml = await loadYamlParser();

/** Texts that look like something else, and any text that YAML can carry. */
const text = fc.oneof(
  fc.constantFrom(
    'yes',
    'NO',
    'on',
    'y',
    '~',
    'null',
    '0440',
    '0o17',
    '1:20',
    '1_000',
    '.5',
    '1e3',
    '=',
    '<<',
    '',
  ),
  fc.constantFrom(
    'a: b',
    '# c',
    '- d',
    '---',
    '...',
    '%e',
    '@f',
    '`g',
    '|',
    '>',
    '{',
    '!h',
    '&i',
    '*j',
    "'",
    '"',
  ),
  fc.constantFrom(' a\nb', 'a \n', '\n', '\ta', 'a\r\nb', '\u0085', '\u2028', '\u0007', '2026-01-01'),
  fc.string({ unit: 'binary-ascii' }),
  fc.string({ unit: 'grapheme' }),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof({ maxDepth: 3 }, text, fc.integer(), fc.boolean(), tie('list'), tie('map')),
  list: fc.array(tie('any'), { maxLength: 4 }),
  map: fc.dictionary(text, tie('any'), { maxKeys: 4, noNullPrototype: true }),
})).map;

describe('the YAML of manifests', () => {
  test('this program reads of it what was written', () => {
    const parsed = (written: string): unknown =>
      parseYaml({ text: written, name: 'x', purpose: 'config', directory: '/', format: 'yaml' }).value;
    fc.assert(
      fc.property(value, (written) => {
        assert.deepEqual(parsed(yamlText(written)), written);
      }),
    );
  });

  // Where there is one here.
  test('a reader of YAML 1.1, as Kubernetes has, reads the same', () => {
    if (!pythonHas('yaml')) return;
    const written = fc.sample(value, 300);
    // Compared there: JSON.parse of V8 13.6 takes a key of one escaped character for `\\` once it has seen that in its place.
    const script =
      'answer = [one for one in data if json.dumps(yaml.safe_load(one[0])) != json.dumps(one[1])]';
    assert.deepEqual(
      runPython(
        `import json, yaml\n${script}`,
        written.map((one) => [yamlText(one), one]),
      ),
      [],
    );
  });
});

test('the kubelet makes of a variable what it was', () => {
  /** https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/ */
  const expanded = (written: string): string =>
    written.replace(/\$\$|\$\(([^)]*)\)/g, (match) => (match === '$$' ? '$' : 'REPLACED'));
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('$', '(', ')', 'A', '{', '}') }), (given) => {
      const { env } = podVariables(
        {
          env: {},
          settings: [{ name: 'VAULT_ADDR', value: given }],
          login: { at: ['auth'], identity: undefined, variables: [] },
        },
        [],
        'x',
      );
      const [{ value: written = '' } = {}] = env as readonly { readonly value?: string }[];
      assert.equal(expanded(written), given);
    }),
  );
});
