import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { FORMAT_NAMES } from '../../src/deliver/variables/format-names.ts';
import { requestsOf, startApp, type TestApp } from '../support/app.ts';
import { githubLog, readAzureCommands, readGithubFile, readPowershell } from '../support/ci-readers.ts';
import {
  failuresOf,
  logLines,
  runCli,
  startCli,
  starter,
  type CliOptions,
  type CliResult,
  type LogLine,
} from '../support/cli.ts';
import { installed } from '../support/format-readers.ts';
import { needsDisk, needsMounts } from '../support/needs.ts';
import { until } from '../support/patience.ts';
import { diskDirectory } from '../support/places.ts';

const NASTY = 'it\'s ‘so’ "$HOME" `id` \\ \\\' %0A\n::set-env name=X::y\n##vso[task.complete]\nEOF\r\n\n';

/** Read-only in fish, or no variable that programs inherit. */
const KEPT_BY_FISH: ReadonlySet<string> = new Set([
  ...[
    'FISH_VERSION',
    'PWD',
    'SHLVL',
    '_',
    'fish_kill_signal',
    'fish_killring',
    'fish_pid',
    'history',
    'hostname',
  ],
  ...['pipestatus', 'status', 'status_generation', 'umask', 'version'],
]);

/** `env`: variables for shells and CI systems. */
describe('env', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('db', {
      password: 'second',
      nasty: NASTY,
      empty: '',
      'with-blanks': ' x ',
      dollar: 'a$b',
      lines: 24,
    });
  });
  beforeEach(() => {
    app.server.takeAudit();
  });
  after(() => app.stop());

  const environment = { PASSWORD: 'secret/db#password', NASTY: 'secret/db#nasty', EMPTY: 'secret/db#empty' };
  const values = { PASSWORD: 'second', NASTY, EMPTY: '' };
  const plain = { PASSWORD: 'secret/db#password' };

  const env = (
    variables: Readonly<Record<string, string>>,
    args: readonly string[] = [],
    options?: CliOptions,
  ): Promise<CliResult> => runCli(['env', '-c', app.config({ environment: variables }), ...args], options);

  const nothingAsked = (): void => {
    assert.deepEqual(requestsOf(app.server), []);
  };

  describe('shells', () => {
    /** Runs a script with the command in `$VAULTONCE`, its arguments beside it. */
    const runShell = (
      shell: readonly string[],
      script: string,
      variables: Readonly<Record<string, string>>,
    ): ReturnType<typeof spawnSync> => {
      const [program = '', ...args] = shell;
      const config = app.config({ environment: variables });
      return spawnSync(program, [...args, '-c', script], {
        env: {
          PATH: process.env['PATH'],
          HOME: app.workspace.root,
          BIN: starter(app.workspace),
          CONFIG: config,
        },
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    };
    const has = (output: unknown, name: string): void => {
      const found = String(output).split('\0');
      for (const [key, value] of Object.entries(values))
        assert.ok(found.includes(`${key}=${value}`), `${name} ${key}`);
    };

    test('eval in every POSIX shell of this machine: values unchanged, and the status of a run that failed', () => {
      const found = installed('sh', 'dash', 'bash', 'zsh', 'ksh', 'busybox');
      assert.ok(found.includes('sh') && found.includes('bash'));
      for (const shell of found) {
        const command = shell === 'busybox' ? ['busybox', 'sh'] : [shell];
        const script = 'set -e; eval "$("$BIN" env -c "$CONFIG")"; exec env -0';
        const works = runShell(command, script, environment);
        assert.equal(works.status, 0, String(works.stderr));
        has(works.stdout, shell);
        const failed = runShell(command, script, { ...environment, NONE: 'secret/db#none' });
        assert.equal(failed.status, 6, shell);
        assert.equal(failed.stdout, '', shell);
      }
    });

    test('fish: the same, where it is installed; else its two escapes', async () => {
      const [fish] = installed('fish');
      if (fish === undefined) {
        const { stdout } = await env({ NASTY: 'secret/db#nasty' }, ['--format', 'fish']);
        const quoted = NASTY.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
        assert.equal(stdout, `set -gx NASTY '${quoted}'\n`);
        const failed = await env({ NONE: 'secret/db#none' }, ['--format', 'fish']);
        assert.equal(failed.stdout, 'return 6\n');
        return;
      }
      const script = '$BIN env --format fish -c $CONFIG | source; or exit $status; exec env -0';
      const works = runShell([fish, '--no-config'], script, environment);
      assert.equal(works.status, 0, String(works.stderr));
      has(works.stdout, fish);
      assert.equal(runShell([fish, '--no-config'], script, { NONE: 'secret/db#none' }).status, 6);
    });

    test('PowerShell: the same, where it is installed, and by the rules of its language', async () => {
      const { stdout } = await env(environment, ['--format', 'powershell']);
      assert.equal(stdout.trimEnd().split('\n').length, 3, 'a line each');
      assert.deepEqual(readPowershell(stdout), values);
      const simple = await env(plain, ['--format', 'powershell']);
      assert.equal(simple.stdout, "$env:PASSWORD = 'second'\n");
      const failed = await env({ NONE: 'secret/db#none' }, ['--format', 'powershell']);
      assert.equal(failed.stdout, "throw 'vaultonce failed with exit code 6'\n");
      for (const pwsh of installed('pwsh')) {
        const script =
          '& $env:BIN env --format powershell -c $env:CONFIG | Out-String | Invoke-Expression; [Console]::Out.Write($env:NASTY)';
        assert.equal(runShell([pwsh, '-NoProfile'], script, environment).stdout, NASTY);
        assert.notEqual(runShell([pwsh, '-NoProfile'], script, { NONE: 'secret/db#none' }).status, 0);
      }
    });

    test('JSON, dotenv and what it cannot carry; a variable that a shell would run', async () => {
      const json = await env(environment, ['--format', 'json']);
      assert.deepEqual(JSON.parse(json.stdout), values);
      assert.equal((await env(plain, ['--format', 'dotenv'])).stdout, 'PASSWORD=second\n');
      const dotenv = await env(environment, ['--format', 'dotenv']);
      assert.equal(dotenv.code, 8);
      assert.equal(dotenv.stdout, '');
      // Bash would run what is assigned to this one, zsh what is to the other.
      for (const name of ['RANDOM', 'LINES']) {
        const refused = await env({ [name]: 'secret/db#nasty', FINE: 'secret/db#password' });
        assert.deepEqual([refused.code, refused.stdout], [8, '(exit 8)\n'], name);
        assert.match(failuresOf(refused)[0]?.message ?? '', new RegExp(`^the variable \`${name}\` is a `));
      }
      assert.equal((await env({ LINES: 'secret/db#lines' })).stdout, "export LINES='24'\n");
      // Zsh alone keeps these for itself.
      const ofZsh = await env({ USERNAME: 'secret/db#password', path: 'secret/db#password' });
      assert.equal(ofZsh.stdout, "export USERNAME='second'\nexport path='second'\n");
    });

    test('8: what fish keeps for itself', async () => {
      const names = [...KEPT_BY_FISH];
      const variables = Object.fromEntries([...names, 'FINE'].map((name) => [name, 'secret/db#password']));
      const refused = await env(variables, ['--format', 'fish']);
      assert.deepEqual([refused.code, refused.stdout], [8, 'return 8\n']);
      assert.deepEqual(
        failuresOf(refused).map(({ message }) => message),
        names.map((name) => `the variable \`${name}\` is one that fish keeps for itself`),
      );
      for (const fish of installed('fish')) {
        const known = execFileSync(fish, ['--no-config', '-c', 'set --names'], { encoding: 'utf8' });
        // Among its own is one that prints every command.
        const others = known.match(/^(?!fish_)\w+$/gm)?.filter((name) => !KEPT_BY_FISH.has(name)) ?? [];
        const taken = Object.fromEntries(others.map((name) => [name, 'secret/db#password']));
        const { stdout } = await env(taken, ['--format', 'fish']);
        const script = `${stdout}/usr/bin/env -0`;
        const output = execFileSync(fish, ['--no-config', '-c', script], { encoding: 'utf8' }).split('\0');
        for (const name of others) assert.ok(output.includes(`${name}=second`), name);
      }
    });

    test('a stdout that is full: the reason is told', () => {
      const args = ['env', '-c', app.config({ environment: { NONE: 'secret/db#none' } })];
      const { status } = spawnSync(starter(app.workspace), args, {
        stdio: ['ignore', openSync('/dev/full', 'w'), 'ignore'],
      });
      assert.equal(status, 6);
    });
  });

  describe('--out', () => {
    test('a file for `.`, whole or not at all, in memory, and in the report', needsDisk(), async () => {
      const file = app.workspace.path('job.env');
      const written = await env(environment, ['--out', file, '--report', '-']);
      assert.equal(written.code, 0, written.stderr);
      assert.equal(app.workspace.mode('job.env'), '0400');
      const report = JSON.parse(written.stdout) as { outputs: { path: string }[] };
      assert.deepEqual(
        report.outputs.map(({ path }) => path),
        [file],
      );
      const read = execFileSync('sh', ['-c', '. "$0"; printf %s "$NASTY"', file], { encoding: 'utf8' });
      assert.equal(read, NASTY);
      const before = app.workspace.snapshot()['job.env'];
      const failed = await env({ ...environment, NONE: 'secret/db#none' }, ['--out', file]);
      assert.deepEqual([failed.code, failed.stdout], [6, '']);
      assert.deepEqual(app.workspace.snapshot()['job.env'], before);
      assert.deepEqual(
        app.workspace.list().filter((name) => name.includes('job.env')),
        ['job.env'],
      );
      app.server.takeAudit();
      assert.equal((await env(plain, ['--out', join(diskDirectory() ?? '', 'vaultonce-test-env')])).code, 8);
      nothingAsked();
      assert.equal(await app.server.tokensLeft(), 0);
    });
  });

  describe('CI systems', () => {
    const github = (): { GITHUB_ACTIONS: string; GITHUB_ENV: string; GITHUB_OUTPUT: string } => ({
      GITHUB_ACTIONS: 'true',
      GITHUB_ENV: app.workspace.write('github-env', 'BEFORE=1\n'),
      GITHUB_OUTPUT: app.workspace.write('github-output', ''),
    });

    test('GitHub Actions: masks first, then a file that nothing in a value can break out of', async () => {
      const result = await env(environment, [], { env: github() });
      assert.equal(result.code, 0, result.stderr);
      assert.equal(result.stdout, '');
      const lines = result.stderr.trimEnd().split('\n');
      const { event, ...told } = JSON.parse(lines.at(-1) ?? '') as LogLine;
      assert.equal(event, 'handed_over');
      const message = '3 variables for $GITHUB_ENV';
      assert.deepEqual(
        { ...told, time: '' },
        { time: '', level: 'info', message, variables: 3, to: '$GITHUB_ENV' },
      );
      const masks = lines.slice(0, -1);
      for (const line of masks) assert.match(line, /^::add-mask::[^\r]+$/);
      for (const mask of [
        'second',
        Buffer.from('second').toString('base64'),
        '##vso[task.complete]',
        '::set-env name=X::y',
      ]) {
        assert.ok(masks.includes(`::add-mask::${mask}`), mask);
      }
      assert.equal(githubLog(`${masks.join('\n')}\n<second>`), '<***>');
      assert.deepEqual(readGithubFile(app.workspace.read('github-env')), { BEFORE: '1', ...values });
      assert.equal(app.workspace.read('github-output'), '');
    });

    test('GitHub Actions: --to output sets outputs, whose names change nothing', async () => {
      const result = await env({ ...environment, PATH: 'secret/db#password' }, ['--to', 'output'], {
        env: github(),
      });
      assert.equal(result.code, 0, result.stderr);
      assert.deepEqual(readGithubFile(app.workspace.read('github-output')), { ...values, PATH: 'second' });
      assert.equal(app.workspace.read('github-env'), 'BEFORE=1\n');
      assert.match(result.stderr, /^::add-mask::second$/m);
    });

    test('masks come before a shell’s exports too, where a CI system reads stderr', async () => {
      const job = { env: { GITHUB_ACTIONS: 'true', GITHUB_ENV: '/nonexistent' } };
      const result = await env({ P: 'secret/db#password' }, ['--format', 'shell'], job);
      assert.equal(result.stdout, "export P='second'\n");
      assert.match(result.stderr, /^::add-mask::/);
      for (const [command, args] of [
        ['read', ['secret/db#password']],
        ['exec', ['--env', 'P=secret/db#password', '--', 'true']],
      ] as const) {
        assert.match(
          (await runCli([command, '-c', app.config({}), ...args], job)).stderr,
          /^::add-mask::second$/m,
          command,
        );
      }
    });

    test('Azure Pipelines: variables or outputs of the step; no secret of several lines', async () => {
      const job = { env: { TF_BUILD: 'True' } };
      const variables = await env(plain, [], job);
      assert.match(variables.stderr, /^##vso\[task\.setsecret\]second$/m);
      assert.deepEqual(readAzureCommands(variables.stdout), { env: { PASSWORD: 'second' }, outputs: {} });
      const outputs = await env(plain, ['--to', 'output'], job);
      assert.deepEqual(readAzureCommands(outputs.stdout), { env: {}, outputs: { PASSWORD: 'second' } });
      const refused = await env(environment, [], job);
      assert.equal(refused.code, 8);
      assert.equal(refused.stdout, '');
      assert.match(refused.stderr, /`NASTY` has several lines/);
      const allowed = await env(environment, [], {
        env: { ...job.env, SYSTEM_UNSAFEALLOWMULTILINESECRET: 'True' },
      });
      assert.deepEqual(readAzureCommands(allowed.stdout).env, values);
      assert.match(allowed.stderr, /^##vso\[task\.setsecret\]::set-env name=X::y$/m);
      assert.doesNotMatch(allowed.stderr, /setsecret\].*%0[AD]/);
    });

    test('what is inside JSON is masked as values are: lines of a key, numbers, JSON within it', async () => {
      const lines = ['-----BEGIN PRIVATE KEY-----', 'MIIEcanaryline+/', '-----END PRIVATE KEY-----'];
      const account = JSON.stringify({ type: 'service_account', private_key: `${lines.join('\n')}\n` });
      await app.putKv2('account', { json: account, inner: '{"pin":87654321}', number: 12345678 });
      const masksOf = async (
        args: readonly string[],
        job: Readonly<Record<string, string>>,
      ): Promise<string> => (await runCli([...args, '-c', app.config({})], { env: job })).stderr;
      const azure = await masksOf(['env', '--env', 'ACCOUNT=secret/account#json'], { TF_BUILD: 'True' });
      for (const line of lines)
        assert.match(azure, new RegExp(`^##vso\\[task\\.setsecret\\]${line.replace('+', '\\+')}$`, 'm'));
      const github = await masksOf(['read', 'secret/account', '--json'], { GITHUB_ACTIONS: 'true' });
      for (const text of [...lines, '12345678', '87654321'])
        assert.ok(github.includes(`::add-mask::${text}\n`), text);
      const flags = ['-c', app.config({}), '--redact', '--env', 'ACCOUNT=secret/account#json'];
      const script = `printf '  %s\\n' ${lines.map((line) => `'${line}'`).join(' ')}`;
      const redacted = await runCli(['exec', ...flags, '--', 'sh', '-c', script]);
      assert.equal(redacted.stdout, '  ***\n  ***\n  ***\n');
    });

    test('CircleCI: exports that later steps source, in a file that only has a name until a step writes to it', async () => {
      const bashEnv = app.workspace.path('bash-env');
      const job = { env: { CIRCLECI: 'true', BASH_ENV: bashEnv } };
      assert.equal((await env({ NASTY: 'secret/none#key' }, [], job)).code, 6);
      assert.equal(existsSync(bashEnv), false);
      assert.equal((await env(environment, [], job)).code, 0);
      assert.equal(statSync(bashEnv).mode & 0o777, 0o600);
      assert.equal((await env({ MORE: 'secret/db#password' }, [], job)).code, 0);
      assert.match(app.workspace.read('bash-env'), /^export MORE=/m);
      // A bash whose stdin is a socket, as a pipe of Node is, reads ~/.bashrc instead of $BASH_ENV.
      const output = execFileSync('bash', ['-c', 'printf %s "$NASTY"'], {
        env: { PATH: process.env['PATH'], BASH_ENV: bashEnv },
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      assert.equal(output, NASTY);
    });

    /** A job of Buildkite with an agent of these lines. */
    const buildkite = (script: string): { BUILDKITE: string; PATH: string } => {
      app.workspace.write('agent/buildkite-agent', `#!/bin/sh\n${script}\n`, 0o755);
      return { BUILDKITE: 'true', PATH: `${app.workspace.path('agent')}:${process.env['PATH'] ?? ''}` };
    };

    test('Buildkite: its agent redacts, then sets', async () => {
      const calls = app.workspace.path('agent-calls');
      const job = buildkite(`{ echo "$*"; cat; echo; } >> ${calls}`);
      assert.equal((await env(environment, [], { env: job })).code, 0);
      const [redact, masks = '', set, json = ''] = app.workspace.read('agent-calls').trimEnd().split('\n');
      assert.equal(redact, 'redactor add --format json');
      assert.ok(Object.values(JSON.parse(masks) as object).includes('second'));
      assert.equal(set, 'env set --input-format=json -');
      assert.deepEqual(JSON.parse(json), values);
    });

    test('8: an agent of Buildkite that fails, reads nothing, or is not there', async () => {
      await app.putKv2('long', { value: 'x'.repeat(200_000) });
      for (const [script, reason] of [
        ['exit 3', 'status 3'],
        ['kill -9 $$', 'SIGKILL'],
        ['case $1 in redactor) cat >/dev/null ;; *) exit 4 ;; esac', 'status 4'],
      ] as const) {
        const refused = await env({ V: 'secret/long#value' }, [], { env: buildkite(script) });
        assert.equal(refused.code, 8, refused.stderr);
        const call = script.startsWith('case') ? 'env set' : 'redactor add';
        assert.equal(failuresOf(refused)[0]?.message, `buildkite-agent ${call} failed (${reason})`);
      }
      const none = await env(plain, [], { env: { BUILDKITE: 'true', PATH: app.workspace.root } });
      assert.equal(failuresOf(none)[0]?.message, 'buildkite-agent redactor add failed (ENOENT)');
      assert.equal(none.code, 8);
    });

    test('124, 143: an agent of Buildkite that hangs ends with the run', async () => {
      const pid = app.workspace.path('agent-pid');
      const job = { env: buildkite(`echo $$ > ${pid}.new && mv ${pid}.new ${pid} && exec sleep 50`) };
      const isGone = (): boolean => !existsSync(`/proc/${readFileSync(pid, 'utf8').trim()}`);
      const late = await env(plain, ['--timeout', '5s'], job);
      assert.equal(late.code, 124, late.stderr);
      const [failure] = failuresOf(late);
      assert.deepEqual(failure?.details, ['buildkite-agent redactor add had not ended']);
      assert.ok(isGone());
      rmSync(pid);
      const told = startCli(['env', '-c', app.config({ environment: plain })], job);
      await until('the agent is asked', () => existsSync(pid));
      told.child.kill('SIGTERM');
      const { code, stderr } = await told.done;
      assert.equal(code, 143, stderr);
      assert.ok(isGone());
      assert.equal(await app.server.tokensLeft(), 0);
    });

    test('GitLab: exports for the script; a report for later jobs, with a warning and nothing it would change', async () => {
      const job = { env: { GITLAB_CI: 'true' } };
      assert.equal((await env(plain, [], job)).stdout, "export PASSWORD='second'\n");
      const report = app.workspace.path('build.env');
      const written = await env(plain, ['--to', 'output', '--out', report], job);
      assert.equal(written.code, 0, written.stderr);
      assert.equal(app.workspace.read('build.env'), 'PASSWORD=second\n');
      assert.match(logLines(written).find(({ event }) => event === 'insecure')?.reason ?? '', /artifact/);
      for (const name of ['nasty', 'with-blanks', 'dollar']) {
        const refused = await env({ V: `secret/db#${name}` }, ['--to', 'output', '--out', report], job);
        assert.equal(refused.code, 8, name);
      }
      assert.equal(app.workspace.read('build.env'), 'PASSWORD=second\n');
      app.server.takeAudit();
      assert.equal((await env(plain, ['--to', 'output'], job)).code, 8, 'a report is a file');
      const hijacking = await env({ PATH: 'secret/db#password' }, ['--to', 'output', '--out', report], job);
      assert.equal(hijacking.code, 8);
      nothingAsked();
    });

    test('Jenkins: a file that shows nothing to a shell that traces; no `eval`', async () => {
      const job = { env: { JENKINS_URL: 'https://jenkins.example.com/', VAULTONCE_LOG_FORMAT: 'json' } };
      const refused = await env(plain, [], job);
      assert.equal(refused.code, 8);
      assert.match(failuresOf(refused)[0]?.hint ?? '', /--out .*exec/);
      nothingAsked();
      const file = app.workspace.path('jenkins.env');
      assert.equal((await env(environment, ['--out', file], job)).code, 0);
      const step = spawnSync('sh', ['-xe', '-c', '. "$0"; printf %s "$NASTY"', file], { encoding: 'utf8' });
      assert.equal(step.stdout, NASTY);
      assert.equal(step.stderr, `+ . ${file}\n`);
      assert.equal((await env(plain, ['--format', 'shell'], job)).stdout, "export PASSWORD='second'\n");
    });

    test('8: where there is no safe way, whether it is found or asked for', async () => {
      for (const [name, job] of [
        ['bitbucket', { BITBUCKET_BUILD_NUMBER: '1' }],
        ['tekton', { TEKTON_RESOURCE_NAME: 'x' }],
      ] as const) {
        for (const result of [
          await env(plain, [], { env: { ...job } }),
          await env(plain, ['--format', name]),
        ]) {
          assert.equal(result.code, 8, name);
          assert.match(
            failuresOf(result)[0]?.message ?? '',
            /no safe way to pass on variables: .*(?:log|status)/,
          );
          assert.equal(result.stdout, '(exit 8)\n');
        }
      }
      nothingAsked();
    });

    test('8: names that hijack a job', async () => {
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
      const refused = await env(hijacking, [], { env: github() });
      assert.equal(refused.code, 8);
      assert.equal(failuresOf(refused).length, names.length);
      nothingAsked();
      assert.equal((await env(hijacking, ['--force'], { env: github() })).code, 0);
    });

    test('8: a job file that cannot be written, told before anything is requested', async () => {
      for (const [variable, args] of [
        ['GITHUB_ENV', []],
        ['GITHUB_OUTPUT', ['--to', 'output']],
      ] as const) {
        for (const path of [app.workspace.root, '/nonexistent/file', '']) {
          const result = await env(plain, args, { env: { ...github(), [variable]: path } });
          assert.equal(result.code, 8, `${variable}=${path}`);
          assert.match(failuresOf(result)[0]?.message ?? '', new RegExp(`^\\$${variable} `));
        }
      }
      assert.equal((await env(plain, ['--format', 'github'])).code, 8);
      for (const path of ['', app.workspace.root, '/nonexistent/file'])
        assert.equal((await env(plain, ['--format', 'circleci'], { env: { BASH_ENV: path } })).code, 8);
      nothingAsked();
    });

    test('8: a job file on a full disk', async () => {
      const device = await env(plain, [], { env: { ...github(), GITHUB_ENV: '/dev/full' } });
      assert.equal(device.code, 8);
      assert.match(device.stderr, /\$GITHUB_ENV cannot be written to \(ENOSPC\)/);
    });

    test('8: a job file for which the disk has no room stays as it was', needsMounts(), async () => {
      await app.putKv2('large', { value: 'x'.repeat(100_000) });
      mkdirSync(app.workspace.path('volume'));
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', app.workspace.path('volume')]);
      try {
        const file = app.workspace.write('volume/github-env', 'BEFORE=1\n');
        const full = await env({ LARGE: 'secret/large#value' }, [], {
          env: { ...github(), GITHUB_ENV: file },
        });
        assert.equal(full.code, 8);
        assert.match(full.stderr, /\(ENOSPC\)/);
        assert.equal(app.workspace.read('volume/github-env'), 'BEFORE=1\n');
      } finally {
        spawnSync('umount', [app.workspace.path('volume')]);
      }
    });

    test('2: unknown formats and places, and flags that mean nothing with them', async () => {
      for (const args of [
        ['--format', 'gitub'],
        ['--to', 'files'],
        ['--to', 'output'],
        ['--format', 'circleci', '--to', 'output'],
        ['--format', 'azure', '--out', app.workspace.path('x')],
      ]) {
        assert.equal((await env(plain, args)).code, 2, args.join(' '));
      }
      const hint = failuresOf(await env(plain, ['--format', 'gitub']))[0]?.hint ?? '';
      assert.match(hint, /did you mean `github`\?/);
      const help = (await runCli(['env', '--help'])).stdout.replace(/\s+/g, ' ');
      assert.ok(help.includes(FORMAT_NAMES.join(', ')));
      for (const name of FORMAT_NAMES) assert.ok(hint.includes(name), name);
      nothingAsked();
    });
  });
});
