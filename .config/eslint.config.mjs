import { join } from 'node:path';
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const root = join(import.meta.dirname, '..');

const ONLY_HTTP = 'Only src/http makes requests: askThirdParty() for what is not Vault.';
/** Node's modules that open connections. */
const NETWORK = '^(?:node:)?(?:https?|http2|net|tls|dgram)$';
/** Node's modules that read and write files. */
const FILES = {
  regex: '^(?:node:)?fs(?:/promises)?$',
  message: 'Only the rooms that own files touch them; credentials are read by host/credential-files.ts.',
};
/** Who owns files. */
const OWNERS_OF_FILES = [
  // What a user names: configs, templates, credentials, certificates.
  ...['config/source.ts', 'config/templates.ts', 'host/*.ts', 'http/tls-files.ts'],
  // What earlier runs have left, and what this one leaves.
  ...['reuse/known-outputs.ts', 'publish/files/*.ts', 'report/*.ts', 'auth/used-file.ts'],
  // What a command is, and the file in which a CI system takes variables.
  ...['deliver/exec/find-program.ts', 'deliver/exec/program-head.ts', 'deliver/variables/job-file.ts'],
  // Which processes there are.
  ...['watch/on-change/processes.ts'],
  // What was there before it began to watch.
  ...['watch/former-outputs.ts'],
  // What health is served on.
  ...['watch/health/socket-file.ts', 'csi/protocol/socket-endpoint.ts'],
].map((file) => `src/${file}`);
const AXIOS = { group: ['axios', 'axios/*'], message: 'Only src/http/axios.ts and its adapter use axios.' };
const GRPC = {
  group: ['@grpc/*'],
  message: 'Only src/csi/protocol speaks gRPC, which is for the CSI driver on the same node.',
};
const REQUESTS = { regex: NETWORK, message: ONLY_HTTP };
/** Who is asked, and asks nobody. */
const LISTENERS = ['src/watch/health/health-server.ts'];
const SERVERS = {
  regex: '^node:http$',
  allowImportNames: ['createServer', 'IncomingMessage', 'Server', 'ServerResponse'],
  message: ONLY_HTTP,
};
const OTHER_REQUESTS = { regex: '^(?:https?|(?:node:)?(?:https|http2|net|tls|dgram))$', message: ONLY_HTTP };
const AXIOS_LATER = { selector: 'ImportExpression[source.value=/^axios\\b/]', message: AXIOS.message };

export default tseslint.config(
  { basePath: root, ignores: ['dist', '.cache', 'node_modules', 'src/**/*.pb.ts'] },
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
      'no-restricted-imports': ['error', { patterns: [AXIOS, GRPC, REQUESTS, FILES] }],
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
    files: ['src/csi/protocol/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [AXIOS, REQUESTS, FILES] }] },
  },
  {
    basePath: root,
    files: ['src/http/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [AXIOS, FILES] }] },
  },
  {
    basePath: root,
    files: OWNERS_OF_FILES,
    rules: { 'no-restricted-imports': ['error', { patterns: [AXIOS, REQUESTS] }] },
  },
  {
    basePath: root,
    files: LISTENERS,
    rules: { 'no-restricted-imports': ['error', { patterns: [AXIOS, SERVERS, OTHER_REQUESTS, FILES] }] },
  },
  {
    basePath: root,
    files: ['src/http/tls-files.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [AXIOS] }] },
  },
  {
    basePath: root,
    // The AWS SDK makes its own requests. It is given agents, because it knows no proxies.
    files: ['src/auth/aws/found-credentials.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [AXIOS, FILES] }] },
  },
  {
    basePath: root,
    files: ['src/http/axios.ts', 'src/http/axios-adapter.ts', 'src/http/axios-http-adapter.d.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [FILES] }] },
  },
  {
    basePath: root,
    files: ['src/main.ts', '.config/**', 'examples/**', 'test/bench/**', 'test/fuzz/**'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    basePath: root,
    files: ['.config/**', 'examples/**', 'test/bench/**', 'test/fuzz/**'],
    rules: { 'no-console': 'off' },
  },
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
