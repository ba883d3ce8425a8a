import { join } from 'node:path';
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const root = join(import.meta.dirname, '..');

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
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['axios', 'axios/*'], message: 'Only src/http/axios.ts makes requests.' }] },
      ],
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
