import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import type { Handler, WatchSettings } from '../../src/config/config.ts';
import { createLog } from '../../src/host/log.ts';
import { createScope } from '../../src/host/scope.ts';
import type { RenderedOutput } from '../../src/plan/outputs.ts';
import type { Child } from '../../src/watch/child.ts';
import { checkHandlers, describeHandler } from '../../src/watch/on-change/index.ts';
import { createTeller, type Teller, type TellerParts } from '../../src/watch/on-change/teller.ts';
import type { News } from '../../src/watch/work.ts';
import { IS_STANDALONE } from '../support/cli.ts';
import { needsOtherUser, OTHER_USER } from '../support/needs.ts';
import { createWorkspace } from '../support/workspace.ts';

const ROOT = join(import.meta.dirname, '../..');
const RUNTIME = IS_STANDALONE ? join(ROOT, 'node_modules/.bin/bun') : process.execPath;
/** What hangs fails its test then. */
const PATIENCE_MS = 20_000;

interface Line {
  readonly event: string;
  readonly message: string;
  readonly reason?: string;
  readonly hint?: string;
}

const SETTINGS: WatchSettings = {
  isDeclared: true,
  refreshMs: 0,
  rotateAt: 0.8,
  settleMs: 0,
  onChange: undefined,
  health: undefined,
  stopMs: 0,
  maxStaleMs: 0,
  where: 'watch',
};

const FILES_CHANGED: News = { outputs: [output()], areVariablesChanged: false };

function output(onChange?: readonly Handler[], path = '/out/a'): RenderedOutput {
  return { plan: { onChange, target: { path } }, files: [] } as unknown as RenderedOutput;
}

describe('who is told of a change', () => {
  const workspace = createWorkspace();
  let lines: Line[] = [];
  let wake: () => void = () => undefined;
  let tellers: Teller[] = [];
  let children: ChildProcess[] = [];
  let servers: Server[] = [];

  const scopeOf = (env: Record<string, string | undefined>) => {
    const offer = (text: string): boolean => {
      lines.push(JSON.parse(text) as Line);
      wake();
      return true;
    };
    const log = createLog({
      level: 'debug',
      format: 'json',
      colours: false,
      stderr: { offer },
      progress: undefined,
    });
    return createScope({ env, log, random: Math.random, now: () => performance.now() }, process.pid);
  };
  const teller = (onChange: readonly Handler[] | undefined, parts: Partial<TellerParts> = {}): Teller => {
    const one = createTeller({
      settings: { ...SETTINGS, onChange },
      child: undefined,
      envOf: () => ({ V: 'x' }),
      credentials: ['MY_JWT'],
      cwd: workspace.root,
      scope: scopeOf({
        ...process.env,
        VAULT_TOKEN: 'hvs.x',
        MY_JWT: 'eyJ',
        VAULTONCE_CONFIG: 'c',
        PLAIN: 'p',
      }),
      // Tries again as soon as it may.
      random: () => 0,
      ...parts,
    });
    tellers.push(one);
    return one;
  };
  /** Until so many lines tell of this. */
  const until = async (event: string, times = 1): Promise<Line> => {
    let isLate = false as boolean;
    const late = setTimeout(() => {
      isLate = true;
      wake();
    }, PATIENCE_MS);
    for (;;) {
      const found = lines.filter((line) => line.event === event);
      if (found.length >= times) {
        clearTimeout(late);
        return found[times - 1]!;
      }
      if (isLate) assert.fail(`no ${event} in ${JSON.stringify(lines)}`);
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  const appears = async (name: string, isWhole = (): boolean => true): Promise<void> => {
    for (let waited = 0; !existsSync(workspace.path(name)) || !isWhole(); waited += 20) {
      if (waited > PATIENCE_MS) assert.fail(`no ${name}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  /** A shell makes a file before it writes to it. */
  const pidIn = async (name: string): Promise<number> => {
    await appears(name, () => workspace.read(name).endsWith('\n'));
    return Number(workspace.read(name));
  };
  /** A process of this name, which notes each SIGHUP. */
  const named = async (name: string, more = ''): Promise<ChildProcess> => {
    const directory = `${name}-${String(children.length)}`;
    mkdirSync(workspace.path(directory));
    const text = `#!/bin/sh
trap 'echo $$ >> "${workspace.path(directory, 'hup')}"' HUP
${more}
: > "${workspace.path(directory, 'up')}"
while :; do sleep 0.05; done
`;
    const child = spawn(workspace.write(`${directory}/${name}`, text, 0o755), {
      detached: true,
      stdio: 'ignore',
    });
    children.push(child);
    await appears(`${directory}/up`);
    return child;
  };
  const signalTo = (name: string): Handler => ({
    kind: 'signal',
    signal: 'SIGHUP',
    target: { kind: 'process', name },
    where: 'watch.on_change',
  });
  const pidFile = (path: string): Handler => ({
    kind: 'signal',
    signal: 'SIGHUP',
    target: { kind: 'pid_file', path },
    where: 'watch.on_change',
  });
  const sh = (script: string, timeoutMs = 60_000): Handler => ({
    kind: 'run',
    command: ['/bin/sh', '-c', script],
    timeoutMs,
    where: 'watch.on_change',
  });
  const serve = async (
    answer: (request: IncomingMessage) => number | undefined,
    at: number | string = 0,
  ): Promise<{ readonly url: string; readonly seen: string[] }> => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(
        `${request.method ?? ''} ${request.url ?? ''} ${JSON.stringify(Object.keys(request.headers).sort())}`,
      );
      const status = answer(request);
      if (status === undefined) return;
      response.writeHead(status, status < 400 && status >= 300 ? { location: '/elsewhere' } : {}).end();
    });
    servers.push(server);
    if (typeof at === 'string') server.listen(at);
    else server.listen(at, '127.0.0.1');
    await once(server, 'listening');
    const { port } = typeof at === 'string' ? { port: 0 } : (server.address() as AddressInfo);
    return { url: typeof at === 'string' ? `unix://${at}` : `http://127.0.0.1:${String(port)}`, seen };
  };
  const post = (url: string, timeoutMs = 60_000): Handler => ({
    kind: 'http',
    method: 'POST',
    url,
    timeoutMs,
    where: 'watch.on_change',
  });
  /** A command that remembers what it is told. */
  const command = (): Child & { readonly log: string[] } => {
    const log: string[] = [];
    return {
      log,
      pid: 1,
      restarts: 0,
      ended: Promise.resolve(0),
      restarted: Promise.resolve(),
      start: () => Promise.resolve(),
      restart: (env, reason) => log.push(`restart ${JSON.stringify(env)} ${reason}`),
      signal: (signal) => log.push(signal) > 0,
      stop: () => Promise.resolve(0),
    };
  };

  beforeEach(() => {
    lines = [];
    workspace.clear();
  });
  afterEach(async () => {
    await Promise.all(tellers.map((one) => one.close()));
    for (const { pid } of children) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    for (const server of servers) server.close().closeAllConnections();
    [tellers, children, servers] = [[], [], []];
  });
  after(() => {
    workspace.remove();
  });

  test('without on_change only the command, and only if its variables have changed', async () => {
    const child = command();
    const told = teller(undefined, { child });
    void told.tell(FILES_CHANGED);
    void told.tell({ outputs: [], areVariablesChanged: true });
    await until('told');
    assert.deepEqual(child.log, ['restart {"V":"x"} its variables have changed']);
    assert.equal(lines[0]?.message, 'told of the change: restart of the command');
    void teller(undefined).tell({ outputs: [output()], areVariablesChanged: true });
    void teller([], { child }).tell({ outputs: [output()], areVariablesChanged: true });
    assert.equal(lines.length, 1);
  });

  test('those of each output, or else of all; equal ones once, one after the other, in order', async () => {
    const own = [sh('echo own >> log'), { ...sh('echo shared >> log'), where: 'outputs[0].on_change' }];
    const told = teller([sh('sleep 0.2; echo shared >> log'), sh('echo shared >> log')]);
    void told.tell({ outputs: [output(), output(own), output(own), output([])], areVariablesChanged: false });
    await until('told', 3);
    assert.equal(workspace.read('log'), 'shared\nshared\nown\n');
    assert.equal(told.told, 3);
  });

  test('changes while they run are one more round', async () => {
    const told = teller([
      sh('echo a >> log; : > begun; while [ ! -e go ]; do sleep 0.02; done'),
      sh('echo b >> log'),
    ]);
    void told.tell(FILES_CHANGED);
    await appears('begun');
    for (let i = 0; i < 5; i += 1) void told.tell(FILES_CHANGED);
    workspace.write('go', '');
    await until('told', 4);
    assert.equal(workspace.read('log'), 'a\nb\na\nb\n');
  });

  test('one that fails does not stop the others, is logged once, and is tried until it succeeds', async () => {
    const told = teller([sh('echo try >> log; [ -e good ] || exit 3'), sh('echo next >> log')]);
    void told.tell(FILES_CHANGED);
    await until('told');
    assert.deepEqual(told.failing, ['/bin/sh']);
    while (told.failures < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(lines.filter(({ event }) => event === 'handler_failed').length, 1);
    assert.match(
      (await until('handler_failed')).message,
      /^\/bin\/sh: it ended with status 3; next try in 200 ms$/,
    );
    workspace.write('good', '');
    await until('told', 2);
    assert.deepEqual(told.failing, []);
    assert.match(workspace.read('log'), /^try\nnext\n(?:try\n){2,}$/);
  });

  test('a change is told once each of its handlers has succeeded, at whatever change that is', async () => {
    const told = teller([sh('[ -e good ] || exit 3'), sh('exit 0')]);
    let isTold = false;
    const first = told.tell(FILES_CHANGED).then(() => (isTold = true));
    while (told.failures < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    const second = told.tell(FILES_CHANGED);
    while (told.failures < 4) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(isTold, false);
    workspace.write('good', '');
    await Promise.all([first, second]);
    await teller([]).tell(FILES_CHANGED);
  });

  test('another config: what failed is told by what is in its place, once, and by nothing else; who waits waits for that', async () => {
    const [a, b, gone] = ['/out/a', '/out/b', '/out/gone'];
    const told = teller([sh('exit 1'), sh('echo good >> log')]);
    const outputs = [output(undefined, a), output([sh('exit 2')], b), output([sh('exit 3')], gone)];
    let isTold = false;
    const all = told.tell({ outputs, areVariablesChanged: false }).then(() => (isTold = true));
    await until('handler_failed', 3);
    await until('told');
    assert.equal(isTold, false);
    told.redeclare({
      settings: { ...SETTINGS, onChange: [sh('echo mended >> log'), sh('echo good >> log')] },
      outputs: [output(undefined, a).plan, output([sh('echo own >> log')], b).plan],
    });
    assert.deepEqual(told.failing, []);
    await all;
    assert.equal(workspace.read('log'), 'good\nmended\nown\n');
  });

  test('another config while a handler runs that it no longer has: it is not tried again', async () => {
    const told = teller([sh('echo old >> log; : > begun; while [ ! -e go ]; do sleep 0.02; done; exit 1')]);
    const all = told.tell(FILES_CHANGED);
    await appears('begun');
    told.redeclare({
      settings: { ...SETTINGS, onChange: [sh('echo new >> log')] },
      outputs: [output().plan],
    });
    workspace.write('go', '');
    await all;
    assert.equal(workspace.read('log'), 'old\nnew\n');
    assert.deepEqual([told.told, told.failures, told.failing], [1, 0, []]);
  });

  test('another config that still has what fails, or nobody to tell', async () => {
    const failing = sh('[ -e good ] || exit 3');
    const told = teller([failing]);
    const all = told.tell(FILES_CHANGED);
    await until('handler_failed');
    told.redeclare({ settings: { ...SETTINGS, onChange: [failing] }, outputs: [output().plan] });
    assert.deepEqual(told.failing, ['/bin/sh']);
    told.redeclare({ settings: { ...SETTINGS, onChange: [] }, outputs: [output().plan] });
    await all;
    assert.deepEqual([told.told, told.failing], [0, []]);
  });

  test('closing ends what runs, and no try comes after it', async () => {
    const told = teller([sh('trap "" TERM; : > begun; sleep 60 & wait; wait'), sh('echo next >> log')]);
    void told.tell(FILES_CHANGED);
    await appears('begun');
    await told.close();
    void told.tell(FILES_CHANGED);
    assert.ok(!existsSync(workspace.path('log')));
    assert.deepEqual(lines, []);
  });

  describe('run', () => {
    test('no shell, no input, and none of our credentials', async () => {
      const script = 'cat > input; env > env; printf %s "$0" > argument';
      void teller([{ ...sh(script), command: ['/bin/sh', '-c', script, '$HOME; `x`'] } as Handler]).tell(
        FILES_CHANGED,
      );
      await until('told');
      assert.equal(workspace.read('input'), '');
      assert.equal(workspace.read('argument'), '$HOME; `x`');
      const env = workspace.read('env');
      assert.match(env, /^PLAIN=p$/m);
      assert.doesNotMatch(env, /^(?:VAULT|MY_JWT)/m);
    });

    test('what takes too long is ended with all that it has started', async () => {
      const told = teller([
        sh('trap "" TERM; (trap "" TERM; while :; do sleep 0.05; done) & echo $! > pid; wait', 1000),
      ]);
      void told.tell(FILES_CHANGED);
      const { reason } = await until('handler_failed');
      await told.close();
      assert.equal(reason, 'it did not end within 1 s');
      const pid = Number(workspace.read('pid'));
      const isThere = (): boolean => {
        const stat = `/proc/${String(pid)}/stat`;
        return existsSync(stat) && !readFileSync(stat, 'utf8').includes(') Z ');
      };
      for (let waited = 0; isThere() && waited < PATIENCE_MS; waited += 50)
        await new Promise((resolve) => setTimeout(resolve, 50));
      assert.ok(!isThere());
    });

    test('what it prints goes to stderr', () => {
      const script = `
        import { handle } from '${ROOT}/src/watch/on-change/index.ts';
        import { quietScope } from '${ROOT}/test/support/quiet-scope.ts';
        const handler = { kind: 'run', command: ['/bin/sh', '-c', 'echo out; echo err >&2'], timeoutMs: 9000, where: '' };
        await handle(handler, {}, { credentials: [], cwd: '/' }, quietScope());`;
      const file = workspace.write('script.mjs', script);
      const { stdout, stderr } = spawnSync(RUNTIME, [file], { encoding: 'utf8' });
      assert.deepEqual([stdout, stderr], ['', 'out\nerr\n']);
    });
  });

  describe('signal', () => {
    test('to the command, which may not be running', async () => {
      const child = command();
      const handler: Handler = { kind: 'signal', signal: 'SIGUSR1', target: { kind: 'child' }, where: 'w' };
      void teller([handler], { child }).tell(FILES_CHANGED);
      await until('told');
      assert.deepEqual(child.log, ['SIGUSR1']);
      void teller([handler], { child: { ...child, signal: () => false } }).tell(FILES_CHANGED);
      assert.equal(
        (await until('handler_failed')).message,
        'SIGUSR1 to the command: the command is not running; next try in 200 ms',
      );
    });

    test('to the process of a name, of which the kernel keeps 15 bytes', async () => {
      await named('vo-a-name-that-is-long');
      void teller([signalTo('vo-a-name-that-is-long')]).tell(FILES_CHANGED);
      assert.equal((await until('told')).message, 'told of the change: SIGHUP to vo-a-name-that-is-long');
      await appears('vo-a-name-that-is-long-0/hup');
    });

    test('to the topmost of several, and to none of unrelated ones', async () => {
      const top = await named('vo-master', '(trap - HUP; while :; do sleep 0.05; done) &');
      void teller([signalTo('vo-master')]).tell(FILES_CHANGED);
      await until('told');
      assert.equal(await pidIn('vo-master-0/hup'), top.pid);
      await named('vo-master');
      void teller([signalTo('vo-master')]).tell(FILES_CHANGED);
      const { message, hint } = await until('handler_failed');
      assert.match(
        message,
        // A shell that is about to become `sleep` has its parent's name.
        /^SIGHUP to vo-master: [3-9] processes have this name, and none is above all others;/,
      );
      assert.match(hint ?? '', /`pid_file`/);
    });

    test('to nobody of this name', async () => {
      void teller([signalTo('vo-nobody')]).tell(FILES_CHANGED);
      const { message, hint } = await until('handler_failed');
      assert.match(message, /^SIGHUP to vo-nobody: there is no process of this name here;/);
      assert.match(hint ?? '', /shareProcessNamespace: true/);
    });

    test('to the process of a pid file', async () => {
      const { pid } = await named('vo-pid');
      void teller([pidFile(workspace.write('run/app.pid', `${String(pid)}\n`))]).tell(FILES_CHANGED);
      await until('told');
      assert.equal(await pidIn('vo-pid-0/hup'), pid);
    });

    const JUNK = [
      '',
      'x',
      '-1',
      '0',
      '00',
      '1 2',
      '1e3',
      '0x10',
      '4294967295',
      '4194305',
      '9'.repeat(70),
      '\n'.repeat(70),
    ];
    for (const text of JUNK) {
      test(`a pid file with ${JSON.stringify(text.slice(0, 12))}`, async () => {
        void teller([pidFile(workspace.write('app.pid', text))]).tell(FILES_CHANGED);
        assert.match(
          (await until('handler_failed')).reason ?? '',
          /app\.pid does not contain the number of a process$/,
        );
      });
    }

    test('a pid file that is none, or names nobody or ourselves', async () => {
      const reasonOf = async (path: string): Promise<string> => {
        lines = [];
        const one = teller([pidFile(path)]);
        void one.tell(FILES_CHANGED);
        const { reason = '' } = await until('handler_failed');
        await one.close();
        return reason;
      };
      assert.match(await reasonOf(workspace.path('none.pid')), /none\.pid cannot be read \(ENOENT\)$/);
      assert.match(await reasonOf(workspace.root), /is not a file$/);
      spawnSync('mkfifo', [workspace.path('fifo.pid')]);
      assert.match(await reasonOf(workspace.path('fifo.pid')), /fifo\.pid is not a file$/);
      assert.match(
        await reasonOf(workspace.write('own.pid', String(process.pid))),
        /names this process itself$/,
      );
      const { pid } = spawnSync('true');
      assert.equal(
        await reasonOf(workspace.write('gone.pid', String(pid))),
        `there is no process ${String(pid)}`,
      );
    });

    test('of another user', needsOtherUser(), async () => {
      await named('vo-root');
      const script = `
        import { handle } from '${ROOT}/src/watch/on-change/index.ts';
        import { quietScope } from '${ROOT}/test/support/quiet-scope.ts';
        const handler = { kind: 'signal', signal: 'SIGHUP', target: { kind: 'process', name: 'vo-root' }, where: '' };
        await handle(handler, {}, {}, quietScope()).catch((error) => console.log(JSON.stringify(error.failures)));`;
      const { stdout } = spawnSync(RUNTIME, ['--input-type=module', '-e', script], {
        encoding: 'utf8',
        uid: OTHER_USER,
        gid: OTHER_USER,
        cwd: '/',
      });
      assert.match(
        stdout,
        /no permission to send a signal to process \d+","hint":"run vaultonce as the user of that process, or with the capability KILL"/,
      );
    });
  });

  describe('http', () => {
    test('a request without anything in it', async () => {
      const { url, seen } = await serve(() => 204);
      void teller([post(`${url}/-/reload?x=1`)]).tell(FILES_CHANGED);
      const { message } = await until('told');
      assert.equal(message, `told of the change: POST to ${url.slice('http://'.length)}`);
      assert.match(seen.join(), /^POST \/-\/reload\?x=1 /);
      assert.doesNotMatch(seen.join(), /token|authorization/i);
    });

    test('to a unix socket', async () => {
      const { url, seen } = await serve(() => 200, workspace.path('app.sock'));
      void teller([post(url)]).tell(FILES_CHANGED);
      assert.equal((await until('told')).message, 'told of the change: POST to a unix socket');
      assert.match(seen.join(), /^POST \/ /);
    });

    for (const [status, reason, hint] of [
      [302, 'it answered 302', 'redirects are not followed: name the last address'],
      [404, 'it answered 404', undefined],
      [503, 'it answered 503', undefined],
    ] as const) {
      test(`an answer ${String(status)}`, async () => {
        const { url, seen } = await serve(() => status);
        const one = teller([post(url)]);
        void one.tell(FILES_CHANGED);
        const line = await until('handler_failed');
        await one.close();
        assert.deepEqual([line.reason, line.hint], [reason, hint]);
        assert.ok(seen.every((request) => request.startsWith('POST / ')));
      });
    }

    test('no answer', async () => {
      const { url } = await serve(() => undefined);
      const slow = teller([post(url, 200)]);
      void slow.tell(FILES_CHANGED);
      assert.equal((await until('handler_failed')).reason, 'no answer within 0.2 s');
      await slow.close();
      lines = [];
      servers[0]?.close().closeAllConnections();
      void teller([post(url)]).tell(FILES_CHANGED);
      assert.equal((await until('handler_failed')).reason, 'no answer (ECONNREFUSED)');
    });
  });

  test('no name of a handler shows what may be a credential', () => {
    const token = 'hvs.CAESIJ1234567890abcdefghij';
    const handlers: Handler[] = [
      signalTo(token),
      pidFile(`/run/${token}`),
      { ...sh(''), command: [token] } as Handler,
      post(`https://hooks.example.com/services/${token}?key=${token}`),
      post(`unix:///run/${token}`),
    ];
    assert.deepEqual(handlers.map(describeHandler), [
      'SIGHUP to [not shown]',
      'SIGHUP to the process of the pid_file of watch.on_change',
      '[not shown]',
      'POST to hooks.example.com',
      'POST to a unix socket',
    ]);
  });

  test('what is known before: no command, no program, no URL', () => {
    const outputs = [
      { onChange: [post('ftp://x'), post('http://'), post('unix://'), post('https://user:hunter22@x/')] },
    ];
    const onChange: Handler[] = [
      { kind: 'restart', where: 'w' },
      { kind: 'signal', signal: 'SIGHUP', target: { kind: 'child' }, where: 'w' },
      signalTo('nobody'),
      pidFile('/none'),
      { ...sh(''), command: ['vo-no-such-command'] } as Handler,
      { ...sh(''), command: [workspace.write('plain', '', 0o644)] } as Handler,
      { ...sh(''), command: [''] } as Handler,
      sh('exit 1'),
      post('http://localhost:1/x'),
      post('unix:///run/app.sock'),
    ];
    const around = { env: { PATH: '/usr/bin:/bin' }, cwd: '/', hasCommand: false };
    const config = { watch: { ...SETTINGS, onChange }, outputs } as unknown as Parameters<
      typeof checkHandlers
    >[0];
    const failures = checkHandlers(config, around);
    assert.deepEqual(
      failures.map(({ kind, where, message }) => [kind, where, message]),
      [
        ['config', 'w', '`restart` needs a command, and there is none'],
        ['config', 'w', '`signal` without `process` and `pid_file` needs a command, and there is none'],
        ['config', 'watch.on_change.run', 'the command `vo-no-such-command` does not exist'],
        [
          'config',
          'watch.on_change.run',
          `the command \`${workspace.path('plain')}\` cannot be run (EACCES)`,
        ],
        ['config', 'watch.on_change.run', 'the command has no name'],
        ...['', '', ''].map(() => ['config', 'watch.on_change.http.url', 'this is not an HTTP URL']),
        ['config', 'watch.on_change.http.url', 'a user or a password in a URL is not sent'],
      ],
    );
    assert.ok(failures.every(({ hint }) => hint !== undefined && !hint.includes('hunter22')));
    assert.equal(checkHandlers(config, { ...around, hasCommand: true }).length, failures.length - 2);
  });
});
