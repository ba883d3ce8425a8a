import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { parseEnv } from 'node:util';
import { dump, load, loadAll } from 'js-yaml';
import { startApp, type TestApp } from '../support/app.ts';
import { findServer } from '../support/binary.ts';
import { runCli, startCli, starter } from '../support/cli.ts';
import { pythonHas, runPython } from '../support/format-readers.ts';
import { freePort } from '../support/free-port.ts';
import { jobToken, trustJobs } from '../support/job.ts';
import { blocksIn, blocksOf, root, type Block } from '../support/markdown.ts';
import { callsIn, type Call } from '../support/recorder.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

/** What the commands of the documents are run with, where they name no config of their own. */
const CONFIG = {
  secrets: { db: 'secret/app/db' },
  outputs: [{ path: 'db.json', format: 'json', secret: 'db' }],
  environment: { DB_PASSWORD: 'secret/app/db#password' },
};
const FIXTURES = { db: { password: 'x' } };
const FIRST_RUN = 'bao server -dev';
/** Where a script starts vaultonce. */
const COMMAND = /(?<![\w/.-])vaultonce (?=[a-z]+(?![\w:]))/g;

/** The shapes of YAML that is no config: of Kubernetes and of CI systems. */
const OTHER_YAML = [
  'apiVersion',
  'initContainers',
  'containers',
  'metadata',
  'podFailurePolicy',
  'steps',
  'id_tokens',
];

describe('the configs of the documents', () => {
  const workspace = createWorkspace();
  let properties: object;
  before(async () => {
    ({ properties } = JSON.parse((await runCli(['schema'])).stdout) as { properties: object });
  });
  after(() => {
    workspace.remove();
  });

  /** What a fragment leaves out, declared: whatever it names in outputs and variables. */
  const restOf = (text: string): object => {
    const { secrets = {} } = load(text) as { secrets?: object };
    const named = [
      ...[...text.matchAll(/\bsecret: (\w+)/g)].map(([, name]) => name),
      ...[...text.matchAll(/\bsecret: \[([\w, ]+)\]/g)].flatMap(([, names = '']) => names.split(/, */)),
    ];
    const missing = named.filter((name = '') => !Object.hasOwn(secrets, name)).map(String);
    return { secrets: Object.fromEntries(missing.map((name) => [name, `secret/rest/${name}`] as const)) };
  };

  const check = async (text: string, place: string): Promise<void> => {
    workspace.clear();
    const names = [...text.matchAll(/\$\{(\w+)/g)].map(([, name = '']) => [name, '65532']);
    for (const [, template = ''] of text.matchAll(/\btemplate: ([\w.-]+)/g))
      workspace.write(template, 'text');
    const result = await runCli(
      ['check', '-c', workspace.write('a.yaml', text), '-c', workspace.write('b.yaml', dump(restOf(text)))],
      {
        cwd: workspace.root,
        env: { VAULT_ADDR: 'https://vault.example.com:8200', ...(Object.fromEntries(names) as object) },
      },
    );
    assert.equal(result.code, 0, `${place}\n${result.stderr}`);
  };

  const isConfig = (document: object): boolean =>
    !Object.keys(document).some((key) => OTHER_YAML.includes(key));
  const configs = blocksIn('yaml')
    .filter(({ marker }) => marker !== 'fixtures')
    .filter(({ text }) => loadAll(text).every((document) => isConfig(document as object)));

  test('they are found', () => {
    assert.ok(configs.length > 40, String(configs.length));
  });

  for (const [file, blocks = []] of Map.groupBy(configs, (block) => block.file)) {
    test(`${file}: each is valid, fragments with what they leave out`, async () => {
      for (const { place, text } of blocks) {
        for (const key of Object.keys(load(text) as object)) {
          assert.ok(Object.hasOwn(properties, key), `${place}: ${key}`);
        }
        await check(text, place);
      }
    });
  }

  test('the templates render to what is said, with the values that are shown', async () => {
    const file = 'examples/templates/README.md';
    const blocks = blocksOf(file);
    const fixtures = blocks.find(({ marker }) => marker === 'fixtures');
    assert.ok(fixtures);
    const values = load(fixtures.text) as object;
    let rendered = 0;
    for (const [index, { language, text, place }] of blocks.entries()) {
      if (language !== 'mustache') continue;
      workspace.clear();
      const config = {
        vault: { address: 'https://vault.example.com:8200' },
        secrets: Object.fromEntries(Object.keys(values).map((name) => [name, `secret/x/${name}`])),
        outputs: [{ path: workspace.path('rendered'), contents: text }],
      };
      const result = await runCli([
        'render',
        ...['-c', workspace.write('vaultonce.yaml', dump(config))],
        ...['--fixtures', workspace.write('fixtures.yaml', fixtures.text)],
      ]);
      assert.equal(result.code, 0, `${place}\n${result.stderr}`);
      assert.equal(workspace.read('rendered'), blocks[index + 1]?.text, place);
      rendered += 1;
    }
    assert.ok(rendered >= 4);
  });
});

describe('the commands of the documents', () => {
  let app: TestApp;
  let server: TestServer;
  let workspace: Workspace;
  before(async () => {
    app = await startApp();
    await trustJobs(app);
    server = await startServer({ tls: true });
    workspace = createWorkspace();
    // Two versions, because some commands name the first.
    const data = { username: 'app', password: 'secret password', hosts: ['db-0'], key: 'text' };
    for (const path of ['app/db', 'app/tls', 'web/db', 'web/tls', 'ci/registry', 'ci/signing']) {
      await app.putKv2(path, { ...data, token: 'a token' });
      await app.putKv2(path, { ...data, token: 'a token' });
    }
    await app.server.api.post('sys/namespaces/team-a');
  });
  beforeEach(() => {
    workspace.clear();
  });
  after(async () => {
    workspace.remove();
    await server.stop();
    await app.stop();
  });

  const recorded = async (block: Block, programs: readonly string[]): Promise<readonly Call[]> => {
    workspace.clear();
    return callsIn(block.text, programs, workspace);
  };

  /** With everything that it names: configs, fixtures, places in memory, a program to become. */
  const prepared = (args: readonly string[]): string[] => {
    const own = args.map((arg) =>
      arg.replace(/\/dev\/shm\/|\/vault\/secrets\//, `${workspace.path('memory')}/`),
    );
    prepareFiles(own, args[0] === 'migrate');
    if (args[0] === 'manifest') {
      // A pod has no token of the environment.
      own.push('--auth', 'kubernetes', '--role', 'web', '--set', 'output.directory=/vault/secrets');
    }
    if (args.includes('kubernetes')) {
      own.splice(1, 0, '--set', `auth.token_file=${workspace.write('token', jobToken())}`);
    }
    return own;
  };

  /** Those that arguments name, which may be replaced by others. */
  const prepareFiles = (own: string[], migrates: boolean): void => {
    if (migrates) cpSync(join(root, 'examples/migrating/agent'), workspace.path('cwd'), { recursive: true });
    for (const [index, arg] of own.entries()) {
      const value = own[index + 1] ?? '';
      if (arg === '-c' || arg === '--config') {
        const isFirst = own.indexOf(arg) === index;
        own[index + 1] = workspace.write(
          `cwd/${basename(value)}`,
          dump(isFirst ? CONFIG : { timeout: '30s' }),
        );
      }
      if (arg === '--defaults') workspace.write(`cwd/${value}`, dump({ timeout: '20s' }));
      if (arg === '--fixtures') workspace.write(`cwd/${value}`, dump(FIXTURES));
      if (arg === '--')
        workspace.write(value.startsWith('./') ? `cwd/${value}` : `bin/${value}`, '#!/bin/sh\n', 0o755);
    }
  };

  /** What ends otherwise here, where there is no cluster and nothing in that namespace. */
  const expectedCode = (args: readonly string[]): number => {
    if (args.includes('--auth') && args.includes('kubernetes')) return 4;
    return args.includes('vault.namespace=team-a') ? 6 : 0;
  };

  const run = async (
    { args, inlineConfig }: Omit<Call, 'program' | 'stdin'>,
    place: string,
  ): Promise<void> => {
    workspace.clear();
    mkdirSync(workspace.path('memory'));
    workspace.write('cwd/vaultonce.yaml', dump(CONFIG));
    const inline = inlineConfig.replaceAll('/dev/shm/', `${workspace.path('memory')}/`);
    const running = startCli(prepared(args), {
      cwd: workspace.path('cwd'),
      env: {
        PATH: `${workspace.path('bin')}:${process.env['PATH'] ?? ''}`,
        VAULT_ADDR: app.server.address,
        VAULT_TOKEN: app.server.rootToken,
        CI_JWT: jobToken(),
        ...(inline === '' ? {} : { VAULTONCE_CONFIG_INLINE: inline }),
      },
    });
    // Without a command it stays.
    if (args[0] === 'watch' && !args.includes('--')) {
      await running.stderrMatches(/"event":"watching"/);
      running.child.kill();
    }
    const result = await running.done;
    assert.equal(result.code, expectedCode(args), `${place}: vaultonce ${args.join(' ')}\n${result.stderr}`);
  };

  const scripts = blocksIn('sh')
    .filter(({ text }) => !text.includes(FIRST_RUN))
    .map((block) => ({ ...block, commands: block.text.match(COMMAND)?.length ?? 0 }))
    .filter(({ commands }) => commands > 0);

  test('they are found', () => {
    const all = scripts.reduce((sum, { commands }) => sum + commands, 0);
    assert.ok(all > 35, String(all));
  });

  for (const [file, blocks = []] of Map.groupBy(scripts, (block) => block.file)) {
    test(`${file}: each that starts vaultonce does what it says`, async () => {
      for (const block of blocks) {
        const calls = await recorded(block, ['vaultonce']);
        assert.equal(calls.length, block.commands, `${block.place}: every command is run`);
        for (const call of calls) await run(call, block.place);
      }
    });
  }

  test('those in manifests, pipelines and units are commands, too', async () => {
    const texts = blocksIn('yaml', 'ini').flatMap((block) =>
      [...block.text.matchAll(/(?:^\s+- |=\/usr\/bin\/)(?=eval "\$\(vaultonce|vaultonce)(.+)$/gm)].map(
        ([, text = '']) => ({
          ...block,
          text: `${text}\n`,
        }),
      ),
    );
    const containers = blocksIn('yaml').flatMap(({ text, place }) => {
      const [, args] = /^\s+args: (\[.+\])$/m.exec(text) ?? [];
      return args === undefined ? [] : [{ args: load(args) as string[], inlineConfig: '', place }];
    });
    assert.ok(texts.length >= 3 && containers.length >= 1);
    for (const block of texts) {
      const calls = await recorded(block, ['vaultonce']);
      assert.equal(calls.length, 1, block.place);
      for (const { args, ...call } of calls) {
        await run({ ...call, args: args.map((arg) => arg.replace('/usr/bin/app', './app')) }, block.place);
      }
    }
    for (const call of containers) await run(call, call.place);
  });

  test('those for the server are taken by one, where it has the method', async () => {
    /** What OpenBao has no plug-in for without one from elsewhere. */
    const isForeign = (text: string): boolean =>
      /auth(?:\/| enable )(?:ldap|okta|radius|github|aws|gcp|azure|alicloud|oci|cf)\b/.test(text);
    const { path: bao } = await findServer();
    let count = 0;
    for (const block of blocksIn('sh')) {
      if (block.text.includes(FIRST_RUN)) continue;
      for (const { args, stdin } of await recorded(block, ['bao'])) {
        const text = `bao ${args.join(' ')}`;
        count += 1;
        assert.match(text, /^bao (?:auth enable|write|read|token create|policy write) /, block.place);
        // The document of the discovery is elsewhere.
        if (isForeign(text) || text.includes('oidc_discovery_url=')) continue;
        const cwd = workspace.root;
        workspace.write('ca.pem', readFileSync(server.certificates.caFile));
        const isPolicy = args.includes('policy');
        const { status, stderr } = spawnSync(
          bao,
          [
            ...args.map((arg) => (arg === 'password=' ? 'password=x' : arg)),
            // In its pod, a server has the CA of the cluster.
            ...(text.includes('auth/kubernetes/config')
              ? ['disable_local_ca_jwt=true', 'kubernetes_ca_cert=@ca.pem']
              : []),
          ],
          {
            cwd,
            encoding: 'utf8',
            input: isPolicy ? 'path "secret/data/web/db" { capabilities = ["read"] }' : stdin,
            env: { HOME: cwd, VAULT_ADDR: server.address, VAULT_TOKEN: server.rootToken },
          },
        );
        assert.equal(status, 0, `${block.place}: ${text}\n${stderr}`);
      }
    }
    assert.ok(count > 30, `${String(count)} are found`);
  });

  test('the first run of the README prints what it says', async () => {
    const blocks = blocksOf('README.md');
    const index = blocks.findIndex(({ text }) => text.includes(FIRST_RUN));
    const [script, printed] = [blocks[index]?.text ?? '', blocks[index + 1]?.text ?? ''];
    assert.match(script, /127\.0\.0\.1:8200/);
    assert.match(script, /\/dev\/shm\/first-run/);
    // Verbatim, but for the port and the directory: this machine may have others under these.
    const here = script
      .replaceAll('127.0.0.1:8200', `127.0.0.1:${String(await freePort())}`)
      .replaceAll('/dev/shm/first-run', workspace.path('first-run'));
    starter(workspace);
    symlinkSync((await findServer()).path, workspace.path('bin/bao'));
    mkdirSync(workspace.path('home'));
    const { status, stdout, stderr } = spawnSync(
      'bash',
      ['-c', `set -e\n${here}\nkill "$!"\nwait "$!" || true`],
      {
        cwd: workspace.path('home'),
        encoding: 'utf8',
        env: { PATH: `${workspace.path('bin')}:${process.env['PATH'] ?? ''}`, HOME: workspace.path('home') },
        timeout: 45_000,
      },
    );
    assert.equal(status, 0, stderr);
    // After the plan, which `check` prints.
    assert.match(stdout, /^login {4}token$/m);
    assert.ok(stdout.endsWith(printed.trimEnd()), stdout);
  });
});

test('what the table of dotenv readers says of Node and python-dotenv', async () => {
  const workspace = createWorkspace();
  const values = { A: 'two words', B: "it's", C: '$x `y` "z"', D: 'a\nb', E: '${HOME}', F: 'C:\\a b\\n' };
  const config = {
    vault: { address: 'https://vault.example.com:8200' },
    secrets: { db: 'secret/app/db' },
    outputs: [{ path: workspace.path('db.env'), format: 'dotenv', secret: 'db' }],
  };
  const { code, stderr } = await runCli([
    'render',
    ...['-c', workspace.write('vaultonce.yaml', dump(config))],
    ...['--fixtures', workspace.write('fixtures.yaml', dump({ db: values }))],
  ]);
  assert.equal(code, 0, stderr);
  assert.deepEqual({ ...parseEnv(workspace.read('db.env')) }, values);
  if (pythonHas('dotenv')) {
    const read = (interpolate: string): unknown =>
      runPython(
        `from dotenv import dotenv_values\nanswer = dict(dotenv_values(data, interpolate=${interpolate}))`,
        workspace.path('db.env'),
      );
    assert.deepEqual(read('False'), values);
    assert.notDeepEqual(read('True'), values);
  }
  workspace.remove();
});

test(
  'an application of another user reads files and directories, as the guide to Kubernetes says',
  { skip: process.geteuid?.() === 0 ? false : 'needs root' },
  async () => {
    const workspace = createWorkspace();
    const [group, runs, reads] = [65_531, 65_532, 65_533];
    chmodSync(workspace.root, 0o755);
    for (const swap of [false, true]) {
      // A volume as the kubelet makes it with fsGroup.
      const volume = workspace.path(`volume-${String(swap)}`);
      mkdirSync(volume);
      chownSync(volume, 0, group);
      chmodSync(volume, 0o3777);
      const config = {
        vault: { address: 'https://vault.example.com:8200' },
        secrets: { db: 'secret/app/db' },
        outputs: [{ path: 'db/', format: 'files', secret: 'db' }],
        output: { directory: volume, swap, mode: '0440' },
      };
      const args = [
        ...['-c', workspace.write('vaultonce.yaml', dump(config))],
        ...['--fixtures', workspace.write('fixtures.yaml', dump(FIXTURES))],
      ];
      const { code, stderr } = await runCli(['render', ...args], { uid: runs, gid: group });
      assert.equal(code, 0, stderr);
      const read = (gid: number): string =>
        spawnSync('cat', [`${volume}/db/password`], { uid: reads, gid, encoding: 'utf8' }).stdout;
      assert.equal(read(group), 'x', `swap: ${String(swap)}`);
      assert.equal(read(reads), '', 'others cannot');
    }
    workspace.remove();
  },
);
