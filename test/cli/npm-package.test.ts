import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { NOTICES } from '../../.config/notices.ts';
import { layPackages, ownPackage, packAll, packageNameOf } from '../../.config/npm-packages.ts';
import { TARGETS, thisMachine } from '../../.config/targets.ts';
import { BIN, IS_STANDALONE } from '../support/cli.ts';
import { elfFor } from '../support/elf-stub.ts';
import { needsMounts } from '../support/needs.ts';
import { startRegistry, type Registry } from '../support/registry.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

const TARGET = thisMachine();
const PACKAGE = packageNameOf(TARGET);
const OTHER_CPU = process.arch === 'x64' ? 'arm64' : 'x64';
const { version: VERSION } = ownPackage();
const NOTICES_OF_BINARIES = 'Of the binaries.\n';
/** Nothing is found there. */
const NOWHERE = '/nonexistent';
/** A large binary takes npm some seconds to pack and to install. */
const AT_LEISURE = { timeout: 170_000 };

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a file as the kernel does, or a shell on it. */
function start(command: readonly [string, ...string[]], env: Readonly<Record<string, string>>): Ran {
  const [program, ...args] = command;
  const { status, stdout, stderr, error } = spawnSync(program, args, { env, encoding: 'utf8' });
  if (error !== undefined) throw error;
  return { code: status, stdout, stderr };
}

/** Where tests have all programs but this Node, which may be on PATH, or not. */
function programsWithoutNode(workspace: Workspace): string {
  const directory = workspace.path('programs');
  mkdirSync(directory, { recursive: true });
  for (const name of ['uname', 'readlink']) {
    const program = ['/usr/bin', '/bin'].map((place) => join(place, name)).find(existsSync);
    if (program !== undefined && !existsSync(join(directory, name)))
      symlinkSync(program, join(directory, name));
  }
  return directory;
}

const WITH_NODE = dirname(process.execPath);

/**
 * As others install it: from packages, out of a registry. What is installed is the standalone binary where that is tested, and else
 * a small program that prints its arguments.
 */
describe('vaultonce, installed by npm', () => {
  const program = IS_STANDALONE ? BIN : '/bin/echo';
  const argument = IS_STANDALONE ? '--version' : 'argument';
  const answer = IS_STANDALONE ? `${VERSION}\n` : 'argument\n';
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
    symlinkSync(program, workspace.path('stubs', TARGET));
    mkdirSync(workspace.path('tarballs'));
    tarballs = packAll(layPackages(workspace.path('packages'), binaries), workspace.path('tarballs'));
    registry = await startRegistry(tarballs);
  }, AT_LEISURE);
  after(async () => {
    await registry.close();
    workspace.remove();
  });

  /** The registry answers out of this process: it must not wait for npm. */
  const npm = async (cwd: string, ...args: readonly string[]): Promise<string> => {
    mkdirSync(cwd, { recursive: true });
    const env = {
      PATH: `${WITH_NODE}:${process.env['PATH'] ?? ''}`,
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
  const version = (prefix: string, path = `${programsWithoutNode(workspace)}:${WITH_NODE}`): Ran =>
    start([join(prefix, 'bin/vaultonce'), '--version'], { PATH: path });
  const answers = (file: string): void => {
    // No Node can be found, nor any other program.
    assert.deepEqual(start([file, argument], { PATH: NOWHERE }), { code: 0, stdout: answer, stderr: '' });
  };

  test('brings the program of this machine, and starts that and nothing else', AT_LEISURE, async () => {
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

  test('is the same as a dependency, and through npx', AT_LEISURE, async () => {
    const project = workspace.path('project');
    workspace.write('project/package.json', '{"private":true}');
    await npm(project, 'install', 'vaultonce');
    answers(join(project, 'node_modules/.bin/vaultonce'));
    assert.equal(await npm(project, 'exec', '--no', '--', 'vaultonce', argument), answer);
    await npm(project, 'ls', '--all');
  });

  test('is the bundle on Node without optional packages, by intent: without a word', async () => {
    // npm has them installed globally all the same.
    const project = workspace.path('omitted');
    workspace.write('omitted/package.json', '{"private":true}');
    await npm(project, 'install', '--omit=optional', 'vaultonce');
    assert.equal(existsSync(join(project, 'node_modules/@vaultonce')), false);
    const program = join(project, 'node_modules/.bin/vaultonce');
    const withNode = start([program, '--version'], { PATH: WITH_NODE });
    assert.deepEqual(withNode, { code: 0, stdout: `${VERSION}\n`, stderr: '' });
    await npm(project, 'ls', '--all');
    const { code, stderr } = start([program, '--version'], { PATH: NOWHERE });
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

  test('packages hold what they need and nothing else', () => {
    const contents: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
      tarballs.map((file) => {
        const listing = start(['tar', '-tzf', file], { PATH: process.env['PATH'] ?? '' }).stdout;
        return [
          basename(file),
          listing
            .trim()
            .split('\n')
            .map((name) => name.replace('package/', ''))
            .sort(),
        ];
      }),
    );
    const ofTarget = ['LICENSE', 'README.md', NOTICES, 'bin/vaultonce', 'package.json', 'target'];
    const expected = TARGETS.map((target) => [`vaultonce-${target}-${VERSION}.tgz`, ofTarget]);
    const { [`vaultonce-${VERSION}.tgz`]: main, ...targets } = contents;
    assert.deepEqual(targets, Object.fromEntries(expected));
    assert.ok(main?.includes('bin/vaultonce') === true && main.includes('bin/vaultonce.mjs'));
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

/** What is installed may be damaged, moved, and laid out in other ways than npm's. */
describe('the launcher', () => {
  const PROGRAM = '#!/bin/sh\nprintf "program:$$"; printf " <%s>" "$@"; exit 7\n';
  let workspace: Workspace;
  let main: string;
  let own: string;
  before(() => {
    workspace = createWorkspace(tmpdir());
    workspace.write(NOTICES, NOTICES_OF_BINARIES);
    symlinkSync('/bin/echo', workspace.path('echo'));
    const laid = layPackages(workspace.path('laid'), new Map([[TARGET, workspace.path('echo')]]));
    main = workspace.path('node_modules/vaultonce');
    own = workspace.path('node_modules', PACKAGE);
    mkdirSync(dirname(own), { recursive: true });
    renameSync(laid.at(-1) ?? '', main);
    renameSync(laid[0] ?? '', own);
    chmodSync(join(main, 'bin/vaultonce'), 0o755);
  });
  after(() => {
    workspace.remove();
  });

  /** With the whole of a package as it is at first. */
  const whole = (): void => {
    const needs = readFileSync(workspace.path('node_modules', PACKAGE, 'target'), 'utf8');
    workspace.write('needs', needs);
  };
  const tidy = (): void => {
    rmSync(join(own, 'bin'), { recursive: true, force: true });
    mkdirSync(join(own, 'bin'), { recursive: true });
    writeFileSync(join(own, 'bin/vaultonce'), PROGRAM, { mode: 0o755 });
    if (!existsSync(workspace.path('needs'))) whole();
    copyFileSync(workspace.path('needs'), join(own, 'target'));
  };
  const launch = (
    command: readonly string[],
    path = `${programsWithoutNode(workspace)}:${WITH_NODE}`,
    env = {},
  ): Ran => {
    const [first = '', ...rest] = command;
    return start([first, ...rest], { PATH: path, ...env });
  };
  const launcher = (): string => join(main, 'bin/vaultonce');

  test('passes on arguments as they are, and becomes the program: its exit code and signals are its own', () => {
    tidy();
    const args = ['a b', '', '*', '$HOME', "it's", '--', 'line\nbreak'];
    const { code, stdout } = launch([launcher(), ...args], NOWHERE);
    assert.equal(code, 7);
    const [, pid = '', shown] = /^program:(\d+)(.*)$/s.exec(stdout) ?? [];
    assert.equal(shown, args.map((arg) => ` <${arg}>`).join(''));
    assert.notEqual(pid, '');
    const shell = start(['/bin/sh', '-c', 'echo $$; exec "$0" x', launcher()], { PATH: NOWHERE });
    assert.match(shell.stdout, /^(\d+)\nprogram:\1 /);
  });

  test('changes no variable of the environment', () => {
    tidy();
    writeFileSync(join(own, 'bin/vaultonce'), '#!/bin/sh\nexec env\n', { mode: 0o755 });
    const names = [
      'self',
      'bin',
      'link',
      'own',
      'key',
      'value',
      'machine',
      'system',
      'processor',
      'version',
      'package',
      'file',
    ];
    const given = Object.fromEntries(names.map((name) => [name, 'mine']));
    const { stdout } = launch([launcher()], '/usr/bin:/bin', given);
    // What shells add by themselves.
    const found = stdout
      .trim()
      .split('\n')
      .filter((line) => !/^(?:PWD|OLDPWD|SHLVL|_)=/.test(line));
    assert.deepEqual(
      found.sort(),
      [...Object.entries(given).map((pair) => pair.join('=')), 'PATH=/usr/bin:/bin'].sort(),
    );
  });

  test('finds its packages from wherever it is linked, and in each layout', () => {
    tidy();
    const found = (command: readonly string[], path?: string): void => {
      const { code, stderr } = launch(command, path);
      assert.deepEqual({ code, stderr }, { code: 7, stderr: '' }, command.join(' '));
    };
    const link = (target: string, name: string): string => {
      const path = workspace.path(name);
      mkdirSync(dirname(path), { recursive: true });
      rmSync(path, { force: true });
      symlinkSync(target, path);
      return path;
    };
    // As npm links it, and a link to that by another name, through a directory that is a link.
    const bin = link('../vaultonce/bin/vaultonce', 'node_modules/.bin/vaultonce');
    found([bin], NOWHERE);
    found([link(bin, 'home/bin/vaultonce')]);
    found([link('bin/vaultonce', 'home/vo')]);
    found([join(link('home/bin', 'linked'), 'vaultonce')]);
    // As pnpm and Yarn start it: a shell script of theirs, with the real path.
    for (const shell of ['sh', 'dash', 'bash', 'busybox', 'mksh', 'ksh', 'zsh']) {
      const places = ['/usr/bin', '/bin'].map((place) => join(place, shell));
      const program = places.find(existsSync);
      if (program === undefined) continue;
      const command = shell === 'busybox' ? [program, 'sh'] : [program];
      found([...command, launcher()], NOWHERE);
      found([...command, join(dirname(main), '.bin/vaultonce')], NOWHERE);
    }
    // pnpm: in a store, where its packages are beside it; the project has a link to it.
    const store = workspace.path('project/node_modules/.pnpm/vaultonce@1/node_modules');
    mkdirSync(store, { recursive: true });
    cpSync(main, join(store, 'vaultonce'), { recursive: true });
    cpSync(join(main, '../@vaultonce'), join(store, '@vaultonce'), { recursive: true });
    found(
      [
        join(
          link('.pnpm/vaultonce@1/node_modules/vaultonce', 'project/node_modules/vaultonce'),
          'bin/vaultonce',
        ),
      ],
      NOWHERE,
    );
    // npm, globally: its packages are inside of it; from a directory with a space.
    const inner = workspace.path('a prefix/lib/node_modules/vaultonce');
    cpSync(main, inner, { recursive: true });
    cpSync(join(main, '../@vaultonce'), join(inner, 'node_modules/@vaultonce'), { recursive: true });
    found([link('../lib/node_modules/vaultonce/bin/vaultonce', 'a prefix/bin/vaultonce')], NOWHERE);
  });

  test('is JavaScript, too, for who gives it to Node', () => {
    tidy();
    assert.deepEqual(launch([process.execPath, launcher(), '--version']), {
      code: 0,
      stdout: `${VERSION}\n`,
      stderr: '',
    });
  });

  test('of several packages, starts the one that runs here', () => {
    tidy();
    const others = TARGETS.filter((target) => target !== TARGET).map((target) =>
      workspace.path('node_modules', packageNameOf(target)),
    );
    const [version, system, processors, ...files] = workspace.read('needs').split('\n');
    const unfit = [
      [version, system, processors, '/lib/ld-none.so.1'],
      [version, 'Darwin', processors, ...files],
      [version, system, 'riscv64', ...files],
    ];
    try {
      others.forEach((directory, index) => {
        cpSync(own, directory, { recursive: true });
        writeFileSync(join(directory, 'target'), `${(unfit[index % unfit.length] ?? []).join('\n')}\n`);
      });
      assert.deepEqual({ ...launch([launcher()]), stdout: '' }, { code: 7, stdout: '', stderr: '' });
    } finally {
      for (const directory of others) rmSync(directory, { recursive: true, force: true });
    }
  });

  const DAMAGES: Readonly<Record<string, readonly [damage: () => void, says: RegExp]>> = {
    'has no program': [
      () => {
        rmSync(join(own, 'bin/vaultonce'));
      },
      /is installed in part only/,
    ],
    'has an empty program': [
      () => {
        writeFileSync(join(own, 'bin/vaultonce'), '');
      },
      /is installed in part only/,
    ],
    'does not say what it needs': [
      () => {
        rmSync(join(own, 'target'));
      },
      /is installed in part only/,
    ],
    'is of another version': [
      () => {
        writeFileSync(join(own, 'target'), workspace.read('needs').replace(VERSION, '9.9.9'));
      },
      /has version 9\.9\.9, not \d/,
    ],
    'may not be executed': [
      () => {
        chmodSync(join(own, 'bin/vaultonce'), 0o644);
      },
      /has a program that may not be executed/,
    ],
    'needs a file that does not exist': [
      () => {
        writeFileSync(
          join(own, 'target'),
          workspace.read('needs').replace(/\n.*\n$/, '\n/lib/ld-none.so.1\n'),
        );
      },
      /needs \/lib\/ld-none\.so\.1, which does not exist/,
    ],
    'does not bear what is there': [
      () => {
        writeFileSync(join(own, 'target'), workspace.read('needs').replace(/\n.*\n$/, '\n!/bin/sh\n'));
      },
      /does not run where there is \/bin\/sh/,
    ],
  };
  for (const [what, [damage, says]] of Object.entries(DAMAGES)) {
    test(`runs the bundle on Node where the package ${what}, and says why`, () => {
      tidy();
      damage();
      const { code, stdout, stderr } = launch([launcher(), '--version']);
      assert.deepEqual({ code, stdout }, { code: 0, stdout: `${VERSION}\n` });
      assert.match(stderr, says);
      assert.match(stderr, /^vaultonce: warn: @vaultonce\/\S+ .*: running on Node\.js instead\n$/);
      const alone = launch([launcher(), '--version'], programsWithoutNode(workspace));
      assert.equal(alone.code, 127);
      assert.match(alone.stderr, says);
      assert.match(alone.stderr, /^vaultonce: error: .*, and there is no Node\.js\n {2}→ .*\n$/);
    });
  }

  test('runs the bundle on Node where its file system is mounted noexec', needsMounts(), () => {
    tidy();
    const mounted = workspace.path('noexec');
    mkdirSync(mounted);
    assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'noexec', 'none', mounted]).status, 0);
    try {
      cpSync(workspace.path('node_modules'), join(mounted, 'node_modules'), { recursive: true });
      const { code, stderr } = launch([
        '/bin/sh',
        join(mounted, 'node_modules/vaultonce/bin/vaultonce'),
        '--version',
      ]);
      assert.equal(code, 0);
      assert.match(
        stderr,
        /has a program that may not be executed: by its mode, or on a file system mounted noexec/,
      );
    } finally {
      spawnSync('umount', [mounted]);
    }
  });
});
