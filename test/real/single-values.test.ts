import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { requestsOf, startApp, type TestApp } from '../support/app.ts';
import { COMMAND, failuresOf, runCli, startCli, type CliOptions, type CliResult } from '../support/cli.ts';

const NASTY = 'it\'s "$HOME" `id` \\ %0A\n::set-env name=X::y\n##vso[task.complete]\nEOF\n';

/** `read`, `exec` and `env`: single values instead of files. */
describe('single values', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('db', { password: 'first' });
    await app.putKv2('db', {
      password: 'second',
      nasty: NASTY,
      replicas: [{ host: 'r0' }, { host: 'r1' }],
      'a/b': 1,
    });
    await app.putKv2('big', { value: 'x'.repeat(200_000) });
    await app.putKv1('legacy', { token: 'old' });
  });
  beforeEach(() => {
    app.server.takeAudit();
  });
  after(() => app.stop());

  const run = (
    command: string,
    config: object,
    args: readonly string[],
    options?: CliOptions,
  ): Promise<CliResult> =>
    runCli(
      [command, '-c', app.config({ output: { directory: app.workspace.path('out') }, ...config }), ...args],
      options,
    );
  const nothingLeft = async (): Promise<void> => {
    assert.equal(await app.server.tokensLeft(), 0);
  };

  describe('read', () => {
    test('one value as it stands, with the fewest requests and no token left', async () => {
      const result = await run('read', {}, ['secret/db#password']);
      assert.deepEqual(result, { code: 0, stdout: 'second', stderr: '' });
      assert.deepEqual(requestsOf(app.server), [
        'update auth/approle/login',
        'read sys/internal/ui/mounts',
        'read secret/data/db',
        'update auth/token/revoke-self',
      ]);
      await nothingLeft();
    });

    test('a newline on a terminal only', async () => {
      const result = await run('read', {}, ['secret/db#password', '--quiet'], { terminal: true });
      assert.match(result.stdout, /second\r\n$/);
    });

    test('several: a line each, versions, pointers, other engines; one request for each secret', async () => {
      const refs = [
        'secret/db#password@1',
        'secret/db#/replicas/1/host',
        'secret/db#/a~1b',
        'kv1/legacy#token',
      ];
      assert.equal((await run('read', {}, refs)).stdout, 'first\nr1\n1\nold\n');
      assert.equal(requestsOf(app.server).filter((request) => /secret|kv1/.test(request)).length, 3);
      const { stdout } = await run('read', {}, [...refs, 'secret/db#replicas', '--json']);
      assert.deepEqual(JSON.parse(stdout), {
        'secret/db#password@1': 'first',
        'secret/db#/replicas/1/host': 'r1',
        'secret/db#/a~1b': 1,
        'kv1/legacy#token': 'old',
        'secret/db#replicas': [{ host: 'r0' }, { host: 'r1' }],
      });
    });

    test('names of declared secrets; only what is asked for is fetched', async () => {
      const secrets = {
        db: 'secret/db',
        other: 'secret/none',
        gone: { path: 'secret/none', optional: true },
      };
      assert.equal((await run('read', { secrets }, ['db#password'])).stdout, 'second');
      assert.ok(!requestsOf(app.server).includes('read secret/data/none'));
      assert.equal((await run('read', { secrets }, ['gone#key'])).stdout, '');
      const wrong = await run('read', { secrets }, ['bd#password']);
      assert.equal(wrong.code, 3);
      assert.match(failuresOf(wrong)[0]?.hint ?? '', /did you mean `db`/);
    });

    test('no config is needed', async () => {
      const token =
        (await app.server.api.post('auth/token/create', { policies: ['app'] })).auth?.client_token ?? '';
      const env = { VAULT_ADDR: app.server.address, VAULT_TOKEN: token };
      assert.deepEqual(await runCli(['read', 'secret/db#password'], { env }), {
        code: 0,
        stdout: 'second',
        stderr: '',
      });
      await app.server.revokeTokens();
    });

    test('everything that is missing at once', async () => {
      const result = await run('read', {}, [
        'secret/db#pasword',
        'secret/none#key',
        'secret/db#/replicas/7/host',
      ]);
      assert.equal(result.code, 6);
      assert.equal(result.stdout, '');
      assert.deepEqual(
        failuresOf(result).map(({ message }) => message),
        [
          'the secret secret/data/none does not exist, or not in this version',
          'the secret `secret/db` has no key `pasword`',
          'the secret `secret/db` has no key `/replicas/7/host`',
        ],
      );
      await nothingLeft();
    });

    test('--out writes a file as outputs are written', async () => {
      const file = app.workspace.path('read/password');
      assert.equal((await run('read', {}, ['secret/db#password', '--out', file])).code, 0);
      assert.equal(app.workspace.read('read/password'), 'second');
      assert.equal(app.workspace.mode('read/password'), '0400');
      app.server.takeAudit();
      const onDisk = await run('read', {}, [
        'secret/db#password',
        '--out',
        '/var/tmp/vaultonce-test-password',
      ]);
      assert.equal(onDisk.code, 8);
      assert.deepEqual(requestsOf(app.server), []);
    });

    test('2: no reference, several with --out, a report among the values; 8: a stdout that is full', async () => {
      for (const args of [
        ['password'],
        ['secret/db'],
        ['secret//db#x'],
        ['secret/db#a', 'secret/db#b', '--out', 'x'],
        ['secret/db#password', '--report', '-'],
      ]) {
        assert.equal((await run('read', {}, args)).code, 2, args.join(' '));
      }
      assert.deepEqual(requestsOf(app.server), []);
      const [program = '', ...start] = COMMAND;
      const full = spawnSync(program, [...start, 'read', '-c', app.config({}), 'secret/db#password'], {
        stdio: ['ignore', openSync('/dev/full', 'w'), 'ignore'],
      });
      assert.equal(full.status, 8);
    });
  });

  test('no value shows beside where it was asked for, at debug level', async () => {
    const config = { environment: { P: 'secret/db#password' } };
    for (const [command, ...args] of [
      ['read', 'secret/db#password'],
      ['read', 'secret/db#password', 'secret/db#none'],
      ['env'],
      ['env', '--format', 'github'],
      ['exec', '--', 'true'],
      ['exec', '--', 'no-such-command'],
    ] as const) {
      const report = app.workspace.write('report.json', '');
      const flags = ['--log-level', 'debug', '--report', report];
      const { stderr } = await run(command, config, [...flags, ...args]);
      assert.doesNotMatch(
        stderr + app.workspace.read('report.json'),
        /second/,
        `${command} ${args.join(' ')}`,
      );
    }
  });

  describe('exec', () => {
    const environment = { PASSWORD: 'secret/db#password', NASTY: 'secret/db#nasty' };

    test('the command has the variables, its own status, and no token of ours', async () => {
      const script = 'printf %s "$NASTY$PASSWORD"; test -z "${VAULT_TOKEN+set}${VAULTONCE_X+set}" && exit 7';
      const env = { VAULT_TOKEN: 'mine', VAULTONCE_X: '1', KEPT: '1' };
      const result = await run('exec', { environment }, ['--', 'sh', '-c', script], { env });
      assert.deepEqual(result, { code: 7, stdout: `${NASTY}second`, stderr: '' });
      await nothingLeft();
      const passed = await run(
        'exec',
        { environment },
        ['--pass-token', '--', 'sh', '-c', 'echo "$VAULT_TOKEN"'],
        { env },
      );
      assert.equal(passed.stdout, 'mine\n');
      const clear = await run(
        'exec',
        { environment: {} },
        ['--clear-env', '--keep-env', 'KEPT', '--', 'env'],
        { env },
      );
      assert.deepEqual(
        clear.stdout
          .trim()
          .split('\n')
          .map((line) => line.split('=')[0])
          .sort(),
        ['KEPT', 'PATH'],
      );
    });

    test('files are complete before the command starts; --env adds variables', async () => {
      const config = {
        secrets: { db: 'secret/db' },
        outputs: [{ path: 'exec/password', secret: 'db', key: 'password' }],
      };
      const file = app.workspace.path('out/exec/password');
      const result = await run('exec', config, [
        '--env',
        'TOKEN=kv1/legacy#token',
        '--',
        'sh',
        '-c',
        `cat ${file}; echo "$TOKEN"`,
      ]);
      assert.equal(result.stdout, 'secondold\n', result.stderr);
    });

    test('it becomes the command: the same process, its signals, its pipes', async () => {
      const running = startCli([
        'exec',
        '-c',
        app.config({ environment }),
        '--',
        'sh',
        '-c',
        'echo $$ >&2; exec sleep 60',
      ]);
      await running.stderrMatches(/^\d+\n/);
      running.child.kill('SIGTERM');
      const { stderr } = await running.done;
      assert.equal(stderr, `${String(running.child.pid)}\n`);
      assert.equal(running.child.signalCode, 'SIGTERM');
      // Node ignores SIGPIPE; a command that inherited that would complain instead of ending.
      const pipe = await run('exec', { environment }, ['--', 'sh', '-c', 'yes | head -n 1']);
      assert.deepEqual(pipe, { code: 0, stdout: 'y\n', stderr: '' });
    });

    test('127, 126 and no command are told before any request', async () => {
      const plain = app.workspace.write('not-executable', 'x', 0o644);
      for (const [code, ...command] of [
        [127, 'no-such-command'],
        [127, '/no/such/command'],
        [126, plain],
        [126, app.workspace.root],
      ] as const) {
        const result = await run('exec', { environment }, ['--', ...command]);
        assert.equal(result.code, code, command.join(' '));
        assert.notEqual(failuresOf(result)[0]?.hint, undefined);
      }
      assert.equal((await run('exec', { environment }, [])).code, 2);
      assert.deepEqual(requestsOf(app.server), []);
    });

    test('--redact: no value in its output, signals and status forwarded', async () => {
      const script =
        'echo "$PASSWORD ${PASSWORD}x" | tr x y; printf %s "$NASTY" >&2; printf sec; sleep 0.1; printf ond; printf seco; exit 9';
      const result = await run('exec', { environment }, ['--redact', '--', 'sh', '-c', script]);
      assert.equal(result.code, 9);
      assert.equal(result.stdout, '*** ***y\n***seco');
      assert.equal(result.stderr, '***');
      const running = startCli([
        'exec',
        '-c',
        app.config({ environment }),
        '--redact',
        '--',
        'sh',
        '-c',
        'trap "echo got it; exit 5" TERM; echo ready >&2; while :; do sleep 0.05; done',
      ]);
      await running.stderrMatches(/ready/);
      running.child.kill('SIGTERM');
      assert.deepEqual(await running.done, { code: 5, stdout: 'got it\n', stderr: 'ready\n' });
      const killed = await run('exec', { environment }, ['--redact', '--', 'sh', '-c', 'kill -9 $$']);
      assert.equal(killed.code, 137);
    });

    test('a script without an interpreter line is for the shell', async () => {
      const script = app.workspace.write('script', 'echo "$1 $PASSWORD"\n', 0o755);
      assert.equal((await run('exec', { environment }, ['--', script, 'arg'])).stdout, 'arg second\n');
    });

    test('a failed run starts nothing; nor does a variable that no program can have', async () => {
      const marker = app.workspace.path('started');
      const missing = await run('exec', { environment: { A: 'secret/db#none' } }, ['--', 'touch', marker]);
      assert.equal(missing.code, 6);
      const big = await run('exec', { environment: { A: 'secret/big#value' } }, ['--', 'touch', marker]);
      assert.equal(big.code, 8);
      assert.match(failuresOf(big)[0]?.message ?? '', /`A` is larger than the 128 KiB/);
      assert.ok(!app.workspace.list().includes('started'));
      await nothingLeft();
    });
  });

  describe('env', () => {
    const environment = { PASSWORD: 'secret/db#password', NASTY: 'secret/db#nasty' };

    test('eval in real shells gives the values unchanged', async () => {
      const result = await run('env', { environment }, []);
      assert.equal(result.code, 0, result.stderr);
      for (const shell of ['sh', 'bash']) {
        const output = shellOutput(shell, ['-c', 'eval "$1"; env -0', shell, result.stdout]);
        const variables = output.split('\0');
        assert.ok(variables.includes(`NASTY=${NASTY}`), shell);
        assert.ok(variables.includes('PASSWORD=second'), shell);
      }
      const json = await run('env', { environment }, ['--format', 'json']);
      assert.deepEqual(JSON.parse(json.stdout), { PASSWORD: 'second', NASTY });
      const fish = await run('env', { environment: { PASSWORD: 'secret/db#password' } }, [
        '--format',
        'fish',
      ]);
      assert.equal(fish.stdout, "set -gx PASSWORD 'second'\n");
      const dotenv = await run('env', { environment }, ['--format', 'dotenv']);
      assert.equal(dotenv.code, 8);
      assert.equal(dotenv.stdout, '');
      await nothingLeft();
    });

    test('GitHub Actions: masks first, then a file that nothing in a value can break out of', async () => {
      const file = app.workspace.write('github-env', 'BEFORE=1\n');
      const env = { GITHUB_ACTIONS: 'true', GITHUB_ENV: file };
      const result = await run('env', { environment }, [], { env });
      assert.equal(result.code, 0, result.stderr);
      assert.equal(result.stdout, '');
      const masks = result.stderr.trimEnd().split('\n');
      for (const line of masks) assert.match(line, /^::add-mask::[^\r]+$/);
      for (const mask of [
        'second',
        Buffer.from('second').toString('base64'),
        '##vso[task.complete]',
        '::set-env name=X::y',
      ]) {
        assert.ok(masks.includes(`::add-mask::${mask}`), mask);
      }
      assert.ok(masks.includes(`::add-mask::${NASTY.replaceAll('%', '%25').replaceAll('\n', '%0A')}`));
      assert.deepEqual(githubVariables(readFileSync(file, 'utf8').replace('BEFORE=1\n', '')), {
        PASSWORD: 'second',
        NASTY,
      });
    });

    test('masks come before a shell’s exports too, where a CI system reads stderr', async () => {
      const env = { GITHUB_ACTIONS: 'true', GITHUB_ENV: '/nonexistent' };
      const result = await run('env', { environment: { P: 'secret/db#password' } }, ['--format', 'shell'], {
        env,
      });
      assert.equal(result.stdout, "export P='second'\n");
      assert.match(result.stderr, /^::add-mask::/);
      for (const [command, args] of [
        ['read', ['secret/db#password']],
        ['exec', ['--env', 'P=secret/db#password', '--', 'true']],
      ] as const) {
        assert.match((await run(command, {}, args, { env })).stderr, /^::add-mask::second$/m, command);
      }
    });

    test('Azure Pipelines, CircleCI, Buildkite', async () => {
      const azure = await run('env', { environment }, [], { env: { TF_BUILD: 'True' } });
      assert.match(azure.stderr, /^##vso\[task\.setsecret\]second$/m);
      assert.match(
        azure.stdout,
        /^##vso\[task\.setvariable variable=PASSWORD;issecret=true;isoutput=true\]second$/m,
      );
      assert.equal(azure.stdout.trimEnd().split('\n').length, 2);

      const bashEnv = app.workspace.write('bash-env', '');
      await run('env', { environment }, [], { env: { CIRCLECI: 'true', BASH_ENV: bashEnv } });
      const output = shellOutput('bash', ['-c', 'printf %s "$NASTY"'], { BASH_ENV: bashEnv });
      assert.equal(output, NASTY);

      const calls = app.workspace.path('agent-calls');
      app.workspace.write(
        'agent/buildkite-agent',
        `#!/bin/sh\n{ echo "$*"; cat; echo; } >> ${calls}\n`,
        0o755,
      );
      const env = { BUILDKITE: 'true', PATH: `${app.workspace.path('agent')}:${process.env['PATH'] ?? ''}` };
      assert.equal((await run('env', { environment }, [], { env })).code, 0);
      const [redact, masks = '', set, values = ''] = app.workspace.read('agent-calls').trimEnd().split('\n');
      assert.equal(redact, 'redactor add --format json');
      assert.ok(Object.values(JSON.parse(masks) as object).includes('second'));
      assert.equal(set, 'env set --input-format=json -');
      assert.deepEqual(JSON.parse(values), { PASSWORD: 'second', NASTY });
    });

    test('8: where there is no safe way, names that hijack a job, a file that cannot be written', async () => {
      for (const env of [{ BITBUCKET_BUILD_NUMBER: '1' }, { TEKTON_RESOURCE_NAME: 'x' }]) {
        assert.equal((await run('env', { environment }, [], { env })).code, 8);
      }
      const file = app.workspace.write('github-env', '');
      const env = { GITHUB_ACTIONS: 'true', GITHUB_ENV: file };
      const names = [
        'PATH',
        'LD_PRELOAD',
        'NODE_OPTIONS',
        'BUN_OPTIONS',
        'GITHUB_TOKEN',
        'RUNNER_TEMP',
        'BASH_ENV',
      ];
      const hijacking = Object.fromEntries(names.map((name) => [name, 'secret/db#password']));
      const refused = await run('env', { environment: hijacking }, [], { env });
      assert.equal(refused.code, 8);
      assert.equal(failuresOf(refused).length, names.length);
      assert.deepEqual(requestsOf(app.server), []);
      assert.equal((await run('env', { environment: hijacking }, ['--force'], { env })).code, 0);
      app.server.takeAudit();

      const unwritable = await run('env', { environment }, [], {
        env: { ...env, GITHUB_ENV: app.workspace.root },
      });
      assert.equal(unwritable.code, 8);
      assert.deepEqual(requestsOf(app.server), [], 'told before anything is requested');
      // Bash would run what is assigned to this one.
      assert.equal((await run('env', { environment: { RANDOM: 'secret/db#nasty' } }, [])).code, 8);
      assert.equal((await run('env', { environment }, ['--format', 'github'], { env: {} })).code, 8);
      assert.equal((await run('env', { environment }, ['--format', 'gitub'])).code, 2);
      await nothingLeft();
    });
  });
});

function shellOutput(shell: string, args: readonly string[], env: Record<string, string> = {}): string {
  // A bash whose stdin is a socket, as a pipe of Node is, reads ~/.bashrc instead of $BASH_ENV.
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  return execFileSync(shell, args, {
    env: { PATH: process.env['PATH'], ...env },
    encoding: 'utf8',
    stdio: [...stdio],
  });
}

/** Reads the file as the runner does. */
function githubVariables(text: string): Record<string, string> {
  const result: Record<string, string> = {};
  const lines = text.split('\n');
  while (lines.length > 1) {
    const [, name = '', end = ''] = /^(\w+)<<(.+)$/.exec(lines.shift() ?? '') ?? [];
    const at = lines.indexOf(end);
    assert.ok(name !== '' && at >= 0);
    result[name] = lines
      .splice(0, at + 1)
      .slice(0, -1)
      .join('\n');
  }
  return result;
}
