import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { BUNDLES, CACHES } from '../../.config/bundle.ts';
import type { Scheme } from '../../.config/stand-in.ts';
import { stubs } from '../../.config/stubs.ts';
import { typicalRun } from '../../.config/typical-run.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

const root = join(import.meta.dirname, '../..');
/** The standalone binary is larger than what many have as memory. */
const isOfPackage = (path: string): boolean => !path.endsWith('dist/standalone');

describe('the bundle', () => {
  let workspace: Workspace;
  before(() => {
    workspace = createWorkspace();
    for (const name of ['bin', 'dist', 'package.json'])
      cpSync(join(root, name), workspace.path(name), { recursive: true, filter: isOfPackage });
  });
  after(() => {
    workspace.remove();
  });

  const version = (node = process.execPath): ReturnType<typeof spawnSync> =>
    spawnSync(node, [workspace.path('bin/vaultonce.mjs'), '--version'], { encoding: 'utf8' });

  test('runs without its code cache, and with one that is empty, torn or of something else', () => {
    const cache = readFileSync(workspace.path('dist/vaultonce.cache'));
    for (const content of [cache, Buffer.alloc(0), cache.subarray(0, 1000), Buffer.from('not a cache')]) {
      writeFileSync(workspace.path('dist/vaultonce.cache'), content);
      assert.equal(version().status, 0);
    }
    execFileSync('rm', [workspace.path('dist/vaultonce.cache')]);
    assert.equal(version().status, 0);
    writeFileSync(workspace.path('dist/vaultonce.cache'), cache);
  });

  test('runs its own code, not that of a code cache of another build of the same length', () => {
    const bundle = workspace.path('dist/vaultonce.js');
    const source = readFileSync(bundle, 'latin1');
    const other = source.replace(`"${String(version().stdout).trim()}"`, '"9.9.9"').slice(0, -16);
    assert.equal(other.length, source.length - 16);
    workspace.write('dist/vaultonce.js', `${other}${'0'.repeat(16)}`);
    assert.equal(String(version().stdout).trim(), '9.9.9');
    workspace.write('dist/vaultonce.js', source);
  });

  test('its code caches are the same, byte for byte, when they are made again elsewhere', () => {
    const again = createWorkspace();
    try {
      for (const name of ['.config', 'bin', 'dist', 'package.json'])
        cpSync(join(root, name), again.path(name), { recursive: true, filter: isOfPackage });
      symlinkSync(join(root, 'node_modules'), again.path('node_modules'));
      execFileSync(process.execPath, [again.path('.config/code-cache.ts')]);
      for (const name of CACHES) {
        const cache = `dist/${name}`;
        assert.ok(readFileSync(again.path(cache)).equals(readFileSync(join(root, cache))), cache);
      }
    } finally {
      again.remove();
    }
  });

  test('bin has its code cache accepted by this Node', () => {
    const preload = workspace.write(
      'script.cjs',
      `const vm = require('node:vm');
      vm.Script = class extends vm.Script {
        constructor(source, options) {
          super(source, options);
          if (options.filename.endsWith('/vaultonce.js')) process.on('exit', () => require('node:fs').writeFileSync(process.env.REJECTED, String(this.cachedDataRejected)));
        }
      };`,
    );
    const env = { REJECTED: workspace.path('rejected') };
    const args = ['--require', preload, join(root, 'bin/vaultonce.mjs'), '--version'];
    assert.equal(spawnSync(process.execPath, args, { env }).status, 0);
    // `undefined` would be: none was given.
    assert.equal(readFileSync(env.REJECTED, 'utf8'), 'false');
  });

  /** The modules of Node that a command has loaded. */
  const loadedBy = (args: readonly string[], exitCode = 0): string[] => {
    const preload = workspace.write(
      'preload.cjs',
      `process.on('exit', () => require('node:fs').writeFileSync(process.env.MODULES, JSON.stringify(process.moduleLoadList)));`,
    );
    const env = { MODULES: workspace.path('modules.json') };
    const { status } = spawnSync(
      process.execPath,
      ['--require', preload, join(root, 'bin/vaultonce.mjs'), ...args],
      { env },
    );
    assert.equal(status, exitCode);
    const loaded = JSON.parse(readFileSync(env.MODULES, 'utf8')) as string[];
    return loaded.map((name) => name.replace('NativeModule ', ''));
  };

  test('--help loads nothing of the network, and no fetch', () => {
    const loaded = loadedBy(['--help']);
    for (const name of ['http', 'https', 'tls', 'net', 'http2', 'zlib', 'crypto', 'child_process']) {
      assert.ok(!loaded.includes(name), name);
    }
    assert.deepEqual(
      loaded.filter((name) => name.includes('undici')),
      [],
    );
  });

  test('a run over plain HTTP loads no TLS, and nothing that it can do without; one without a server no HTTP', () => {
    const text = 'secrets: { s: a/b }\nenvironment: { A: "s#k" }\n';
    const config = workspace.write(
      'run.yaml',
      `${text}vault: { max_retries: 0 }\nauth: { method: token, token: t }\n`,
    );
    const fixtures = workspace.write('fixtures.yaml', 's: { k: v }\n');
    const args = ['render', '--quiet', '-c', config];
    const asking = loadedBy([...args, '--address', 'http://127.0.0.1:1'], 9);
    const offline = loadedBy([...args, '--fixtures', fixtures]);
    assert.ok(asking.includes('http'));
    assert.ok(!offline.includes('http'));
    for (const name of ['https', 'tls', 'crypto', 'perf_hooks', 'worker_threads', 'os', 'zlib']) {
      assert.ok(!asking.includes(name), name);
      assert.ok(!offline.includes(name), name);
    }
  });

  test('a plain command line is read without commander, which reads others', () => {
    const fixtures = workspace.write('fixtures.yaml', 's: { k: v }\n');
    const config = workspace.write('run.yaml', 'secrets: { s: a/b }\nenvironment: { A: "s#k" }\n');
    const file = workspace.path('dist/command-line.js');
    const hidden = workspace.path('command-line.js');
    const run = (...args: readonly string[]): number | null =>
      spawnSync(process.execPath, [workspace.path('bin/vaultonce.mjs'), ...args]).status;
    renameSync(file, hidden);
    try {
      assert.equal(run('render', '-c', config, `--fixtures=${fixtures}`, '--quiet'), 0);
      assert.equal(run('render', `-c${config}`, `--fixtures=${fixtures}`), 1);
    } finally {
      renameSync(hidden, file);
    }
    assert.equal(run('render', `-c${config}`, `--fixtures=${fixtures}`), 0);
  });

  test('a run over HTTP/2 takes no axios, one over HTTP/1.1 does', async () => {
    const file = workspace.path('dist/axios.js');
    const hidden = workspace.path('axios.js');
    const run = (scheme: Scheme): Promise<unknown> =>
      typicalRun(
        ({ config, cwd, env }) => {
          const args = [workspace.path('bin/vaultonce.mjs'), 'render', '-c', config, '--allow-disk'];
          return promisify(execFile)(process.execPath, args, { cwd, env });
        },
        { scheme },
      );
    renameSync(file, hidden);
    try {
      await run('https');
      await assert.rejects(run('http'), { code: 1 });
    } finally {
      renameSync(hidden, file);
    }
    await run('http');
  });

  test('a config as most are is read without js-yaml, another one with it', () => {
    workspace.write('values.yaml', 's: { k: v }\n');
    const hidden = `${workspace.path('dist/yaml.js')}.hidden`;
    const render = (mode: string): number | null => {
      const outputs = `outputs: [{ path: '${workspace.path('out')}', value: 's#k', mode: ${mode} }]\n`;
      const config = workspace.write('most.yaml', `# c\nsecrets:\n  s: a/b\n${outputs}`);
      const values = ['--fixtures', workspace.path('values.yaml')];
      const args = [workspace.path('bin/vaultonce.mjs'), 'render', '-c', config, '--allow-disk', ...values];
      return spawnSync(process.execPath, args).status;
    };
    renameSync(workspace.path('dist/yaml.js'), hidden);
    assert.equal(render("'0400'"), 0);
    assert.notEqual(render("&mode '0400'"), 0);
    renameSync(hidden, workspace.path('dist/yaml.js'));
    assert.equal(render("&mode '0400'"), 0);
  });

  test('what few need is in files of its own', () => {
    const marks = {
      'axios.js': 'maxContentLength size of ',
      'aws-sdk.js': 'AssumeRoleWithWebIdentity',
      'pkcs12.js': '2.16.840.1.113894.746875.1.1',
      'zod-schema.js': 'ZodMiniPipe',
      'yaml.js': 'aliases exceeded',
      'reference.js': 'draft/2020-12',
      'words.js': 'authentication:["auth"]',
      'other-languages.js': 'Handlebars template',
      'refusal-meaning.js': 'FieldManagerConflict',
      'refusals.js': 'bound_service_account_namespaces of the role must',
      'completion.js': '__fish_use_subcommand',
      'manifest.js': 'FallbackToLogsOnError',
      'handshakes.js': 'the certificate of the server: ',
      'migrate.js': 'Notes on the migration',
      'command-line.js': 'generate-config | vaultonce',
      'variable-lines.js': 'the text names no variable',
      'version.js': 'glibcVersionRuntime',
      'watch.js': 'secret_rotations_total',
      'csi.js': '/v1alpha1.CSIDriverProvider/Mount',
    };
    for (const [name, mark] of Object.entries(marks)) {
      const holders = BUNDLES.filter((file) =>
        readFileSync(join(root, 'dist', file), 'latin1').includes(mark),
      );
      assert.deepEqual(holders, [name]);
    }
  });

  test('it is not built when a package no longer imports what is replaced', async () => {
    const options = { bundle: true, write: false, platform: 'node', logLevel: 'silent' } as const;
    const built = (contents: string): Promise<unknown> =>
      build({ ...options, stdin: { contents, resolveDir: root }, plugins: [stubs(root, ['axios', 'ora'])] });
    await assert.rejects(
      built('import "commander";'),
      /no longer imported \(axios: form-data, .*axios: util, ora: cli-spinners\)/,
    );
    await built('import "commander"; import "axios/lib/adapters/http.js"; import "ora";');
    const lacking = { bundle: true, write: false, logLevel: 'silent', stdin: { contents: '' } } as const;
    await assert.rejects(
      build({ ...lacking, plugins: [stubs(root, ['commander'])] }),
      /no longer imported \(commander: node:child_process, commander: node:util\)/,
    );
  });

  test('an old Node is told which one is needed', () => {
    const bin = readFileSync(join(root, 'bin/vaultonce.mjs'), 'utf8');
    for (const [old, isSupported] of [
      ['20.20.2', false],
      ['22.20.0', false],
      ['22.21.0', true],
      ['23.9.0', false],
      ['24.4.1', false],
      ['24.5.0', true],
      ['26.0.0', true],
    ] as const) {
      workspace.write('bin/pretend.mjs', bin.replaceAll('process.versions.node', `'${old}'`));
      const { status, stderr } = spawnSync(
        process.execPath,
        [workspace.path('bin/pretend.mjs'), '--version'],
        { encoding: 'utf8' },
      );
      assert.equal(status, isSupported ? 0 : 2, old);
      if (!isSupported) assert.match(stderr, /is too old\n {2}→ install Node\.js 24/);
    }
  });

  test('without a build it says so', () => {
    execFileSync('rm', ['-r', workspace.path('dist')]);
    const { status, stderr } = version();
    assert.equal(status, 1);
    assert.match(String(stderr), /npm run build/);
  });

  test('the package holds what it needs and nothing else', () => {
    const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
      // Not everybody has a home that npm could write to.
      env: { ...process.env, npm_config_cache: workspace.path('npm') },
    });
    const packed = JSON.parse(output) as unknown;
    const [first] = (Array.isArray(packed) ? packed : Object.values(packed as object)) as {
      files: { path: string }[];
    }[];
    assert.deepEqual(first?.files.map(({ path }) => path).sort(), [
      'CHANGELOG.md',
      'CONFIGURATION.md',
      'LICENSE',
      'README.md',
      'bin/vaultonce',
      'bin/vaultonce.mjs',
      'dist/THIRD-PARTY-LICENSES.txt',
      'dist/aws-sdk.js',
      'dist/axios.cache',
      'dist/axios.js',
      'dist/command-line.cache',
      'dist/command-line.js',
      'dist/completion.js',
      'dist/csi.js',
      'dist/handshakes.js',
      'dist/manifest.js',
      'dist/migrate.js',
      'dist/other-languages.js',
      'dist/pkcs12.js',
      'dist/reference.js',
      'dist/refusal-meaning.js',
      'dist/refusals.js',
      'dist/variable-lines.js',
      'dist/vaultonce.cache',
      'dist/vaultonce.js',
      'dist/version.js',
      'dist/watch.js',
      'dist/words.js',
      'dist/yaml.cache',
      'dist/yaml.js',
      'dist/zod-schema.js',
      'package.json',
    ]);
  });
});
