import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, utimesSync } from 'node:fs';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import packageJson from '../../package.json' with { type: 'json' };
import { IS_STANDALONE } from '../support/cli.ts';
import { createCaller, mountRequest, POD, type Caller } from '../support/csi-caller.ts';
import { needsDriver, startDriver } from '../support/csi-driver.ts';
import { needsOtherUser, OTHER_USER } from '../support/needs.ts';
import { createWorkspace } from '../support/workspace.ts';

const ROOT = join(import.meta.dirname, '../..');
const RUNTIME = IS_STANDALONE ? join(ROOT, 'node_modules/.bin/bun') : process.execPath;
const needsIt = await needsDriver();

interface Host {
  readonly child: ChildProcessWithoutNullStreams;
  /** What it has logged so far. */
  log(): Record<string, unknown>[];
  stdout(): string;
  /** Resolves when stdout matches. */
  says(pattern: RegExp): Promise<void>;
}

interface Told {
  readonly kind: string;
  readonly where: string;
  readonly message: string;
  readonly hint: string;
}

describe('a provider, as the driver sees it', () => {
  const workspace = createWorkspace();
  const hosts: Host[] = [];
  const drivers: Caller[] = [];

  const start = (args: readonly string[], options: object = {}): Host => {
    const child = spawn(RUNTIME, [join(ROOT, 'test/support/csi-host.ts'), ...args], options);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    const lines = (): string[] => stderr.split('\n').filter((line) => line.startsWith('{'));
    const host: Host = {
      child,
      log: () => lines().map((line) => JSON.parse(line) as Record<string, unknown>),
      stdout: () => stdout,
      async says(pattern) {
        while (!pattern.test(stdout)) {
          if (child.exitCode !== null) throw new Error(`ended without ${String(pattern)}: ${stderr}`);
          await delay(5);
        }
      },
    };
    hosts.push(host);
    return host;
  };
  const serves = async (host: Host): Promise<void> => {
    while (!host.log().some(({ event }) => event === 'csi_serving')) {
      if (host.child.exitCode !== null) throw new Error('ended without serving');
      await delay(5);
    }
  };
  const serve = async (...args: readonly string[]): Promise<readonly [Host, Caller]> => {
    const endpoint = workspace.path('vault.sock');
    const host = start([endpoint, ...args]);
    await serves(host);
    return [host, driverOf(endpoint)];
  };
  const driverOf = (endpoint: string): Caller => {
    const driver = createCaller(endpoint);
    drivers.push(driver);
    return driver;
  };
  const end = async ({ child }: Host): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    return child.exitCode;
  };
  const failureOf = async (endpoint: string, options: object = {}): Promise<Told> => {
    const host = start([endpoint], options);
    await once(host.child, 'exit');
    const [first] = JSON.parse(/^\[.*$/m.exec(host.stdout())?.[0] ?? '[]') as Told[];
    assert.ok(first);
    return first;
  };

  afterEach(async () => {
    for (const driver of drivers.splice(0)) driver.close();
    await Promise.all(hosts.splice(0).map(end));
    workspace.clear();
  });
  after(() => {
    workspace.remove();
  });

  test('says what it is', async () => {
    const [, driver] = await serve();
    assert.deepEqual((await driver.version()).answer, {
      version: 'v1alpha1',
      runtimeName: 'vaultonce',
      runtimeVersion: packageJson.version,
    });
    const { mode } = lstatSync(workspace.path('vault.sock'));
    assert.equal((mode & 0o777).toString(8), '600');
    assert.deepEqual(workspace.list(), ['vault.sock']);
  });

  test('hands on all that the driver sends, and answers with files and versions', async () => {
    const [, driver] = await serve();
    const tokens = JSON.stringify({ vault: { token: 'jwt', expirationTimestamp: '2026-11-26T12:00:00Z' } });
    const { code, answer } = await driver.mount(
      mountRequest(
        { roleName: 'web', 'csi.storage.k8s.io/serviceAccount.tokens': tokens },
        { secrets: JSON.stringify({ clientID: 'id', 'csi.storage.k8s.io/serviceAccount.tokens': tokens }) },
      ),
    );
    assert.equal(code, status.OK);
    assert.ok(answer);
    assert.deepEqual(answer.objectVersion, [{ id: 'file', version: 'v1' }]);
    assert.equal(answer.error, undefined);
    const [file] = answer.files;
    assert.deepEqual([file?.path, file?.mode], ['deep/file', 0o640]);
    assert.deepEqual(JSON.parse(Buffer.from(file?.contents ?? []).toString()), {
      pod: { name: POD.name, uid: POD.uid, namespace: POD.namespace, serviceAccount: POD.account },
      className: 'web',
      parameters: { roleName: 'web' },
      targetPath: `/var/lib/kubelet/pods/${POD.uid}/volumes/kubernetes.io~csi/secrets/mount`,
      permission: 0o644,
      tokens: { vault: 'jwt' },
      secrets: { clientID: 'id' },
    });
  });

  test('a failed mount has a status and a text, which the driver does not ask for again', async () => {
    const [host, driver] = await serve();
    const failures = [
      {
        kind: 'not_found',
        where: 'objects[1] (cert)',
        message: 'there is no secret',
        hint: 'does it exist?',
      },
      {
        kind: 'denied',
        where: 'objects[0] (db)',
        message: 'permission denied\ud800 – é\n',
        hint: 'see the policy',
      },
      { kind: 'not_found', where: 'objects[2]', message: 'there is no secret', hint: 'does it exist?' },
    ];
    const ended = await driver.mount(mountRequest({ failures: JSON.stringify(failures) }));
    assert.equal(ended.code, status.PERMISSION_DENIED);
    assert.equal(
      ended.details,
      'objects[0] (db): permission denied\ufffd – é\\u000a (see the policy); objects[1] (cert): there is no secret (does it exist?); objects[2]: there is no secret',
    );
    assert.equal(ended.isCommitted, true);
    const logged = host.log().filter(({ event }) => event === 'mount_failed');
    assert.deepEqual(
      logged.map(({ pod, class: name, kind }) => [pod, name, kind]),
      failures.map(({ kind }) => ['shop/web-1', 'web', kind]),
    );
    const down = JSON.stringify([{ kind: 'unavailable', message: 'sealed' }]);
    const unavailable = await driver.mount(mountRequest({ failures: down }));
    assert.deepEqual([unavailable.code, unavailable.isCommitted], [status.UNAVAILABLE, true]);
  });

  test('a request that makes no sense is refused with all that is wrong', async () => {
    const [host, driver] = await serve();
    const { code, details } = await driver.mount({
      ...mountRequest({}),
      attributes: '{"a": 1}',
      permission: 'rw',
      targetPath: '../x',
    });
    assert.equal(code, status.INVALID_ARGUMENT);
    for (const part of [
      /attributes, a: this is not a string/,
      /pod\.uid: it is missing/,
      /permission: /,
      /target_path: /,
    ])
      assert.match(details, part);
    assert.equal(host.log().at(-1)?.['pod'], 'unknown/unknown');
  });

  test('a bug ends that mount, and the process lives; so it does after an error that nobody caught', async () => {
    const [host, driver] = await serve();
    const bug = await driver.mount(mountRequest({ bug: '' }));
    assert.equal(bug.code, status.INTERNAL);
    assert.equal(bug.details, 'a bug in vaultonce: TypeError (the log of the provider says where)');
    for (const kind of ['stray', 'rejected']) {
      assert.equal((await driver.mount(mountRequest({ [kind]: '' }))).code, status.OK);
      await delay(20);
      assert.equal((await driver.version()).code, status.OK);
    }
    const stray = host.log().filter(({ event }) => event === 'failed');
    assert.deepEqual(
      stray.map(({ message }) => message),
      ['a bug in vaultonce: Error', 'a bug in vaultonce: Error'],
    );
    assert.doesNotMatch(JSON.stringify(host.log()), /secret-of-a-bug/);
  });

  test('an answer that is too large is not sent, and one that just fits is', async () => {
    const [, driver] = await serve('100000');
    const fits = await driver.mount(mountRequest({ size: String(100_000 - 40) }));
    assert.equal(fits.code, status.OK);
    const { code, details } = await driver.mount(mountRequest({ size: '100000' }));
    assert.equal(code, status.RESOURCE_EXHAUSTED);
    assert.match(
      details,
      /^the volume takes 100\d\d\d bytes, and the driver accepts 100000 \(.*--max-call-recv-msg-size/,
    );
  });

  test('an answer of 4 MB passes', async () => {
    const [, driver] = await serve();
    const { answer } = await driver.mount(mountRequest({ size: '4100000' }));
    assert.equal(answer?.files[0]?.contents.length, 4_100_000);
  });

  test('it ends before the caller does, and says why', async () => {
    const [host, driver] = await serve();
    const { code, details } = await driver.mount(mountRequest({ wait: '60000' }), { limitMs: 5000 });
    assert.equal(code, status.DEADLINE_EXCEEDED);
    assert.match(
      details,
      /^not finished within the timeout of [2-4](?:\.\d+)? s \(the driver waits no longer/,
    );
    // A tenth is left for the answer.
    assert.match(host.stdout(), /^waiting: (?:2[5-9]\d\d|3\d\d\d|4[0-4]\d\d|4500)$/m);
  });

  test('a caller without a deadline has two minutes', async () => {
    const [host, driver] = await serve();
    await driver.mount(mountRequest({ wait: '1' }));
    assert.match(host.stdout(), /^waiting: 1(?:19\d\d\d|20000)$/m);
  });

  test('a caller that gives up ends the work', async () => {
    const [host, driver] = await serve();
    let cancel: (() => void) | undefined;
    const ended = driver.mount(mountRequest({ wait: '60000' }), { onCall: (how) => (cancel = how) });
    await host.says(/^waiting/m);
    cancel?.();
    assert.equal((await ended).code, status.CANCELLED);
    await host.says(/^ended: the driver has given up this mount$/m);
  });

  test('two hundred mounts at once', async () => {
    const [, driver] = await serve();
    const all = await Promise.all(
      Array.from({ length: 200 }, () => driver.mount(mountRequest({ wait: '50' }))),
    );
    assert.deepEqual(new Set(all.map(({ code }) => code)), new Set([status.OK]));
  });

  test('health is served as its standard says', async () => {
    const [host, driver] = await serve();
    for (const service of ['', 'v1alpha1.CSIDriverProvider'])
      assert.deepEqual((await driver.check(service)).answer, { status: 1 });
    assert.equal((await driver.check('x')).code, status.NOT_FOUND);
    assert.deepEqual((await driver.list()).answer?.statuses, {
      '': { status: 1 },
      'v1alpha1.CSIDriverProvider': { status: 1 },
    });
    const told = (service: string): readonly [number[], Promise<unknown>] => {
      const seen: number[] = [];
      const watching = driver.watch(service).on('data', (one: { status: number }) => seen.push(one.status));
      return [seen, Promise.race([once(watching, 'end'), once(watching, 'error')])];
    };
    const [known, knownEnds] = told('');
    const [unknown, unknownEnds] = told('x');
    while (known.length + unknown.length < 2) await delay(5);
    await end(host);
    await Promise.all([knownEnds, unknownEnds]);
    assert.deepEqual([known, unknown], [[1, 2], [3]]);
  });

  describe('what is no proper call', () => {
    const raw = async (host: string, text: Buffer | string): Promise<string> => {
      const socket = connect(host).on('error', () => undefined);
      let answer = '';
      socket.on('data', (chunk) => (answer += String(chunk))).write(text);
      await Promise.race([once(socket, 'close'), delay(500)]);
      socket.destroy();
      return answer;
    };
    /** A call by hand: its status in HTTP and gRPC. */
    const call = async (
      path: string,
      body: Buffer,
      headers: object = {},
    ): Promise<Record<string, unknown>> => {
      const session = connectHttp2('http://localhost', {
        createConnection: () => connect(workspace.path('vault.sock')),
      }).on('error', () => undefined);
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: path,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      });
      let all: Record<string, unknown> = {};
      const add = (some: object): void => {
        all = { ...all, ...some };
      };
      stream.on('response', add).on('trailers', add);
      stream.on('error', () => undefined).resume();
      stream.end(body);
      await Promise.race([once(stream, 'close'), delay(2000)]);
      session.destroy();
      return all;
    };
    const MOUNT = '/v1alpha1.CSIDriverProvider/Mount';
    const framed = (bytes: Buffer): Buffer => {
      const head = Buffer.alloc(5);
      head.writeUInt32BE(bytes.length, 1);
      return Buffer.concat([head, bytes]);
    };

    test('is refused, and the others are served', async () => {
      const [host, driver] = await serve();
      const path = workspace.path('vault.sock');
      assert.doesNotMatch(await raw(path, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'), /^HTTP\/1\.1 200/);
      await raw(path, Buffer.from('\0\0\0garbage\xff'.repeat(100), 'latin1'));
      await raw(path, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage that is no frame, and more of it');
      assert.equal(
        (await call('/v1alpha1.CSIDriverProvider/Nothing', framed(Buffer.alloc(0))))['grpc-status'],
        '12',
      );
      assert.equal((await call('/', framed(Buffer.alloc(0))))['grpc-status'], '12');
      assert.equal(
        (await call(MOUNT, framed(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x7f]))))['grpc-status'],
        '13',
      );
      assert.equal((await call(MOUNT, framed(Buffer.alloc(0))))['grpc-status'], '3');
      assert.equal((await call(MOUNT, Buffer.alloc(0)))['grpc-status'], '12');
      assert.equal(
        (await call(MOUNT, framed(Buffer.alloc(0)), { 'content-type': 'text/html' }))[':status'],
        415,
      );
      assert.equal(
        (await call(MOUNT, framed(Buffer.alloc(0)), { 'grpc-timeout': 'soon' }))['grpc-status'],
        '13',
      );
      const large = await driver.mount(mountRequest({ objects: 'x'.repeat(5_000_000) }));
      assert.equal(large.code, status.RESOURCE_EXHAUSTED);
      assert.equal((await driver.version()).code, status.OK);
      assert.equal(host.child.exitCode, null);
    });
  });

  describe('its end', () => {
    test('what is under way ends well, and what comes then is for the next one', async () => {
      const [host, driver] = await serve();
      const under = driver.mount(mountRequest({ wait: '300' }));
      await host.says(/^waiting/m);
      host.child.kill('SIGTERM');
      while (existsSync(workspace.path('vault.sock'))) await delay(2);
      const late = await driver.mount(mountRequest({}));
      assert.deepEqual([late.code, late.isCommitted], [status.UNAVAILABLE, false]);
      assert.equal((await under).code, status.OK);
      await once(host.child, 'exit');
      assert.equal(host.child.exitCode, 0);
      assert.match(host.stdout(), /volumes closed/);
      assert.deepEqual(workspace.list(), []);
    });

    test('SIGINT does the same, and a second signal does not wait', async () => {
      const [host, driver] = await serve();
      const under = driver.mount(mountRequest({ wait: '60000' }));
      await host.says(/^waiting/m);
      host.child.kill('SIGINT');
      while (existsSync(workspace.path('vault.sock'))) await delay(2);
      host.child.kill('SIGINT');
      const { code } = await under;
      assert.equal(code, status.UNAVAILABLE);
      if (host.child.exitCode === null) await once(host.child, 'exit');
      assert.equal(host.child.exitCode, 0);
    });
  });

  describe('its socket', () => {
    test('a living one is taken over, and its successor is left alone', async () => {
      const [old, oldDriver] = await serve();
      assert.equal((await oldDriver.version()).code, status.OK);
      const [successor] = await serve();
      await end(old);
      assert.ok(existsSync(workspace.path('vault.sock')));
      assert.equal((await driverOf(workspace.path('vault.sock')).version()).code, status.OK);
      // The driver's connection was to the old one.
      assert.equal((await oldDriver.version()).code, status.OK);
      assert.equal(await end(successor), 0);
      assert.deepEqual(workspace.list(), []);
    });

    test('what dead ones have left is replaced and removed, and what lives or is young is not', async () => {
      const [dead] = await serve();
      dead.child.kill('SIGKILL');
      await once(dead.child, 'exit');
      const [old, young, living] = ['0000000a', '0000000b', '0000000c'].map((id) =>
        workspace.path(`vault.sock.${id}`),
      );
      renameSync(workspace.path('vault.sock'), old!);
      const [again] = await serve();
      again.child.kill('SIGKILL');
      await once(again.child, 'exit');
      renameSync(workspace.path('vault.sock'), young!);
      const server = createServer().listen(living);
      await once(server, 'listening');
      for (const path of [old!, living!]) utimesSync(path, 1, 1);
      workspace.write('vault.sock.0000000d', 'no socket');
      const [, driver] = await serve();
      assert.equal((await driver.version()).code, status.OK);
      assert.deepEqual(readdirSync(workspace.root).sort(), [
        'vault.sock',
        'vault.sock.0000000b',
        'vault.sock.0000000c',
        'vault.sock.0000000d',
      ]);
      server.close();
    });

    test('something else at its path, a directory that is none, and names that the driver does not find', async () => {
      workspace.write('vault.sock', 'mine');
      const other = await failureOf(workspace.path('vault.sock'));
      assert.deepEqual([other.kind, other.where], ['config', '--endpoint']);
      assert.match(other.message, /something else is at the path/);
      assert.equal(workspace.read('vault.sock'), 'mine');
      mkdirSync(workspace.path('bao.sock'));
      assert.match((await failureOf(workspace.path('bao.sock'))).message, /something else/);
      const none = await failureOf(workspace.path('none/vault.sock'));
      assert.match(none.message, /\(ENOENT\)$/);
      assert.match(none.hint, /DirectoryOrCreate/);
      assert.match((await failureOf(workspace.path('vault.sock/x.sock'))).message, /ENOTDIR/);
      assert.match((await failureOf(workspace.path('provider'))).hint, /PROVIDER\.sock/);
      mkdirSync(workspace.path('d'.repeat(100)));
      const long = await failureOf(workspace.path(`${'d'.repeat(100)}/vault.sock`));
      assert.match(long.message, /at most 98 bytes/);
    });

    const asOther = process.geteuid?.() === 0;
    test('a directory that this user may not write', asOther ? needsOtherUser() : {}, async () => {
      mkdirSync(workspace.path('mine'), 0o500);
      const failure = await failureOf(
        workspace.path('mine/vault.sock'),
        asOther ? { uid: OTHER_USER, gid: OTHER_USER } : {},
      );
      assert.match(failure.message, /\(EACCES\)$/);
      assert.match(failure.hint, /run as root/);
    });
  });

  describe('for the driver itself', needsIt, () => {
    const { attributes } = mountRequest({});
    let driver: ReturnType<typeof startDriver>;
    beforeEach(() => {
      driver = startDriver(workspace.root);
    });
    afterEach(() => driver.stop());
    const mountIt = (own: Record<string, string>): ReturnType<typeof driver.mount> =>
      driver.mount({
        sockets: [workspace.root],
        provider: 'vault',
        attributes: { ...(JSON.parse(attributes) as Record<string, string>), ...own },
        targetPath: workspace.path('pods', POD.uid, 'volume'),
        deadlineMs: 25_000,
      });

    test('a failure that it would repeat is asked for once', async () => {
      const [host] = await serve();
      const down = JSON.stringify([{ kind: 'unavailable', where: 'db', message: 'the server is sealed' }]);
      const { code, message } = await mountIt({ failures: down });
      assert.deepEqual([code, message], ['Unavailable', 'db: the server is sealed']);
      assert.equal(host.log().filter(({ event }) => event === 'mount_failed').length, 1);
    });

    test('what ends with a provider is done by its successor', async () => {
      const [host] = await serve();
      assert.equal((await mountIt({})).code, 'OK');
      host.child.kill('SIGTERM');
      await once(host.child, 'exit');
      const asked = mountIt({});
      await serve();
      assert.equal((await asked).code, 'OK');
    });
  });
});
