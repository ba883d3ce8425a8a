import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, openSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { requestsOf, startApp, type TestApp } from '../support/app.ts';
import {
  COMMAND,
  failuresOf,
  IS_STANDALONE,
  logLines,
  runCli,
  startCli,
  type CliOptions,
  type CliResult,
} from '../support/cli.ts';
import { elfFor } from '../support/elf-stub.ts';
import { needsDisk, needsOtherUser, OTHER_USER } from '../support/needs.ts';
import { diskDirectory } from '../support/places.ts';

const NASTY = 'it\'s "$HOME" `id` \\ %0A\n::set-env name=X::y\n##vso[task.complete]\nEOF\n';

/** `read` and `exec`: single values instead of files; `env.test.ts` has the third. */
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
    await app.putKv2('odd', Object.fromEntries([['__proto__', 'from all keys']]));
    await app.putKv2('long', { value: 'x'.repeat(100_000) });
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

    test('a line for each argument: what is named twice is fetched once, a line break is refused', async () => {
      const [password, nasty] = ['secret/db#password', 'secret/db#nasty'];
      const twice = await run('read', {}, [password, 'kv1/legacy#token', password]);
      assert.equal(twice.stdout, 'second\nold\nsecond\n');
      assert.equal(requestsOf(app.server).filter((request) => /secret|kv1/.test(request)).length, 2);
      assert.equal((await run('read', {}, [password, password])).stdout, 'second\nsecond\n');
      const broken = await run('read', {}, [password, nasty, nasty]);
      assert.deepEqual([broken.code, broken.stdout], [8, '']);
      const [failure, ...others] = failuresOf(broken);
      assert.deepEqual(others, []);
      assert.match(failure?.message ?? '', /^the value of `secret\/db#nasty` has a line break/);
      assert.match(failure?.hint ?? '', /--json, or read this one alone/);
      assert.equal((await run('read', {}, [nasty])).stdout, NASTY);
      const { stdout } = await run('read', {}, [password, nasty, password, '--json']);
      assert.deepEqual(JSON.parse(stdout), { [password]: 'second', [nasty]: NASTY });
      const wrong = await run('read', {}, [password, password, 'password']);
      assert.equal(failuresOf(wrong)[0]?.where, 'argument 3');
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

    test('--out writes a file as outputs are written', needsDisk(), async () => {
      const file = app.workspace.path('read/password');
      assert.equal((await run('read', {}, ['secret/db#password', '--out', file])).code, 0);
      assert.equal(app.workspace.read('read/password'), 'second');
      assert.equal(app.workspace.mode('read/password'), '0400');
      app.server.takeAudit();
      const onDisk = await run('read', {}, [
        'secret/db#password',
        '--out',
        join(diskDirectory() ?? '', 'vaultonce-test-password'),
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

  test('8: a stdout that is closed, told before any request; one that discards is none', async () => {
    const start = (command: string, args: readonly string[], redirection: string): CliResult => {
      const config = app.config({ environment: { A: 'secret/db#password' }, outputs: [] });
      const script = `exec "$@" ${redirection}`;
      const words = [...COMMAND, command, '-c', config, ...args];
      const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', script, 'sh', ...words], {
        encoding: 'utf8',
        env: { HOME: '/nonexistent' },
      });
      return { code: status, stdout, stderr };
    };
    for (const [command, args] of [
      ['read', ['secret/db#password']],
      ['env', []],
      ['render', ['--report', '-', '--out', 'x=secret/db#password']],
    ] as const) {
      const closed = start(command, args, '>&-');
      assert.equal(closed.code, 8, `${command}: ${closed.stderr}`);
      assert.match(failuresOf(closed)[0]?.message ?? '', /^stdout is closed/);
      assert.deepEqual(requestsOf(app.server), []);
    }
    assert.equal(start('read', ['secret/db#password'], '>/dev/null').code, 0);
    assert.equal(start('env', [], '>/dev/null').code, 0);
    await nothingLeft();
    app.server.takeAudit();
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
        { environment: { LAST: 'secret/db#password' } },
        ['--clear-env', '--keep-env', 'KEPT', '--', 'env'],
        { env },
      );
      assert.deepEqual(
        clear.stdout
          .trim()
          .split('\n')
          .map((line) => line.split('=')[0])
          .sort(),
        ['KEPT', 'LAST', 'PATH'],
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

    test('options after the first word are those of the command, with or without `--`', async () => {
      const flags = ['-c', app.config({ environment })];
      const script = 'printf "%s|" "$PASSWORD" "$@"';
      for (const separator of [[], ['--']]) {
        const words = [
          'sh',
          '-c',
          script,
          'sh',
          '--version',
          '-q',
          '--env',
          'A=b',
          '--',
          '-c',
          'x',
          '--help',
        ];
        const result = await runCli(['exec', ...flags, ...separator, ...words]);
        const received = 'second|--version|-q|--env|A=b|--|-c|x|--help|';
        assert.deepEqual([result.code, result.stdout], [0, received], result.stderr);
      }
      const version = await runCli(['exec', ...flags, 'node', '--version'], {
        env: { PATH: process.env['PATH'] ?? '' },
      });
      assert.match(version.stdout, /^v\d+\.\d+/);
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

    test('directories of $PATH that cannot be entered are passed over', async () => {
      symlinkSync('circle', app.workspace.path('circle'));
      const PATH = [app.workspace.path('circle'), process.env['PATH'] ?? ''].join(delimiter);
      const args = ['--', 'sh', '-c', 'echo "$PASSWORD"'];
      const result = await run('exec', { environment }, args, { env: { PATH } });
      assert.equal(result.stdout, 'second\n', result.stderr);
    });

    test('a command that only a closed directory may have is 126', needsOtherUser(), async () => {
      const closed = app.workspace.path('closed');
      mkdirSync(closed, { mode: 0o700 });
      const user = { uid: OTHER_USER, gid: OTHER_USER };
      const nowhere = await runCli(['exec', '--', 'a-command'], { env: { PATH: closed }, ...user });
      assert.equal(nowhere.code, 126, nowhere.stderr);
      assert.deepEqual(failuresOf(nowhere)[0]?.details, [`no permission: ${closed}`]);
      const PATH = [closed, '/usr/bin', '/bin'].join(delimiter);
      const elsewhere = await runCli(['exec', '-c', '/no/such/config', '--', 'sh'], {
        env: { PATH },
        ...user,
      });
      assert.equal(elsewhere.code, 3, elsewhere.stderr);
    });

    test('127, 126 and no command are told before any request', async () => {
      const plain = app.workspace.write('not-executable', 'x', 0o644);
      const PATH = ['/usr/bin', '/bin'].join(delimiter);
      for (const [code, ...command] of [
        [127, 'no-such-command'],
        [127, '/no/such/command'],
        [126, plain],
        [126, app.workspace.root],
      ] as const) {
        const result = await run('exec', { environment }, ['--', ...command], { env: { PATH } });
        assert.equal(result.code, code, command.join(' '));
        assert.notEqual(failuresOf(result)[0]?.hint, undefined);
      }
      assert.equal((await run('exec', { environment }, [])).code, 2);
      assert.deepEqual(requestsOf(app.server), []);
    });

    test('what the kernel would refuse is 126 before any request, and says why', async () => {
      const script = (name: string, content: string | Buffer): string =>
        app.workspace.write(`refused/${name}`, content, 0o755);
      const elf = (name: string, target: string, change?: (bytes: Buffer) => void): string => {
        const bytes = elfFor(target);
        change?.(bytes);
        return script(name, bytes);
      };
      const [own, other] = process.arch === 'arm64' ? ['arm64', 'x64'] : ['x64', 'arm64'];
      const noLoader = elf('loader', `linux-${own}`, (bytes) => bytes.write('/no/', bytes.indexOf('/lib')));
      let chain = '/bin/sh';
      for (let depth = 1; depth <= 6; depth += 1) chain = script(`chain-${String(depth)}`, `#!${chain}\n`);
      const cases: Readonly<Record<string, RegExp>> = {
        [script('windows', '#!/bin/sh\r\necho\n')]: /carriage return/,
        [script('missing', '#!/no/such/interpreter -e\n')]: /\/no\/such\/interpreter does not exist/,
        [script('directory', '#! /bin\n')]: /\/bin is not a file/,
        [script('mode', `#!${app.workspace.write('no-program', '#!/bin/sh\n')}\n`)]: /EACCES/,
        [script('text', `#!${script('shell', 'echo\n')}\n`)]: /is not a program/,
        [script('second', `#!${script('first', '#!/no/such\n')}\n`)]: /\/no\/such does not exist/,
        [script('empty', '#!\necho\n')]: /names no interpreter/,
        [script('long', `#!/${'x'.repeat(300)}\n`)]: /names no interpreter/,
        [chain]: /nested too deeply/,
        [noLoader]: /loader \/no\/\S+ does not exist/,
        [script('of-elf', `#!${noLoader}\n`)]: /cannot be run: its loader \/no\//,
        [elf('foreign', `linux-${other}`)]: /another processor/,
        [elf('object', `linux-${own}`, (bytes) => bytes.writeUInt16LE(1, 16))]: /not that of a program/,
        [elf('cut', `linux-${own}`, (bytes) => bytes.fill(0, 56))]: /not that of a program/,
      };
      for (const [command, reason] of Object.entries(cases)) {
        for (const flags of [[], ['--redact']]) {
          const result = await run('exec', { environment }, [...flags, '--', command]);
          assert.equal(result.code, 126, `${command}: ${result.stderr}`);
          const [failure] = failuresOf(result);
          assert.match(failure?.message ?? '', reason);
          assert.notEqual(failure?.hint, undefined);
        }
      }
      assert.deepEqual(requestsOf(app.server), []);
    });

    test('what the kernel runs is not refused', async () => {
      const script = (name: string, text: string): string => app.workspace.write(`run/${name}`, text, 0o755);
      // Each is the interpreter of the next.
      let chain = '/bin/sh';
      for (let depth = 1; depth <= 5; depth += 1) chain = script(`chain-${String(depth)}`, `#!${chain}\n`);
      for (const command of [
        script('blanks', '#! \t/bin/sh  -e \necho "$PASSWORD"\n'),
        script('by-env', '#!/usr/bin/env -S sh -e\necho "$PASSWORD"\n'),
        script('argument', `#!/usr/bin/env sh${' '.repeat(300)}\necho "$PASSWORD"\n`),
      ]) {
        const result = await run('exec', { environment }, ['--', command]);
        assert.deepEqual([result.code, result.stdout], [0, 'second\n'], `${command}: ${result.stderr}`);
      }
      assert.equal((await run('exec', { environment }, ['--', chain])).code, 0);
    });

    test('the size of an environment is measured by the stack, as the kernel does', async () => {
      const runUnder = (kib: number, keys: number): Promise<CliResult> => {
        const command = ['sh', '-c', `ulimit -s ${String(kib)} && exec "$@"`, 'sh', ...COMMAND];
        const flags = Array.from({ length: keys }, (_, index) => [
          '--env',
          `V${String(index)}=secret/long#value`,
        ]);
        return run('exec', {}, [...flags.flat(), '--', 'true'], { command });
      };
      const small = await runUnder(1024, 3);
      assert.equal(small.code, 8, small.stderr);
      assert.match(failuresOf(small)[0]?.message ?? '', /exceed 256 KiB/);
      await nothingLeft();
      for (const [kib, keys] of [
        [1024, 2],
        [16_384, 38],
      ] as const) {
        const result = await runUnder(kib, keys);
        assert.equal(result.code, 0, `${String(kib)} KiB: ${result.stderr}`);
      }
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

    test('a variable may be named `__proto__`; a config cannot have the name', async () => {
      for (const [args, value] of [
        [['--env', '__proto__=secret/db#password'], 'second'],
        [['--env-from', 'secret/odd'], 'from all keys'],
        [['--env', 'A=secret/db#password'], 'inherited'],
      ] as const) {
        const result = await run('exec', {}, [...args, '--', 'printenv', '__proto__'], {
          env: Object.fromEntries([['__proto__', 'inherited']]),
        });
        assert.deepEqual([result.code, result.stdout], [0, `${value}\n`], result.stderr);
      }
      const refused = await run(
        'exec',
        { environment: Object.fromEntries([['__proto__', 'secret/db#password']]) },
        ['--', 'true'],
      );
      assert.equal(refused.code, 3);
      assert.match(failuresOf(refused)[0]?.message ?? '', /`environment\.__proto__` is a name/);
    });

    test('bytes that are not UTF-8: an argument is refused, a variable a warning', async () => {
      const runIn = (script: string, args: readonly string[]): Promise<CliResult> =>
        run('exec', { environment }, args, { command: ['sh', '-c', script, 'sh', ...COMMAND] });
      // A shell can start it with such bytes; what is U+FFFD already is no reason to complain.
      const argument = await runIn('exec "$@" "$(printf "caf\\351")"', ['--', 'printf', '%s', 'good \uFFFD']);
      assert.equal(argument.code, 2);
      const [refused, ...others] = failuresOf(argument);
      assert.match(refused?.message ?? '', /^argument 3 of the command is not valid UTF-8/);
      assert.deepEqual(others, []);
      assert.deepEqual(requestsOf(app.server), []);
      const set = 'export ODD="$(printf "caf\\351")" FINE="\uFFFDé" PASSWORD="$(printf "\\377")"; exec "$@"';
      const variable = await runIn(set, ['--', 'printf', '%s', 'good \uFFFD']);
      assert.deepEqual([variable.code, variable.stdout], [0, 'good \uFFFD'], variable.stderr);
      assert.deepEqual(
        logLines(variable).map(({ event, level, names }) => ({ event, level, names })),
        [{ event: 'variables_not_utf8', level: 'warn', names: ['ODD'] }],
      );
      const cleared = await runIn(set, ['--clear-env', '--', 'printenv', 'PASSWORD']);
      assert.deepEqual(cleared, { code: 0, stdout: 'second\n', stderr: '' });
    });

    test('the command has the descriptors of the parent, where Node has not marked them', async () => {
      const file = app.workspace.write('descriptor', 'content');
      const command = ['sh', '-c', `exec "$@" 3<${file} 7<${file}`, 'sh', ...COMMAND];
      const open = 'for d in $(seq 3 40); do test ! -e "/proc/$$/fd/$d" || echo "$d"; done; ';
      const read = 'test ! -e "/proc/$$/fd/7" || cat <&7';
      for (const redacts of [false, true]) {
        const args = [...(redacts ? ['--redact'] : []), '--', 'sh', '-c', `${open}${read}`];
        const result = await run('exec', { environment }, args, { command });
        const expected = IS_STANDALONE && !redacts ? '3\n7\ncontent' : '';
        assert.deepEqual(result, { code: 0, stdout: expected, stderr: '' });
      }
    });

    test('a failed run starts nothing; nor does a variable that no program can have', async () => {
      const marker = app.workspace.path('started');
      const missing = await run('exec', { environment: { A: 'secret/db#none' } }, ['--', 'touch', marker]);
      assert.equal(missing.code, 6);
      const big = await run('exec', { environment: { A: 'secret/big#value' } }, ['--', 'touch', marker]);
      assert.equal(big.code, 8);
      assert.match(failuresOf(big)[0]?.message ?? '', /`A` exceeds 128 KiB/);
      assert.ok(!app.workspace.list().includes('started'));
      await nothingLeft();
    });
  });
});
