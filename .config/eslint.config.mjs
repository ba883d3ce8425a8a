import { join } from 'node:path';
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const root = join(import.meta.dirname, '..');

const ONLY_HTTP = 'Only src/http makes requests: askThirdParty() for what is not Vault.';
/** Node's modules that open connections. */
const NETWORK = '^(?:node:)?(?:https?|http2|net|tls|dgram)$';
const AXIOS = { group: ['axios', 'axios/*'], message: 'Only src/http/axios.ts uses axios.' };
const AXIOS_LATER = { selector: 'ImportExpression[source.value=/^axios\\b/]', message: AXIOS.message };

export default tseslint.config(
  { basePath: root, ignores: ['dist', '.cache', 'node_modules'] },
  {
    basePath: root,
    files: ['**/*.ts'],
    extends: [js.configs.recommended, tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: join(root, 'tsconfig.json'), tsconfigRootDir: root } },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'max-lines': ['error', { max: 260, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 50, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 12],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // Control characters are what some patterns look for.
      'no-control-regex': 'off',
      'no-restricted-imports': ['error', { patterns: [AXIOS] }],
      'no-restricted-syntax': ['error', AXIOS_LATER],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'exit', message: 'Only src/main.ts ends the process.' },
        { object: 'process', property: 'exitCode', message: 'Only src/main.ts sets the exit code.' },
      ],
    },
  },
  {
    basePath: root,
    files: ['**/*.mjs'],
    extends: [js.configs.recommended],
    languageOptions: { globals: { Buffer: 'readonly', process: 'readonly', URL: 'readonly' } },
    rules: { eqeqeq: 'error', 'no-var': 'error', 'prefer-const': 'error' },
  },
  {
    basePath: root,
    files: ['src/**/*.ts'],
    ignores: ['src/http/**'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [AXIOS, { regex: NETWORK, message: ONLY_HTTP }] }],
      'no-restricted-globals': [
        'error',
        ...['fetch', 'WebSocket', 'EventSource', 'Bun'].map((name) => ({ name, message: ONLY_HTTP })),
      ],
      'no-restricted-syntax': [
        'error',
        AXIOS_LATER,
        ...[
          `ImportExpression[source.value=/${NETWORK}/]`,
          `CallExpression[callee.property.name='getBuiltinModule'][arguments.0.value=/${NETWORK}/]`,
          `MemberExpression[object.name='globalThis'][property.name='fetch']`,
        ].map((selector) => ({ selector, message: ONLY_HTTP })),
      ],
    },
  },
  {
    basePath: root,
    // The AWS SDK makes its own requests. It is given agents, because it knows no proxies.
    files: ['src/auth/aws/found-credentials.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [AXIOS] }] },
  },
  {
    basePath: root,
    files: ['src/http/axios.ts', 'src/http/axios-http-adapter.d.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
  {
    basePath: root,
    files: ['src/main.ts', '.config/**', 'examples/**', 'test/bench/**'],
    rules: { 'no-restricted-properties': 'off' },
  },
  { basePath: root, files: ['.config/**', 'examples/**', 'test/bench/**'], rules: { 'no-console': 'off' } },
  {
    basePath: root,
    files: ['test/**/*.ts'],
    rules: {
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      // node:test awaits these itself.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            {
              from: 'package',
              package: 'node:test',
              name: ['test', 'describe', 'it', 'suite', 'before', 'after'],
            },
          ],
        },
      ],
    },
  },
);
