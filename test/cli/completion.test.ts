import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { before, describe, test } from 'node:test';
import { runCli } from '../support/cli.ts';
import { installed } from '../support/format-readers.ts';
import { createWorkspace } from '../support/workspace.ts';

const SHELLS = ['bash', 'zsh', 'fish'];

describe('completion', () => {
  const workspace = createWorkspace();
  const scripts = new Map<string, string>();
  before(async () => {
    for (const shell of SHELLS) {
      const { code, stdout, stderr } = await runCli(['completion', shell]);
      assert.equal(code, 0, stderr);
      scripts.set(shell, workspace.write(shell, stdout));
    }
  });

  const bash = (script: string, ...args: readonly string[]): string => {
    const { stdout, stderr, status } = spawnSync(
      'bash',
      ['--norc', '-c', `source "$0" || exit; ${script}`, scripts.get('bash') ?? '', ...args],
      { encoding: 'utf8', cwd: workspace.root, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    assert.equal(status, 0, stderr);
    assert.equal(stderr, '');
    return stdout;
  };

  /** What bash offers for the last of these words. */
  const offered = (...words: readonly string[]): string[] =>
    bash(
      'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vaultonce; printf "%s\\n" "${COMPREPLY[@]}"',
      'vaultonce',
      ...words,
    )
      .split('\n')
      .filter((line) => line !== '');

  test('bash loads the script, and falls back to files', () => {
    assert.match(bash('complete -p vaultonce'), /-o default .*-F _vaultonce vaultonce/);
  });

  test('bash: commands, flags and the values of flags', () => {
    assert.deepEqual(offered('re'), ['render', 'read']);
    assert.ok(offered('').includes('completion'));
    assert.deepEqual(offered('render', '--log'), ['--log-level', '--log-format']);
    assert.deepEqual(offered('render', '-q', '--log-level', ''), ['error', 'warn', 'info', 'debug']);
    assert.deepEqual(offered('render', '--log-level', '=', 'de'), ['debug']);
    assert.deepEqual(offered('render', '--log-level', '='), ['error', 'warn', 'info', 'debug']);
    assert.deepEqual(offered('check', '--log-format', 'j'), ['json']);
    assert.deepEqual(offered('env', '--format', 'git'), ['github', 'gitlab']);
    assert.deepEqual(offered('env', '--to', ''), ['env', 'output', 'both']);
    assert.deepEqual(offered('read', '--auth', 'kub'), ['kubernetes']);
    assert.deepEqual(offered('completion', ''), SHELLS);
    assert.deepEqual(offered('help', 'sch'), ['schema']);
    assert.deepEqual(offered('schema', '--m'), ['--markdown']);
  });

  test('bash: files where a flag takes one, and commands after exec --', () => {
    for (const words of [
      ['render', '-c', ''],
      ['render', '--config', 're'],
      ['render', ''],
      ['exec', '--', 'bash', '--lo'],
    ]) {
      assert.deepEqual(offered(...words), [], words.join(' '));
    }
    assert.ok(offered('exec', '--clear-env', '--', 'bas').includes('bash'));
  });

  test('zsh and fish can parse theirs, where they are installed', () => {
    for (const shell of installed('zsh', 'fish')) {
      const { status, stderr } = spawnSync(shell, ['-n', scripts.get(shell) ?? ''], { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
    }
  });

  test('every command and every flag of --help is in each of them', async () => {
    const { stdout } = await runCli(['--help']);
    const commands = [...stdout.matchAll(/^ {2}([a-z]+) [[<]/gm)].flatMap(([, name]) => name ?? []);
    assert.ok(commands.length >= 8, stdout);
    for (const command of commands) {
      const help = await runCli(['help', command]);
      const flags = [...help.stdout.matchAll(/^ {2}(?:-\w, )?--([a-z-]+)/gm)].flatMap(
        ([, flag]) => flag ?? [],
      );
      for (const shell of SHELLS) {
        const lines = workspace.read(shell).split('\n');
        assert.ok(
          lines.some((line) => new RegExp(`\\b${command}\\b`).test(line)),
          `${shell}: ${command}`,
        );
        // In fish the flags of a command have a line each, in zsh a block that ends in `;;`, in bash one line.
        const own = {
          bash: lines.filter((line) => line.startsWith(`    ${command})`)).join('\n'),
          zsh: new RegExp(`^ {8}${command}\\)\\n([^]*?);;`, 'm').exec(lines.join('\n'))?.[1] ?? '',
          fish: lines.filter((line) => line.includes(`seen_subcommand_from ${command}'`)).join('\n'),
        }[shell];
        for (const flag of flags) {
          const pattern = new RegExp(`(?:--|-l )${flag}(?![a-z-])`);
          assert.match(own ?? '', pattern, `${shell}: ${command} --${flag}`);
        }
      }
    }
  });

  test('2: a shell that is none', async () => {
    assert.equal((await runCli(['completion', 'tcsh'])).code, 2);
    assert.equal((await runCli(['completion'])).code, 2);
  });
});
