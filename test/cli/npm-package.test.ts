import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { NOTICES } from '../../.config/notices.ts';
import { layPackages, NEEDS, ownPackage, packAll, packageNameOf } from '../../.config/npm-packages.ts';
import { TARGETS, thisMachine } from '../../.config/targets.ts';
import { elfFor } from '../support/elf-stub.ts';
import { startRegistry, type Registry } from '../support/registry.ts';
import { NODE, NOWHERE, programsWithoutNode, startFile, type Ran } from '../support/start-file.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

const TARGET = thisMachine();
const PACKAGE = packageNameOf(TARGET);
const OTHER_CPU = process.arch === 'x64' ? 'arm64' : 'x64';
const { version: VERSION } = ownPackage();
const NOTICES_OF_BINARIES = 'Of the binaries.\n';

/** As others install it: from packages, out of a registry. Instead of the standalone binary they have a program that prints its arguments. */
describe('vaultonce, installed by npm', () => {
  let workspace: Workspace;
  let registry: Registry;
  let tarballs: string[];
  before(async () => {
    workspace = createWorkspace(tmpdir());
    workspace.write(`stubs/${NOTICES}`, NOTICES_OF_BINARIES);
    const binaries = new Map(
      TARGETS.map((target) => [target, workspace.write(`stubs/${target}`, elfFor(target))]),
    );
    rmSync(workspace.path('stubs', TARGET));
    symlinkSync('/bin/echo', workspace.path('stubs', TARGET));
    mkdirSync(workspace.path('tarballs'));
    tarballs = packAll(layPackages(workspace.path('packages'), binaries), workspace.path('tarballs'));
    registry = await startRegistry(tarballs);
  });
  after(async () => {
    await registry.close();
    workspace.remove();
  });

  /** The registry answers out of this process: it must not wait for npm. */
  const npm = async (cwd: string, ...args: readonly string[]): Promise<string> => {
    mkdirSync(cwd, { recursive: true });
    const env = {
      PATH: `${NODE}:${process.env['PATH'] ?? ''}`,
      HOME: workspace.path('home'),
      npm_config_registry: registry.url,
      npm_config_cache: workspace.path('cache'),
      npm_config_update_notifier: 'false',
      npm_config_audit: 'false',
      npm_config_fund: 'false',
    };
    const { stdout } = await promisify(execFile)('npm', args, { cwd, env });
    return stdout;
  };
  /** @returns the prefix */
  const installed = async (name: string, ...flags: readonly string[]): Promise<string> => {
    const prefix = workspace.path(name);
    await npm(prefix, 'install', '--global', '--prefix', prefix, ...flags, 'vaultonce');
    return prefix;
  };
  const targetsIn = (prefix: string): string[] => {
    const directory = join(prefix, 'lib/node_modules/vaultonce/node_modules/@vaultonce');
    return existsSync(directory) ? readdirSync(directory).sort() : [];
  };
  const version = (prefix: string, path = `${programsWithoutNode(workspace)}:${NODE}`): Ran =>
    startFile([join(prefix, 'bin/vaultonce'), '--version'], { PATH: path });
  const answers = (file: string): void => {
    // No Node can be found, nor any other program.
    assert.deepEqual(startFile([file, 'argument'], { PATH: NOWHERE }), {
      code: 0,
      stdout: 'argument\n',
      stderr: '',
    });
  };

  test('brings the program of this machine, and starts that and nothing else', async () => {
    const prefix = await installed('global');
    assert.deepEqual(targetsIn(prefix), [TARGET]);
    answers(join(prefix, 'bin/vaultonce'));
    assert.equal(readdirSync(join(prefix, 'lib/node_modules')).join(), 'vaultonce');
    const listed = await npm(prefix, 'ls', '--global', '--prefix', prefix, '--all', '--parseable');
    assert.deepEqual(listed.trim().split('\n').slice(1), [
      join(prefix, 'lib/node_modules/vaultonce'),
      join(prefix, 'lib/node_modules/vaultonce/node_modules', PACKAGE),
    ]);
  });

  test('is the same as a dependency, and through npx', async () => {
    const project = workspace.path('project');
    workspace.write('project/package.json', '{"private":true}');
    await npm(project, 'install', 'vaultonce');
    answers(join(project, 'node_modules/.bin/vaultonce'));
    assert.equal(await npm(project, 'exec', '--no', '--', 'vaultonce', 'argument'), 'argument\n');
    await npm(project, 'ls', '--all');
  });

  test('is the bundle on Node without optional packages, by intent: without a word', async () => {
    // npm has them installed globally all the same.
    const project = workspace.path('omitted');
    workspace.write('omitted/package.json', '{"private":true}');
    await npm(project, 'install', '--omit=optional', 'vaultonce');
    assert.equal(existsSync(join(project, 'node_modules/@vaultonce')), false);
    const program = join(project, 'node_modules/.bin/vaultonce');
    const withNode = startFile([program, '--version'], { PATH: NODE });
    assert.deepEqual(withNode, { code: 0, stdout: `${VERSION}\n`, stderr: '' });
    await npm(project, 'ls', '--all');
    const { code, stderr } = startFile([program, '--version'], { PATH: NOWHERE });
    assert.equal(code, 127);
    assert.equal(
      stderr.split('\n')[0],
      'vaultonce: error: no package with the program of this machine is installed, and there is no Node.js',
    );
    assert.match(stderr, /\n {2}→ .*\n$/);
  });

  test('is the bundle on Node with the program of another processor, and says so', async () => {
    const prefix = await installed('processor', `--cpu=${OTHER_CPU}`);
    assert.deepEqual(targetsIn(prefix), [TARGET.replace(process.arch, OTHER_CPU)]);
    const { code, stdout, stderr } = version(prefix);
    assert.deepEqual({ code, stdout }, { code: 0, stdout: `${VERSION}\n` });
    assert.match(
      stderr,
      /^vaultonce: warn: @vaultonce\/\S+ is for another machine than this one \(Linux \w+\): running on Node\.js instead\n$/,
    );
    const alone = version(prefix, programsWithoutNode(workspace));
    assert.equal(alone.code, 127);
    assert.match(
      alone.stderr,
      /^vaultonce: error: @vaultonce\/\S+ is for another machine .*, and there is no Node\.js\n {2}→ .*\n$/,
    );
  });

  test('is the bundle on Node on a machine that no package is for: without a word', async () => {
    const prefix = await installed('unknown', '--cpu=riscv64');
    assert.deepEqual(targetsIn(prefix), []);
    assert.deepEqual(version(prefix), { code: 0, stdout: `${VERSION}\n`, stderr: '' });
  });

  test('needs no registry where the packages are at hand', async () => {
    const prefix = workspace.path('offline');
    const packages = ['', `-${TARGET}`].map((part) =>
      workspace.path(`tarballs/vaultonce${part}-${VERSION}.tgz`),
    );
    const asked = registry.asked;
    await npm(prefix, 'install', '--global', '--offline', '--prefix', prefix, ...packages);
    assert.equal(registry.asked, asked);
    answers(join(prefix, 'bin/vaultonce'));
  });

  test('has glibc and musl told apart by npm, and is the bundle on Node with the other one', async () => {
    const other = TARGET.endsWith('-musl') ? 'glibc' : 'musl';
    const prefix = await installed('libc', `--libc=${other}`);
    const [target = ''] = targetsIn(prefix);
    assert.equal(target.endsWith('-musl'), other === 'musl');
    const { code, stdout, stderr } = version(prefix);
    assert.deepEqual({ code, stdout }, { code: 0, stdout: `${VERSION}\n` });
    assert.match(
      stderr,
      /^vaultonce: warn: @vaultonce\/\S+ needs \/lib\S+, which does not exist: running on Node\.js instead\n$/,
    );
  });

  const contentOf = (file: string): string[] =>
    startFile(['tar', '-tzf', file], { PATH: process.env['PATH'] ?? '' })
      .stdout.trim()
      .split('\n')
      .map((name) => name.replace('package/', ''));

  test('packages hold what they need and nothing else', () => {
    const contents = Object.fromEntries(tarballs.map((file) => [basename(file), contentOf(file).sort()]));
    const { [`vaultonce-${VERSION}.tgz`]: main, ...targets } = contents;
    const ofTarget = ['LICENSE', 'README.md', NOTICES, 'bin/vaultonce', NEEDS, 'package.json'];
    assert.deepEqual(
      targets,
      Object.fromEntries(TARGETS.map((target) => [`vaultonce-${target}-${VERSION}.tgz`, ofTarget])),
    );
    assert.ok(main?.includes('bin/vaultonce') === true && main.includes('bin/vaultonce.mjs'));
  });

  test('a program that was not unpacked in full lacks the file by which it is known', () => {
    for (const file of tarballs.slice(0, -1)) {
      const names = contentOf(file);
      assert.ok(names.indexOf(NEEDS) > names.indexOf('bin/vaultonce'), names.join(' '));
    }
  });

  test('packages have the notices of what is in them', () => {
    assert.equal(workspace.read(`packages/${TARGET}/${NOTICES}`), NOTICES_OF_BINARIES);
    assert.equal(
      workspace.read(`packages/vaultonce/dist/${NOTICES}`),
      readFileSync(join(import.meta.dirname, '../../dist', NOTICES), 'utf8'),
    );
  });

  test('packages say what they are for, have no scripts, and depend on nothing else', () => {
    const manifest = (name: string): Record<string, unknown> =>
      JSON.parse(readFileSync(workspace.path('packages', name, 'package.json'), 'utf8')) as Record<
        string,
        unknown
      >;
    const { optionalDependencies, ...main } = manifest('vaultonce');
    // npm refuses it there in one line: nothing could start it.
    assert.deepEqual(main['os'], ['!win32']);
    assert.deepEqual(
      optionalDependencies,
      Object.fromEntries(TARGETS.map((target) => [packageNameOf(target), VERSION])),
    );
    assert.deepEqual(Object.keys(main).sort(), [
      ...[
        'bin',
        'bugs',
        'description',
        'engines',
        'files',
        'homepage',
        'license',
        'name',
        'os',
        'repository',
        'type',
        'version',
      ],
    ]);
    for (const target of TARGETS) {
      const { os, cpu, libc, name, version: itsVersion, ...rest } = manifest(target);
      const [system = '', processor = '', musl] = target.split('-');
      const expected = { name: `@vaultonce/${target}`, itsVersion: VERSION, os: [system], cpu: [processor] };
      assert.deepEqual({ name, itsVersion, os, cpu }, expected);
      assert.deepEqual(libc, system === 'linux' ? [musl ?? 'glibc'] : undefined);
      assert.deepEqual(Object.keys(rest).sort(), [
        ...['bugs', 'description', 'files', 'homepage', 'license', 'preferUnplugged', 'repository'],
      ]);
    }
  });
});
