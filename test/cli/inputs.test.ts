import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createCertificates } from '../support/certificates.ts';
import { failuresOf, runCli, startCli, starter, type CliOptions, type CliResult } from '../support/cli.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

const CONFIG = "secrets: { db: secret/db }\noutputs: [{ path: f, contents: '{{db.a}}' }]\n";
const NOBODY = 'http://127.0.0.1:1';
const LOGIN = ['--secret', 'a=secret/a', '--out', 'f=a#b', '--set', 'vault.max_retries=0'];

/** Each file that a user names may be one that never ends, or a pipe that nobody writes to. */
describe('files that are none', () => {
  let workspace: Workspace;
  before(() => {
    workspace = createWorkspace();
    workspace.write('config.yaml', CONFIG);
    workspace.write('fixtures.yaml', 'db: { a: 1 }\n');
    starter(workspace);
  });
  beforeEach(() => {
    execFileSync('rm', ['-f', workspace.path('pipe')]);
    execFileSync('mkfifo', [workspace.path('pipe')]);
  });
  after(() => {
    workspace.remove();
  });

  const run = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
    runCli(args, { cwd: workspace.root, ...options });
  const shell = (script: string): Promise<{ code: number | null; stdout: string }> =>
    new Promise((resolve) => {
      const child = spawn('sh', ['-c', script], { cwd: workspace.root, stdio: ['ignore', 'pipe', 'ignore'] });
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.once('close', (code) => {
        resolve({ code, stdout });
      });
    });
  const templateAt = (path: string): string =>
    workspace.write(
      'template.yaml',
      JSON.stringify({ secrets: { db: 'secret/db' }, outputs: [{ path: 'f', template: path }] }),
    );

  /** The command line that reads a file at this path, for each kind of file; and what its error calls it. */
  const readers = (
    path: string,
  ): readonly (readonly [what: string, args: readonly string[], env?: Record<string, string>])[] => [
    ['config', ['check', '-c', path]],
    ['config', ['check'], { VAULTONCE_CONFIG: path }],
    ['fixtures file', ['render', '-c', 'config.yaml', '--fixtures', path]],
    ['fixtures file', ['check', '-c', 'config.yaml', '--fixtures', path]],
    ['template', ['check', '-c', templateAt(path), '--address', NOBODY]],
    [
      'the token',
      ['render', ...LOGIN, '--address', NOBODY, '--set', `auth.token_file=${path}`, '--auth', 'token'],
    ],
    [
      'CA file',
      ['render', ...LOGIN, '--address', 'https://127.0.0.1:1'],
      { VAULT_CACERT: path, VAULT_TOKEN: 'x' },
    ],
  ];

  test('3: one that never ends is too large', async () => {
    for (const [what, args, env = {}] of readers('/dev/zero')) {
      const result = await run(args, { env });
      assert.equal(result.code, 3, `${what}: ${result.stderr}`);
      const [failure, ...more] = failuresOf(result);
      assert.match(failure?.message ?? '', new RegExp(`^the file is too large for (?:a )?${what}$`));
      assert.match(failure?.where ?? '', /\/dev\/zero$/);
      assert.deepEqual(more, []);
    }
    const { code } = await shell('bin/vaultonce check -c - < /dev/zero');
    assert.equal(code, 3, 'stdin');
  });

  test('124: a pipe that nobody writes to, and what it is; 143 on SIGTERM', async () => {
    for (const [what, args, env = {}] of readers(workspace.path('pipe'))) {
      const result = await run([...args, '--timeout', '1s'], { env });
      assert.equal(result.code, 124, `${what}: ${result.stderr}`);
      const [failure] = failuresOf(result);
      assert.match(failure?.where ?? '', /pipe$/, what);
      assert.match(failure?.hint ?? '', /^it is a pipe: /);
    }
    const waiting = startCli(['check', '-c', 'pipe'], { cwd: workspace.root });
    // Opens once there is a reader.
    const writer = await open(workspace.path('pipe'), 'w');
    waiting.child.kill('SIGTERM');
    assert.equal((await waiting.done).code, 143);
    await writer.close();
    const stdin = await shell('sleep 3 | bin/vaultonce check -c - --timeout 1s; echo $?');
    assert.equal(stdin.stdout.trim(), '124');
  });

  test('a pipe that somebody writes to is read, later too, and once', async () => {
    for (const [, args, env = {}] of readers('/dev/stdin').slice(0, 4)) {
      const [variable = ''] = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      const input = args.includes('--fixtures') ? 'fixtures.yaml' : 'config.yaml';
      const command = `${variable} bin/vaultonce ${args.join(' ')} --address ${NOBODY} --allow-disk`;
      const { code } = await shell(`{ sleep 0.3; cat ${input}; } | ${command}`);
      assert.equal(code, 0, command);
    }
    const empty = await shell(`: | bin/vaultonce check -c /dev/stdin --address ${NOBODY} --timeout 20s`);
    assert.equal(empty.code, 3, 'a shell’s pipe without content is an empty file');
    const { caFile } = await createCertificates(workspace.root);
    const named = await shell(
      `{ sleep 0.3; cat config.yaml; } > pipe & bin/vaultonce check -c pipe --address ${NOBODY}`,
    );
    assert.equal(named.code, 0);
    // The login is tried, so that its token and CA have been read.
    for (const [input, variable] of [
      ['echo token', 'VAULT_CACERT='],
      [`cat '${caFile}'`, 'VAULT_TOKEN=x VAULT_CACERT=/dev/stdin'],
    ] as const) {
      const file = variable.endsWith('=') ? '--auth token --set auth.token_file=/dev/stdin' : '';
      const command = `${variable} bin/vaultonce render ${LOGIN.join(' ')} ${file} --allow-disk --address https://127.0.0.1:1`;
      assert.equal((await shell(`{ sleep 0.3; ${input}; } | ${command}`)).code, 9, command);
    }
  });
});
