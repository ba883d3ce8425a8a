import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { COMMAND, type LogLine } from '../support/cli.ts';
import { startStandIn, type StandIn } from '../support/stand-in.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

/** A pipe of which this test holds both ends. */
interface Pipe {
  readonly file: number;
  fill(): void;
  /** Adds a byte if not. */
  isFull(): boolean;
  /** All that is in it. */
  drain(): string;
}

/** A reader that does not read: a log collector that hangs, a parent that never looks. */
describe('streams that nobody reads', () => {
  let workspace: Workspace;
  const files: number[] = [];
  before(() => {
    workspace = createWorkspace();
    workspace.write(
      'vaultonce.yaml',
      `auth: { method: token, token: none }
secrets: { db: { path: kv/db, engine: kv1 } }
outputs: [{ path: f, contents: '{{db.a}}' }]
output: { directory: '${workspace.path('out')}' }
`,
    );
    workspace.write(
      'variables.yaml',
      `auth: { method: token, token: none }
secrets: { db: { path: kv/db, engine: kv1 } }
environment: { A: 'db#a' }
`,
    );
    workspace.write('fixtures.yaml', 'db: { a: 1 }\n');
    const secrets = Array.from({ length: 5000 }, (_, index) => `  s${String(index)}: kv/${String(index)}\n`);
    workspace.write('large.yaml', `secrets:\n${secrets.join('')}`);
  });
  after(() => {
    for (const file of files) closeSync(file);
    workspace.remove();
  });

  const pipe = (name: string): Pipe => {
    execFileSync('mkfifo', [workspace.path(name)]);
    const file = openSync(workspace.path(name), constants.O_RDWR | constants.O_NONBLOCK);
    // What the program inherits waits, as a pipe does by default.
    const inherited = openSync(workspace.path(name), constants.O_WRONLY);
    files.push(file, inherited);
    return {
      file: inherited,
      fill() {
        assert.throws(() => {
          for (;;) writeSync(file, Buffer.alloc(4096, '\n'));
        }, /EAGAIN/);
      },
      isFull() {
        try {
          return writeSync(file, '\n') === 0;
        } catch (error) {
          return /EAGAIN/.test(String(error));
        }
      },
      drain() {
        const bytes = Buffer.alloc(1 << 20);
        try {
          return bytes.toString('utf8', 0, readSync(file, bytes));
        } catch (error) {
          assert.match(String(error), /EAGAIN/);
          return '';
        }
      },
    };
  };
  const start = (
    args: readonly string[],
    stdout: number | 'ignore',
    stderr: number | 'ignore',
  ): ChildProcess => {
    const [program = '', ...rest] = [...COMMAND, ...args];
    return spawn(program, rest, { cwd: workspace.root, stdio: ['ignore', stdout, stderr], env: {} });
  };
  const codeOf = async (child: ChildProcess): Promise<unknown> => {
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    const [code] = (await once(child, 'exit')) as unknown[];
    clearTimeout(timer);
    return code;
  };

  test('a run ends with its own code, and its log says what it lacks', async () => {
    const stderr = pipe('stderr');
    stderr.fill();
    const args = ['render', '--fixtures', 'fixtures.yaml', '--log-level', 'debug'];
    assert.equal(await codeOf(start(args, 'ignore', stderr.file)), 0);
    assert.equal(workspace.read('out/f'), '1');
    assert.equal(stderr.drain().trim(), '', 'nothing was added to a full pipe');
    assert.equal(await codeOf(start(['render', '-c', 'none.yaml'], 'ignore', stderr.file)), 3);
    assert.match(stderr.drain(), /none\.yaml/);
  });

  test('SIGTERM ends it: 143', async () => {
    const stderr = pipe('ended');
    const server = await startStandIn({ answer: () => 'hang' });
    const run = start(['render', '--address', server.address, '--log-level', 'debug'], 'ignore', stderr.file);
    while (server.seen.length === 0) await delay(5);
    stderr.fill();
    run.kill('SIGTERM');
    assert.equal(await codeOf(run), 143);
    await server.stop();
  });

  test('lines are lost whole, and counted', async () => {
    const stderr = pipe('lossy');
    stderr.fill();
    const server = await startStandIn({
      answer: (_, nth) => {
        // By now the log has lost what came before.
        if (nth === 3) stderr.drain();
        return { status: 503, body: { errors: ['Vault is sealed'] } };
      },
    });
    const run = start(
      ['render', '--address', server.address, '--set', 'vault.max_retries=3'],
      'ignore',
      stderr.file,
    );
    assert.equal(await codeOf(run), 9);
    const lines = stderr.drain().trim().split('\n');
    const [lost, ...others] = lines.map((line) => JSON.parse(line) as LogLine & { readonly lines?: number });
    assert.equal(lost?.event, 'log_lost');
    assert.equal(lost.lines, 2);
    assert.equal(others.at(-2)?.event, 'failed');
    assert.equal(others.at(-1)?.event, 'run_failed');
    await server.stop();
  });

  test('a result waits for its reader, until SIGTERM', async () => {
    const stdout = pipe('stdout');
    const args = ['check', '-c', 'large.yaml', '--address', 'http://127.0.0.1:1'];
    const read = start(args, stdout.file, 'ignore');
    let text = '';
    const ended = codeOf(read);
    for (let code: unknown; code === undefined; code = await Promise.race([ended, delay(20)])) {
      text += stdout.drain();
    }
    text += stdout.drain();
    assert.equal(await ended, 0);
    assert.equal(text.match(/^s\d+ .*by mount$/gm)?.length, 5000);
    const unread = start(args, stdout.file, 'ignore');
    while (!stdout.isFull()) await delay(20);
    unread.kill('SIGTERM');
    assert.equal(await codeOf(unread), 143);
  });

  /** What runs a script with its output redacted. */
  const redacted = ({ address }: StandIn): string[] => {
    const args = ['exec', '-c', 'variables.yaml', '--address', address, '--redact'];
    return [...args, '--', '/bin/sh', '-c'];
  };
  /** Of a command whose output is redacted. */
  const supervise = (
    server: StandIn,
    script: string,
    stdout: number,
    stderr: number | 'ignore',
  ): ChildProcess => start([...redacted(server), script], stdout, stderr);
  const FOUND = { status: 200, body: { request_id: 'r', data: { a: 'secret value' } } };
  const MANY = 'while :; do echo "line of $A"; done';

  test('a command whose output nobody reads: SIGTERM ends it, and what is said is redacted', async () => {
    const server = await startStandIn({ answer: () => FOUND });
    const stdout = pipe('supervised');
    const run = supervise(server, MANY, stdout.file, 'ignore');
    let text = '';
    while (text === '') {
      await delay(20);
      text = stdout.drain();
    }
    stdout.fill();
    run.kill('SIGTERM');
    assert.equal(await codeOf(run), 143);
    text += stdout.drain();
    assert.match(text, /^line of \*\*\*\n/);
    assert.doesNotMatch(text, /secret value/);
    await server.stop();
  });

  test('what a command has left running does not hold up SIGTERM', async () => {
    const server = await startStandIn({ answer: () => FOUND });
    const stdout = pipe('left');
    const run = supervise(server, 'sleep 60 & echo left; exit 3', stdout.file, 'ignore');
    let text = '';
    while (!text.includes('left')) {
      await delay(20);
      text += stdout.drain();
    }
    run.kill('SIGTERM');
    assert.equal(await codeOf(run), 3);
    await server.stop();
  });

  test('a slow reader of a command gets all of it; one that leaves ends the command', async () => {
    const server = await startStandIn({ answer: () => FOUND });
    const stdout = pipe('slow');
    const run = supervise(
      server,
      'for i in $(seq 30000); do echo "$i $A"; done; exit 4',
      stdout.file,
      'ignore',
    );
    const ended = codeOf(run);
    let text = '';
    for (let code: unknown; code === undefined; code = await Promise.race([ended, delay(20)]))
      text += stdout.drain();
    text += stdout.drain();
    assert.equal(await ended, 4);
    assert.equal(text, Array.from({ length: 30_000 }, (_, at) => `${String(at + 1)} ***\n`).join(''));
    const line = [...COMMAND, ...redacted(server), MANY].map((word) => `'${word}'`).join(' ');
    const head = await promisify(execFile)(
      '/bin/bash',
      ['-c', `${line} | head -n 1; exit $\{PIPESTATUS[0]}`],
      {
        cwd: workspace.root,
      },
    ).catch((error: unknown) => error as { code: number; stdout: string });
    assert.equal(head.stdout, 'line of ***\n');
    assert.equal('code' in head ? head.code : 0, 141);
    await server.stop();
  });

  test('a disk that is full under a command: 8, unless the command noticed', async () => {
    const server = await startStandIn({ answer: () => FOUND });
    const full = openSync('/dev/full', 'w');
    files.push(full);
    const stderr = pipe('full');
    assert.equal(await codeOf(supervise(server, 'echo "$A"', full, stderr.file)), 8);
    assert.match(stderr.drain(), /stdout cannot be written to \(ENOSPC\)/);
    assert.equal(await codeOf(supervise(server, 'echo "$A"; exit 5', full, stderr.file)), 5);
    await server.stop();
  });
});
