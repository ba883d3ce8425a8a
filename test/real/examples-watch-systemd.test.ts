import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createRole, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { starter } from '../support/cli.ts';
import { placed } from '../support/compose.ts';
import { installed } from '../support/format-readers.ts';
import { listenAsSystemd } from '../support/notify-listener.ts';
import { until } from '../support/patience.ts';
import { needsSystemd, startSystemd } from '../support/systemd.ts';

const root = join(import.meta.dirname, '../../examples/systemd/watch');
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');

/** Says what it has read, at its start and at each SIGHUP. */
const APP = `#!/bin/sh
test "$1" = --settings || exit 1
say() { tr -d "\\n" < "$FILE" >> SEEN; echo >> SEEN; }
FILE=$2
trap say HUP
say
while :; do sleep 0.1; done
`;

describe('the units of the examples that keep secrets', () => {
  let app: TestApp;
  let auth: TestConfig;
  before(async () => {
    app = await startApp();
    auth = await createRole(app.server, 'systemd', { token_policies: ['app'], secret_id_num_uses: 0 });
  });
  after(() => app.stop());
  beforeEach(async () => {
    app.workspace.clear();
    await app.server.revokeTokens();
  });

  /** Whole lines. */
  const seen = (): string[] =>
    existsSync(app.workspace.path('seen')) ? app.workspace.read('seen').split('\n').slice(0, -1) : [];
  const settings = (password: string): string => JSON.stringify({ password });
  const compact = (text: string): string => JSON.stringify(JSON.parse(text));
  const setting = (unit: string, name: string): string =>
    new RegExp(`^${name}=(.*)$`, 'm').exec(textOf(unit))?.[1] ?? '';

  /** Puts all on this machine that the units expect on theirs. @param name of the application */
  const installAll = (name: string): void => {
    const { workspace } = app;
    starter(workspace);
    workspace.write(`bin/${name}`, APP.replaceAll('SEEN', workspace.path('seen')), 0o755);
    const [id = '', source] = setting('secrets.service', 'LoadCredential').split(':');
    assert.equal(source, '/etc/app/secret_id');
    workspace.write(`etc/${id}`, String(auth['secret_id']), 0o400);
    const config = textOf('vaultonce.yaml');
    assert.match(config, /process: app /);
    workspace.write(
      'etc/vaultonce.yaml',
      `${config
        .replace(/(role_id: )[0-9a-f-]{36}/, `$1${String(auth['role_id'])}`)
        .replace('process: app ', `process: ${name} `)}watch: { refresh: 1s, settle: 0 }\n`,
    );
  };
  const places = (): Record<string, string> => ({
    '/usr/bin': app.workspace.path('bin'),
    '/etc/app': app.workspace.path('etc'),
  });

  test('they are valid', () => {
    installAll('app');
    const files = ['secrets.service', 'app.service'].map((file) =>
      app.workspace.write(file, placed(textOf(file), places())),
    );
    for (const analyze of installed('systemd-analyze')) {
      const { stderr } = spawnSync(analyze, ['verify', ...files], { encoding: 'utf8' });
      assert.doesNotMatch(stderr, /(?:secrets|app)\.service/);
    }
    assert.equal(setting('app.service', 'Requires'), 'secrets.service');
    assert.equal(setting('app.service', 'After'), 'secrets.service');
    assert.equal(setting('app.service', 'User'), setting('secrets.service', 'User'));
    const { timeout = '' } =
      /--timeout (?<timeout>\d+)s/.exec(setting('secrets.service', 'ExecStart'))?.groups ?? {};
    assert.ok(Number(setting('secrets.service', 'TimeoutStartSec')) > Number(timeout));
  });

  test('played: the application starts after READY=1, and is told; reload, and stop', async () => {
    const name = `app-${String(process.pid)}`;
    installAll(name);
    await app.putKv2('app/db', { password: 'one' });
    const { workspace } = app;
    const directory = workspace.path('run', setting('secrets.service', 'RuntimeDirectory'));
    mkdirSync(directory, { recursive: true });
    const listener = await listenAsSystemd(workspace, workspace.path('notify'));
    const started: ChildProcess[] = [];
    /** As systemd runs a line: without a shell. */
    const run = (line: string, env: object = {}): ChildProcess => {
      const [program = '', ...args] = placed(line, {
        '/usr/bin/app ': `${workspace.path('bin', name)} `,
        '/run/app-secrets': directory,
        ...places(),
      }).split(' ');
      const child = spawn(program, args, { env: { PATH: process.env['PATH'], ...env }, stdio: 'ignore' });
      started.push(child);
      return child;
    };
    try {
      const secrets = run(setting('secrets.service', 'ExecStart'), {
        ...listener.env,
        VAULT_ADDR: app.server.address,
        CREDENTIALS_DIRECTORY: workspace.path('etc'),
        RUNTIME_DIRECTORY: directory,
      });
      await listener.until(/^READY=1$/);
      run(setting('app.service', 'ExecStart'));
      await until('the start', () => seen().length === 1);
      assert.equal(compact(seen()[0] ?? ''), settings('one'));
      await app.putKv2('app/db', { password: 'two' });
      await until('the signal', () => seen().length === 2);
      assert.equal(compact(seen()[1] ?? ''), settings('two'));
      run(setting('secrets.service', 'ExecReload').replace('$MAINPID', String(secrets.pid)));
      await listener.until(/^RELOADING=1$/);
      await listener.until(/^READY=1$/, 2);
      secrets.kill('SIGTERM');
      await listener.until(/^STOPPING=1$/);
      await until('the end', () => secrets.exitCode !== null);
      assert.equal(secrets.exitCode, 0);
      assert.equal(await app.server.tokensLeft(), 0);
    } finally {
      listener.stop();
      for (const child of started) child.kill('SIGKILL');
    }
  });

  test(
    'with systemd itself: started once everything was written, also after a start that failed',
    needsSystemd(),
    async () => {
      installAll('app');
      await app.server.api.request('DELETE', 'secret/metadata/app/db');
      /** Without what only the manager of the machine may do. */
      const own = (file: string): string =>
        placed(textOf(file), {
          ...places(),
          'https://vault.example.com:8200': app.server.address,
          '/run/app-secrets': '/run/user/app-secrets',
        })
          .replaceAll(/^(?:User|DynamicUser|Protect\w+|Wants|NoNewPrivileges)=.*\n/gm, '')
          .replace(/^After=network-online.target\n/m, '')
          .replace(/^LoadCredential=.*$/m, `Environment=CREDENTIALS_DIRECTORY=${app.workspace.path('etc')}`)
          // A second apart, so there may be more starts than systemd puts up with.
          .replace(/^RestartSec=10$/m, 'RestartSec=1')
          .replace('[Unit]\n', '[Unit]\nStartLimitIntervalSec=0\n')
          .replace('multi-user.target', 'basic.target');
      const systemd = await startSystemd(app.workspace, {
        'secrets.service': own('secrets.service'),
        'app.service': own('app.service'),
      });
      try {
        const { systemctl } = systemd;
        const property = async (unit: string, name: string): Promise<string> =>
          (await systemctl('show', '--value', '-p', name, unit)).text.trim();
        assert.equal((await systemctl('enable', 'secrets.service', 'app.service')).code, 0);
        const first = await systemctl('start', 'secrets.service', 'app.service');
        assert.equal(first.code, 1, 'the secret is missing');
        assert.deepEqual(seen(), []);
        await app.putKv2('app/db', { password: 'one' });
        await systemd.until('app.service', 'active');
        assert.equal(await property('secrets.service', 'ActiveState'), 'active');
        assert.equal(await property('secrets.service', 'StatusText'), 'watching 1 secret');
        await until('the start', () => seen().length === 1);
        assert.equal(compact(seen()[0] ?? ''), settings('one'));
        await app.putKv2('app/db', { password: 'two' });
        await until('the signal', () => seen().length === 2);
        assert.equal(compact(seen()[1] ?? ''), settings('two'));
        const reloaded = await systemctl('reload', 'secrets.service');
        assert.equal(reloaded.code, 0, reloaded.text);
        await systemd.until('secrets.service', 'active');
        const [appBefore, secretsBefore] = [
          await property('app.service', 'MainPID'),
          await property('secrets.service', 'MainPID'),
        ];
        assert.equal((await systemctl('kill', '--signal=KILL', 'secrets.service')).code, 0);
        await until(
          'the restart',
          async () => !['0', secretsBefore].includes(await property('secrets.service', 'MainPID')),
        );
        await systemd.until('secrets.service', 'active');
        await systemd.until('app.service', 'active');
        assert.notEqual(await property('app.service', 'MainPID'), appBefore);
        await until('the second start', () => seen().length === 3);
        // The one that was killed could give nothing back.
        assert.equal(await app.server.tokensLeft(), 2);
        const stopped = await systemctl('stop', 'secrets.service');
        assert.equal(stopped.code, 0, stopped.text);
        assert.equal(await app.server.tokensLeft(), 1);
        assert.equal(await property('app.service', 'ActiveState'), 'inactive');
        assert.equal(await property('secrets.service', 'Result'), 'success');
      } finally {
        systemd.stop();
      }
    },
  );
});
