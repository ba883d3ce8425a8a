import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, renameSync, symlinkSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, after, describe, test } from 'node:test';
import { RunError } from '../../src/base/errors.ts';
import { probe } from '../../src/watch/health/health-server.ts';
import { IS_STANDALONE } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { quietScope } from '../support/quiet-scope.ts';
import { createWorkspace } from '../support/workspace.ts';

const ROOT = join(import.meta.dirname, '../..');
const RUNTIME = IS_STANDALONE ? join(ROOT, 'node_modules/.bin/bun') : process.execPath;
/** What hangs fails its test then. */
const PATIENCE_MS = 30_000;
const WHERE = 'watch.health.address';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

describe('health is served', { timeout: PATIENCE_MS }, () => {
  const workspace = createWorkspace();
  let hosts: ChildProcessWithoutNullStreams[] = [];

  /** A process that serves, on the runtime that is tested; what goes wrong is on its stdout. */
  const serve = async (
    address: string,
  ): Promise<{ readonly process: ChildProcessWithoutNullStreams; readonly said: string }> => {
    const host = join(ROOT, 'test/support/health-host.ts');
    const child = spawn(RUNTIME, [host, address, WHERE], { env: { HTTP_PROXY: 'http://127.0.0.1:1' } });
    hosts.push(child);
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    return { process: child, said: said.toString() };
  };
  const stop = async (child: ChildProcessWithoutNullStreams): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  const ask = async (to: object, path: string, method = 'GET'): Promise<Answer> => {
    const asked = request({ ...to, path, method, agent: false });
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return { status: response.statusCode ?? 0, headers: response.headers, text };
  };
  const failureOf = (said: string): { kind: string; message: string; where: string; hint: string } =>
    (JSON.parse(said) as [{ kind: string; message: string; where: string; hint: string }])[0];

  afterEach(async () => {
    await Promise.all(hosts.map(stop));
    hosts = [];
    workspace.clear();
  });
  after(() => {
    workspace.remove();
  });

  test('on a port: pages, HEAD, and connections that are not kept', async () => {
    const port = await freePort();
    assert.equal((await serve(`127.0.0.1:${String(port)}`)).said, 'ready\n');
    const to = { host: '127.0.0.1', port };
    const metrics = await ask(to, '/metrics');
    assert.equal(metrics.status, 200);
    assert.equal(metrics.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(metrics.headers['connection'], 'close');
    assert.match(metrics.text, /^vaultonce_secret_stale\{secret="db"\} 1$/m);
    const head = await ask(to, '/metrics', 'HEAD');
    assert.deepEqual([head.status, head.text], [200, '']);
    assert.equal(head.headers['content-length'], String(Buffer.byteLength(metrics.text)));
    assert.deepEqual((await ask(to, '/readyz?strict')).text, 'stale: db\n');
    assert.equal((await ask(to, '/x')).status, 404);
    const post = await ask(to, '/livez', 'POST');
    assert.deepEqual([post.status, post.headers['allow']], [405, 'GET, HEAD']);
  });

  test('a probe says what was answered, whatever proxies there are', async () => {
    const port = await freePort();
    const address = `:${String(port)}`;
    await serve(address);
    const scope = {
      ...quietScope(),
      env: { HTTP_PROXY: 'http://127.0.0.1:1', http_proxy: 'http://127.0.0.1:1' },
    };
    assert.equal(await probe(address, '/livez', WHERE, scope), true);
    assert.equal(await probe(address, '/readyz', WHERE, scope), true);
    assert.equal(await probe(`0.0.0.0:${String(port)}`, '/readyz?strict', WHERE, scope), false);
    const unused = `127.0.0.1:${String(await freePort())}`;
    await assert.rejects(probe(unused, '/livez', WHERE, scope), /^RunError: no answer \(ECONNREFUSED\)$/);
    await assert.rejects(probe('9102', '/livez', WHERE, scope), RunError);
  });

  test('a port in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { said } = await serve(`127.0.0.1:${String(port)}`);
    other.close();
    const { kind, message, where, hint } = failureOf(said);
    assert.deepEqual([kind, where], ['config', WHERE]);
    assert.equal(message, 'health cannot be served here (EADDRINUSE)');
    assert.match(hint, /name another port/);
  });

  test('what is not HTTP, or too large, is broken off, and the others are answered', async () => {
    const port = await freePort();
    await serve(`127.0.0.1:${String(port)}`);
    for (const text of [
      '\0\0\0\r\n\r\n',
      `GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`,
    ]) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      let answer = '';
      socket.on('data', (chunk) => (answer += String(chunk))).write(text);
      await new Promise((resolve) => socket.once('close', resolve));
      assert.doesNotMatch(answer, /^HTTP\/1\.1 200/);
    }
    assert.equal((await ask({ host: '127.0.0.1', port }, '/livez')).status, 200);
  });

  test('on a socket: its mode, a probe, and what is left of it', async () => {
    const path = workspace.path('health.sock');
    const { process: host, said } = await serve(`unix://${path}`);
    assert.equal(said, 'ready\n');
    assert.equal((lstatSync(path).mode & 0o777).toString(8), '660');
    assert.deepEqual(workspace.list(), ['health.sock']);
    assert.equal((await ask({ socketPath: path }, '/readyz')).text, 'ready\n');
    assert.equal(await probe(`unix://${path}`, '/readyz?strict', WHERE, quietScope()), false);
    assert.equal(await probe(`unix://${path}`, '/readyz', WHERE, quietScope()), true);
    const second = failureOf((await serve(`unix://${path}`)).said);
    assert.deepEqual(
      [second.kind, second.message, second.where],
      ['config', 'another process serves this socket', WHERE],
    );
    await stop(host);
    assert.deepEqual(workspace.list(), []);
  });

  test('a stale socket is replaced, and that of a successor is left', async () => {
    const path = workspace.path('health.sock');
    const { process: dead } = await serve(`unix://${path}`);
    dead.kill('SIGKILL');
    await once(dead, 'exit');
    assert.ok(existsSync(path));
    const { process: old, said } = await serve(`unix://${path}`);
    assert.equal(said, 'ready\n');
    const successor = createServer().listen(workspace.path('new.sock'));
    await once(successor, 'listening');
    renameSync(workspace.path('new.sock'), path);
    await stop(old);
    assert.ok(existsSync(path));
    successor.close();
  });

  test('nothing but a socket is replaced', async () => {
    const file = workspace.write('file', 'mine');
    assert.equal(
      failureOf((await serve(`unix://${file}`)).said).message,
      'something else is at the path of the socket',
    );
    assert.equal(workspace.read('file'), 'mine');
    symlinkSync('/nowhere', workspace.path('link'));
    assert.equal(failureOf((await serve(`unix://${workspace.path('link')}`)).said).kind, 'config');
    const missing = failureOf((await serve(`unix://${workspace.path('none/health.sock')}`)).said);
    assert.match(missing.message, /^health cannot be served here \((?:ENOENT|EACCES)\)$/);
  });
});
