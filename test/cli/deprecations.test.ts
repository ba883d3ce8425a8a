import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Plugin } from 'esbuild';
import { bundle } from '../../.config/bundle.ts';
import { DEPRECATED, type DeprecatedNames } from '../../src/config/deprecated-names.ts';
import { logLines, type CliResult, type LogLine } from '../support/cli.ts';
import { Editor } from '../support/editor.ts';
import { textOf } from '../support/markdown.ts';
import { createWorkspace } from '../support/workspace.ts';

const root = join(import.meta.dirname, '../..');
const since = '9.9.0';

/** Names that no version has had, as a later one may deprecate them. */
const NAMES: DeprecatedNames = {
  flags: [
    { old: '--limit', instead: '--timeout', since },
    { old: '--verbosity', instead: '--log-level', since },
    { old: '--file', instead: '--out', since },
  ],
  keys: [
    { old: 'limit', instead: 'timeout', since },
    { old: 'outputs[].perms', instead: 'outputs[].mode', since },
    { old: 'secrets.*.location', instead: 'secrets.*.path', since },
    { old: 'vault.tls.ca', instead: 'vault.tls.ca_cert', since },
    { old: 'auth[].position', instead: 'auth[].mount', since },
  ],
  variables: [{ old: 'VAULTONCE_LIMIT', instead: 'VAULTONCE_TIMEOUT', since }],
};

const withNames: Plugin = {
  name: 'names',
  setup(building) {
    building.onLoad({ filter: /[\\/]deprecated-names\.ts$/ }, () => ({
      contents: `export const DEPRECATED = ${JSON.stringify(NAMES)};`,
    }));
  },
};

describe('a deprecated name', () => {
  const workspace = createWorkspace();
  before(async () => {
    cpSync(join(root, 'bin'), workspace.path('bin'), { recursive: true });
    await bundle(
      workspace.path('dist'),
      'node',
      { banner: { js: '(function (require, module, exports) {' }, footer: { js: '})' } },
      [withNames],
    );
    workspace.write('fixtures.yaml', 'db: { password: x }\napi: {}\n');
    workspace.write('plain.yaml', 'secrets: { db: secret/db }\n');
  });
  after(() => {
    workspace.remove();
  });

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): CliResult => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [workspace.path('bin/vaultonce.mjs'), ...args],
      {
        cwd: workspace.root,
        encoding: 'utf8',
        env: { HOME: '/nonexistent', VAULT_ADDR: 'http://127.0.0.1:1', ...env },
      },
    );
    return { code: status, stdout, stderr };
  };
  const warningsOf = (result: CliResult): LogLine[] =>
    logLines(result).filter(({ event }) => event === 'deprecated');
  /** @returns the milliseconds that `check --json` says */
  const timeoutIn = ({ stdout, stderr }: CliResult): unknown => {
    assert.notEqual(stdout, '', stderr);
    return (JSON.parse(stdout) as { readonly timeout_ms: unknown }).timeout_ms;
  };

  test('there is none without a version, or whose other name is not in this program', () => {
    const { keys, ...others } = DEPRECATED;
    for (const { old, instead, since: version } of [...keys, ...Object.values(others).flat()]) {
      assert.match(version, /^\d+\.\d+\.0$/, old);
      assert.ok(textOf('CONFIGURATION.md').includes(instead.split('.').at(-1) ?? ''), instead);
    }
  });

  test('of a flag is taken for the new one, with one warning, and is in no help', () => {
    const config = ['-c', 'plain.yaml'];
    for (const args of [
      ['check', '--json', ...config, '--limit', '7s'],
      ['check', '--json', ...config, '--limit=7s', '--limit=7s'],
    ]) {
      const result = run(args);
      assert.equal(result.code, 0, result.stderr);
      assert.equal(timeoutIn(result), 7000);
      const [warning, ...others] = warningsOf(result);
      assert.deepEqual(others, []);
      assert.equal(warning?.level, 'warn');
      assert.equal(
        warning.message,
        '`--limit` is deprecated since 9.9.0, and a later version will refuse it',
      );
      assert.equal(warning.hint, 'write `--timeout`');
    }
    const help = run(['check', '--help']).stdout;
    assert.match(help, /--timeout/);
    assert.doesNotMatch(help, /--limit/);
    assert.doesNotMatch(run(['completion', 'bash']).stdout, /--limit|--verbosity/);
  });

  test('of a flag keeps its choices, how often it may be given, and its order', () => {
    const wrong = run(['check', '--verbosity', 'loud']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /--verbosity .*error, warn, info, debug/);
    const outputs = ['--file', 'a=db#password', '--out', 'b=db#password', '--file', 'c=db#password'];
    const result = run(['check', '--json', '--allow-disk', '-c', 'plain.yaml', ...outputs]);
    assert.equal(result.code, 0, result.stderr);
    const { outputs: planned } = JSON.parse(result.stdout) as {
      readonly outputs: readonly { path: string }[];
    };
    assert.deepEqual(
      planned.map(({ path }) => path.slice(-1)),
      ['a', 'b', 'c'],
    );
    assert.equal(timeoutIn(run(['check', '--json', '-c', 'plain.yaml', '--limit=7s', '--timeout=8s'])), 8000);
    // What follows the command of `exec` is its own.
    const exec = run(['exec', '-c', 'plain.yaml', '--env', 'A=db#password', '--', 'true', '--limit', '1s']);
    assert.deepEqual(warningsOf(exec), []);
    // A command that lacks the new one lacks the old one, too.
    assert.equal(run(['policy', '--file', 'x']).code, 2);
  });

  test('of a key is taken for the new one, with one warning that has its first line', () => {
    const config = workspace.write(
      'old.yaml',
      [
        'limit: 7s',
        'secrets:',
        '  db: { location: secret/db }',
        '  api: { location: secret/api }',
        'outputs:',
        "  - { path: a, secret: db, key: password, mode: '0400' }",
        "  - { path: b, secret: db, key: password, perms: '0440' }",
        "  - { path: c, secret: db, key: password, perms: '0444' }",
        'auth: { method: kubernetes, role: web, position: k8s }',
        '',
      ].join('\n'),
    );
    const result = run(['check', '--json', '--allow-disk', '-c', config]);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(timeoutIn(result), 7000);
    const { outputs } = JSON.parse(result.stdout) as { readonly outputs: readonly { mode: string }[] };
    assert.deepEqual(
      outputs.map(({ mode }) => mode),
      ['0400', '0440', '0444'],
    );
    assert.match(result.stdout, /"key": "auth\.mount",\s+"from": "[^"]*old\.yaml:9"/);
    assert.deepEqual(
      warningsOf(result).map(({ message, hint }) => [message, hint]),
      [
        ['limit', 1, 'timeout'],
        ['outputs[].perms', 7, 'outputs[].mode'],
        ['secrets.*.location', 3, 'secrets.*.path'],
        ['auth[].position', 9, 'auth[].mount'],
      ].map(([old, line, instead]) => [
        `${config}:${String(line)}: \`${String(old)}\` is deprecated since 9.9.0, and a later version will refuse it`,
        `write \`${String(instead)}\``,
      ]),
    );
    const rendered = run(['render', '--allow-disk', '-c', config, '--fixtures', 'fixtures.yaml']);
    assert.equal(rendered.code, 0, rendered.stderr);
    assert.equal(warningsOf(rendered).length, 4);
    assert.equal(workspace.mode('b'), '0440');
    assert.deepEqual(warningsOf(run(['check', '--quiet', '--allow-disk', '-c', config])), []);
  });

  test('of a key: what is wrong with its value is said with its own line', () => {
    const config = workspace.write('wrong.yaml', 'timeout: 5s\nvault:\n  tls:\n    ca: [1]\n');
    const { code, stderr } = run(['check', '-c', config]);
    assert.equal(code, 3);
    assert.match(stderr, /`vault\.tls\.ca_cert` .*wrong\.yaml:4/);
  });

  test('of a key beside the new one is refused: one of them would be lost', () => {
    const config = workspace.write('twice.yaml', 'timeout: 5s\nlimit: 6s\n');
    const { code, stderr } = run(['check', '-c', config]);
    assert.equal(code, 3);
    assert.match(stderr, /`limit` is the old name of `timeout`, which is there as well/);
    assert.match(stderr, /twice\.yaml:2/);
    // In two files they are two values for one key, as two new names are.
    const one = workspace.write('one.yaml', 'timeout: 5s\n');
    const other = workspace.write('other.yaml', 'limit: 6s\n');
    assert.match(run(['check', '-c', one, '-c', other]).stderr, /other\.yaml:1/);
  });

  test('of a key works in --set and in defaults', () => {
    const set = run(['check', '--json', '-c', 'plain.yaml', '--set', 'limit=7s']);
    assert.equal(timeoutIn(set), 7000);
    assert.deepEqual(
      warningsOf(set).map(({ message }) => message),
      ['--set: `limit` is deprecated since 9.9.0, and a later version will refuse it'],
    );
    const path = run(['check', '--json', '-c', 'plain.yaml', '--set', 'secrets.api.location=secret/api']);
    assert.match(path.stdout, /secret\/api/);
    assert.equal(warningsOf(path)[0]?.hint, 'write `secrets.api.path`');
    const defaults = workspace.write('defaults.yaml', 'limit: 7s\n');
    const below = run(['check', '--json', '-c', 'plain.yaml', '--defaults', defaults]);
    assert.equal(timeoutIn(below), 7000);
    assert.equal(warningsOf(below).length, 1);
  });

  test('of a variable counts unless the new one is set', () => {
    const args = ['check', '--json', '-c', 'plain.yaml'];
    const old = run(args, { VAULTONCE_LIMIT: '7s' });
    assert.equal(timeoutIn(old), 7000);
    assert.deepEqual(
      warningsOf(old).map(({ message, hint }) => [message, hint]),
      [
        [
          '`$VAULTONCE_LIMIT` is deprecated since 9.9.0, and a later version will refuse it',
          'write `$VAULTONCE_TIMEOUT`',
        ],
      ],
    );
    const both = run(args, { VAULTONCE_LIMIT: '7s', VAULTONCE_TIMEOUT: '8s' });
    assert.equal(timeoutIn(both), 8000);
    assert.deepEqual(warningsOf(both), []);
    assert.equal(run(args, { VAULTONCE_LIMIT: 'soon' }).code, 3);
  });

  test('of a key is in the schema and in the reference, with what to write instead', async () => {
    const reference = run(['schema', '--markdown']).stdout;
    assert.match(reference, /\| `limit` \| [^|]+ \| Deprecated since 9\.9\.0: write `timeout`\. \|/);
    assert.match(reference, /\| `location` \| [^|]+ \| Deprecated since 9\.9\.0: write `path`\. \|/);
    const editor = new Editor(JSON.parse(run(['schema']).stdout) as object);
    const old = [
      'limit: 7s',
      'secrets: { db: { location: secret/db } }',
      "outputs: [{ path: a, secret: db, key: k, perms: '0400' }]",
      'auth: [{ method: kubernetes, role: web, position: k8s }]',
      '',
    ].join('\n');
    assert.deepEqual((await editor.problemsIn(old)).sort(), [
      '1: Deprecated since 9.9.0: write `timeout`.',
      '2: Deprecated since 9.9.0: write `path`.',
      '3: Deprecated since 9.9.0: write `mode`.',
      '4: Deprecated since 9.9.0: write `mount`.',
    ]);
  });
});
