import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { COMMAND, failuresOf, type CliResult } from '../support/cli.ts';
import { needsOwnNames } from '../support/needs.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

/** The resolver asks for four names, twice each, and waits 5 s each time: 20 s or more, which nothing can cut short. */
const NEVER_ANSWERS_MS = 20_000;
/** Of 127.0.0.0/8, and of this process alone. */
const NAME_SERVER = `127.53.${String((process.pid >> 8) & 255)}.${String(process.pid & 255 || 1)}`;

describe('a name server that never answers', needsOwnNames(), () => {
  let workspace: Workspace;
  let nameServer: Socket;
  let asked: Promise<unknown>;
  before(async () => {
    workspace = createWorkspace();
    workspace.write('resolv.conf', `nameserver ${NAME_SERVER}\nsearch a.test b.test c.test\n`);
    workspace.write(
      'vaultonce.yaml',
      'vault: { address: "https://vault.example:8200" }\nauth: { method: token, token: s.x }\nsecrets: { a: { path: secret/a, engine: kv2 } }\n',
    );
    nameServer = createSocket('udp4').bind(53, NAME_SERVER);
    await once(nameServer, 'listening');
  });
  after(() => {
    workspace.remove();
    nameServer.close();
  });

  interface Running {
    readonly pid: number;
    readonly done: Promise<CliResult>;
  }
  /** Runs `render` where names are resolved by that server, `unshare` says in which namespaces. */
  const start = (unshare: readonly string[], args: readonly string[]): Running => {
    asked = once(nameServer, 'message');
    const inside = `mount --bind ${workspace.path('resolv.conf')} /etc/resolv.conf && exec "$@"`;
    const child = spawn(
      'unshare',
      [
        ...unshare,
        'sh',
        '-c',
        inside,
        'sh',
        ...COMMAND,
        'render',
        '-c',
        workspace.path('vaultonce.yaml'),
        ...args,
      ],
      { env: { PATH: process.env['PATH'], NODE_OPTIONS: '--no-warnings' } },
    );
    let stderr = '';
    child.stdout.resume();
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const done = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout: '', stderr }));
    return { pid: child.pid ?? 0, done };
  };
  const timed = async (running: Running): Promise<CliResult> => {
    const sinceMs = performance.now();
    const result = await running.done;
    const tookMs = performance.now() - sinceMs;
    assert.ok(tookMs < NEVER_ANSWERS_MS / 2, `${String(tookMs)} ms: ${result.stderr}`);
    return result;
  };

  test('does not hold up the end at the timeout', async () => {
    const result = await timed(start(['-m'], ['--timeout', '3s']));
    assert.equal(result.code, 124, result.stderr);
    assert.equal(failuresOf(result).length, 1, result.stderr);
  });

  test('does not hold up the end after SIGTERM', async () => {
    const running = start(['-m'], []);
    await asked;
    process.kill(running.pid, 'SIGTERM');
    const result = await timed(running);
    assert.equal(result.code, 143, result.stderr);
    assert.equal(failuresOf(result).length, 1, result.stderr);
  });

  test('nor as process 1 of a container', async () => {
    const running = start(['-m', '-p', '-f', '--mount-proc'], []);
    await asked;
    const children = readFileSync(
      `/proc/${String(running.pid)}/task/${String(running.pid)}/children`,
      'utf8',
    );
    process.kill(Number(children), 'SIGTERM');
    const result = await timed(running);
    assert.equal(result.code, 143, result.stderr);
  });

  test('nor of a run that fails for another reason meanwhile', async () => {
    const wrong = workspace.write('wrong.yaml', 'outputs: [{ path: x, contents: "{{nobody.key}}" }]');
    const result = await timed(start(['-m'], ['-c', wrong]));
    assert.equal(result.code, 3, result.stderr);
  });
});
