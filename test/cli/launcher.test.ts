import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { NOTICES } from '../../.config/notices.ts';
import { layPackages, NEEDS, ownPackage, packageNameOf } from '../../.config/npm-packages.ts';
import { TARGETS, thisMachine } from '../../.config/targets.ts';
import { needsMounts } from '../support/needs.ts';
import { NODE, NOWHERE, programsWithoutNode, startFile, type Ran } from '../support/start-file.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

const TARGET = thisMachine();
const PACKAGE = packageNameOf(TARGET);
const { version: VERSION } = ownPackage();

/** What is installed may be damaged, moved, and laid out in other ways than npm's. */
describe('the launcher', () => {
  const PROGRAM = '#!/bin/sh\nprintf "program:$$"; printf " <%s>" "$@"; exit 7\n';
  let workspace: Workspace;
  let main: string;
  let own: string;
  before(() => {
    workspace = createWorkspace(tmpdir());
    workspace.write(NOTICES, '');
    symlinkSync('/bin/echo', workspace.path('echo'));
    const laid = layPackages(workspace.path('laid'), new Map([[TARGET, workspace.path('echo')]]));
    main = workspace.path('node_modules/vaultonce');
    own = workspace.path('node_modules', PACKAGE);
    mkdirSync(dirname(own), { recursive: true });
    renameSync(laid.at(-1) ?? '', main);
    renameSync(laid[0] ?? '', own);
    copyFileSync(join(own, NEEDS), workspace.path('needs'));
  });
  after(() => {
    workspace.remove();
  });

  const tidy = (): void => {
    rmSync(join(own, 'bin'), { recursive: true, force: true });
    mkdirSync(join(own, 'bin'), { recursive: true });
    writeFileSync(join(own, 'bin/vaultonce'), PROGRAM, { mode: 0o755 });
    copyFileSync(workspace.path('needs'), join(own, NEEDS));
  };
  const launch = (
    command: readonly string[],
    path = `${programsWithoutNode(workspace)}:${NODE}`,
    env = {},
  ): Ran => {
    return startFile(command, { PATH: path, ...env });
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
    const shell = startFile(['/bin/sh', '-c', 'echo $$; exec "$0" x', launcher()], { PATH: NOWHERE });
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
        writeFileSync(join(directory, NEEDS), `${(unfit[index % unfit.length] ?? []).join('\n')}\n`);
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
        rmSync(join(own, NEEDS));
      },
      /is installed in part only/,
    ],
    'is of another version': [
      () => {
        writeFileSync(join(own, NEEDS), workspace.read('needs').replace(VERSION, '9.9.9'));
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
        writeFileSync(join(own, NEEDS), workspace.read('needs').replace(/\n.*\n$/, '\n/lib/ld-none.so.1\n'));
      },
      /needs \/lib\/ld-none\.so\.1, which does not exist/,
    ],
    'does not bear what is there': [
      () => {
        writeFileSync(join(own, NEEDS), workspace.read('needs').replace(/\n.*\n$/, '\n!/bin/sh\n'));
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
