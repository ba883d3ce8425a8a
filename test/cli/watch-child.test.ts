import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { IS_STANDALONE } from '../support/cli.ts';
import { needsOwnProcesses } from '../support/needs.ts';
import { createWorkspace } from '../support/workspace.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The standalone binary is Bun with the program in it. */
const RUNTIME = IS_STANDALONE ? join(ROOT, 'node_modules/.bin/bun') : process.execPath;

/** Much longer than anything takes here; what hangs fails its test then. */
const PATIENCE_MS = 20_000;

/** Says what it gets; ends with 7 on SIGTERM, unless it is stubborn. */
const APP = `
for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGINT', 'SIGQUIT', 'SIGWINCH', 'SIGCONT'])
  process.on(signal, () => console.log('got ' + signal));
process.on('SIGTERM', () => {
  console.log('got SIGTERM');
  if (process.env.STUBBORN === undefined) process.exit(7);
});
setInterval(() => undefined, 1000);
if (process.env.LIVES !== undefined) setTimeout(() => process.exit(3), Number(process.env.LIVES));
console.log('up ' + process.env.V);
`;

class Host {
  readonly process: ChildProcessWithoutNullStreams;
  out = '';
  err = '';
  #wake: () => void = () => undefined;

  constructor(command: readonly string[], { stopMs = 60_000, settleMs = 0 } = {}) {
    const host = join(ROOT, 'test/support/command-host.ts');
    this.process = spawn(RUNTIME, [host, String(stopMs), String(settleMs), ...command], { env: {} });
    this.process.once('exit', () => {
      this.#wake();
    });
    this.process.stdout.on('data', (chunk) => {
      this.out += String(chunk);
      this.#wake();
    });
    this.process.stderr.on('data', (chunk) => {
      this.err += String(chunk);
      this.#wake();
    });
  }

  say(order: object): void {
    this.process.stdin.write(`${JSON.stringify(order)}\n`);
  }

  /** Until the texts match, as often as that is wanted. */
  async until(pattern: RegExp, stream: 'out' | 'err' = 'out', times = 1): Promise<void> {
    const all = new RegExp(pattern.source, `${pattern.flags}g`);
    const late = setTimeout(() => this.process.kill('SIGKILL'), PATIENCE_MS);
    while ([...this[stream].matchAll(all)].length < times) {
      if (this.process.exitCode !== null || this.process.signalCode !== null)
        assert.fail(`no ${pattern.source} in\n${this.out}\n${this.err}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    clearTimeout(late);
  }
}

describe('a command as a child', () => {
  const workspace = createWorkspace();
  let hosts: Host[] = [];
  const host = (options = {}, command: readonly string[] = [process.execPath, '-e', APP]): Host => {
    const one = new Host(command, options);
    hosts.push(one);
    return one;
  };
  beforeEach(() => {
    workspace.clear();
  });
  afterEach(async () => {
    for (const one of hosts) {
      if (one.process.exitCode !== null || one.process.signalCode !== null) continue;
      one.say({ stop: 'SIGKILL' });
      await one.until(/"stopped"/, 'err');
      one.process.kill('SIGKILL');
      await once(one.process, 'exit');
    }
    hosts = [];
  });
  after(() => {
    workspace.remove();
  });

  test('has the variables it was started with and no others, and its status is that of its end', async () => {
    const one = host({}, ['/bin/sh', '-c', 'echo "<$V$HOME>"; exit 5']);
    one.say({ start: { env: { V: 'x' } } });
    await one.until(/"ended":5/, 'err');
    // It comes by another pipe.
    await one.until(/>$/m);
    assert.equal(one.out, '<x>\n');
    const killed = host({}, ['/bin/sh', '-c', 'kill -KILL $$']);
    killed.say({ start: { env: {} } });
    await killed.until(/"ended":137/, 'err');
  });

  test('is restarted with other variables; its end by our signal is none', async () => {
    const one = host();
    one.say({ start: { env: { V: 'a' } } });
    await one.until(/^up a$/m);
    one.say({ restart: { env: { V: 'b' }, reason: 'the password has changed' } });
    await one.until(/^up b$/m);
    assert.equal(one.out, 'up a\ngot SIGTERM\nup b\n');
    assert.doesNotMatch(one.err, /"ended"|"failed"/);
    assert.match(one.err, /"message":"stopping the command: the password has changed"/);
    one.say({ stop: 'SIGTERM' });
    await one.until(/"stopped":7,"restarts":1/, 'err');
    assert.doesNotMatch(one.err, /"ended"/);
  });

  test('many restarts while one is under way are one, with the last variables', async () => {
    const one = host();
    one.say({ start: { env: { V: 'a', STUBBORN: '1' } } });
    await one.until(/^up a$/m);
    one.say({ restart: { env: { V: 'b' }, reason: 'first' } });
    await one.until(/^got SIGTERM$/m);
    for (const V of ['c', 'd', 'e']) one.say({ restart: { env: { V }, reason: V } });
    one.say({ forward: { hangsUp: false } });
    await one.until(/"forwards"/, 'err');
    const pid = /"event":"command_started","pid":(\d+)/.exec(one.err)?.[1] ?? '';
    process.kill(Number(pid), 'SIGKILL');
    await one.until(/^up e$/m);
    assert.equal(one.out, 'up a\ngot SIGTERM\nup e\n');
    assert.doesNotMatch(one.err, /"ended"/);
  });

  test('what does not end in time gets SIGKILL, and is restarted all the same', async () => {
    const one = host({ stopMs: 100 });
    one.say({ start: { env: { V: 'a', STUBBORN: '1' } } });
    await one.until(/^up a$/m);
    one.say({ restart: { env: { V: 'b', STUBBORN: '1' }, reason: 'x' } });
    await one.until(/^up b$/m);
    assert.match(one.err, /"message":"the command did not end within 100 ms: sent SIGKILL"/);
    one.say({ stop: 'SIGINT' });
    await one.until(/"stopped":137/, 'err');
    assert.match(one.out, /^got SIGINT$/m);
  });

  test('is not restarted while it is still starting', async () => {
    const one = host({ settleMs: 60_000 });
    one.say({ start: { env: { V: 'a', LIVES: '500' } } });
    // Before it has started, and after.
    one.say({ restart: { env: { V: 'b' }, reason: 'x' } });
    await one.until(/^up a$/m);
    one.say({ restart: { env: { V: 'b' }, reason: 'x' } });
    // It ends by itself before its time has come: that is its end.
    await one.until(/"ended":3/, 'err');
    assert.equal(one.out, 'up a\n');
    assert.doesNotMatch(one.err, /command_stopping/);
    const other = host({ settleMs: 60_000 });
    other.say({ start: { env: { V: 'a' } } });
    await other.until(/^up a$/m);
    other.say({ restart: { env: { V: 'b' }, reason: 'x' } });
    other.say({ stop: 'SIGTERM' });
    await other.until(/"stopped":7,"restarts":0/, 'err');
  });

  test('what cannot be started', async () => {
    const none = host({}, [workspace.path('none')]);
    none.say({ start: { env: {} } });
    await none.until(/"failed":"the command `.*none` cannot be run \(ENOENT\)"/, 'err');
    const program = workspace.write('app', `#!${process.execPath}\n${APP}`, 0o755);
    const one = host({}, [program]);
    one.say({ start: { env: { V: 'a' } } });
    await one.until(/^up a$/m);
    chmodSync(program, 0o644);
    one.say({ restart: { env: { V: 'b' }, reason: 'x' } });
    await one.until(/"failed":"the command `.*app` cannot be run \(EACCES\)"/, 'err');
    chmodSync(program, 0o755);
    one.say({ restart: { env: { V: 'x'.repeat(200_000) }, reason: 'x' } });
    await one.until(/"failed":"the variable `V` exceeds 128 KiB/, 'err');
    assert.equal(one.out, 'up a\n');
    // Only the kernel sees this.
    writeFileSync(program, '#!/no/such/interpreter\n', { mode: 0o755 });
    one.say({ restart: { env: { V: 'b' }, reason: 'x' } });
    await one.until(/"failed":"the command `.*app` cannot be run \(ENOENT\)"/, 'err');
    assert.equal(one.out, 'up a\ngot SIGTERM\n');
  });

  test('signals go to the command, but not those that mean something here', async () => {
    const one = host();
    one.say({ start: { env: { V: 'a' } } });
    await one.until(/^up a$/m);
    one.say({ forward: { hangsUp: false } });
    await one.until(/"forwards"/, 'err');
    one.process.on('exit', () => assert.fail('it has ended'));
    const signals = ['SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGINT', 'SIGQUIT', 'SIGWINCH', 'SIGCONT'] as const;
    for (const signal of signals) {
      one.process.kill(signal);
      await one.until(new RegExp(`^got ${signal}$`, 'm'));
    }
    one.say({ forward: { hangsUp: true } });
    await one.until(/"forwards"/, 'err', 2);
    one.process.kill('SIGHUP');
    await one.until(/^got SIGHUP$/m);
    one.process.removeAllListeners('exit');
  });

  test('a signal that comes while it is starting does not end it', async () => {
    const one = host({ settleMs: 3000 });
    one.say({ forward: { hangsUp: true } });
    await one.until(/"forwards"/, 'err');
    one.say({ start: { env: { V: 'a' } } });
    await one.until(/"command_started"/, 'err');
    const signals = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGALRM'] as const;
    for (const signal of signals) one.process.kill(signal);
    for (const signal of signals) await one.until(new RegExp(`^got ${signal}$`, 'm'));
    one.say({ stop: 'SIGTERM' });
    await one.until(/"stopped":7/, 'err');
  });

  test('what it prints is redacted, with the values of each start', async () => {
    const one = host();
    one.say({ start: { env: { V: 'hunter22' }, masks: ['hunter22'] } });
    await one.until(/^up \*\*\*$/m);
    assert.ok(!one.out.includes('hunter22'));
    one.say({ stop: 'SIGTERM' });
    await one.until(/"stopped":7/, 'err');
    assert.equal(one.out, 'up ***\ngot SIGTERM\n');
  });

  test(
    'as PID 1: what the command has left is removed where the runtime can, and told otherwise',
    needsOwnProcesses(),
    () => {
      const script = `
      import { spawn } from 'node:child_process';
      import { createLog } from '${ROOT}/src/host/log.ts';
      import { createScope } from '${ROOT}/src/host/scope.ts';
      import { tendOrphans } from '${ROOT}/src/watch/orphans.ts';
      import { zombiesOf } from '${ROOT}/src/watch/on-change/processes.ts';
      const said = [];
      const log = createLog({ level: 'info', format: 'json', colours: false, stderr: { offer: (text) => said.push(text) > 0 } });
      const scope = createScope({ env: {}, log, random: Math.random, now: () => performance.now() }, 1);
      const tending = tendOrphans(scope, 50);
      const command = spawn('/bin/sh', ['-c', '(sh -c "exit 3" &); (sh -c "exit 0" &); sleep 0.5; exit 5'], { stdio: 'ignore' });
      command.on('exit', (status) => {
        let looks = 0;
        const timer = setInterval(() => {
          looks += 1;
          if (said.length === 0 && zombiesOf(1).length > 0 && looks < 200) return;
          clearInterval(timer);
          tending[Symbol.dispose]();
          console.log(JSON.stringify({ status, left: zombiesOf(1).length, said: said.map((text) => JSON.parse(text)) }));
        }, 50);
      });`;
      const file = workspace.write('script.mjs', script);
      const { stdout } = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', RUNTIME, file], {
        encoding: 'utf8',
      });
      const { status, left, said } = JSON.parse(stdout) as {
        status: number;
        left: number;
        said: { event: string }[];
      };
      assert.equal(status, 5);
      const events = said.map(({ event }) => event);
      assert.deepEqual([left, events], IS_STANDALONE ? [0, []] : [2, ['orphans_left']]);
    },
  );
});
