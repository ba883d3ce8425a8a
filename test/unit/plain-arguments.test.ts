import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc, { type Arbitrary } from 'fast-check';
import { allCommands, commandNamed } from '../../src/cli/command-tree.ts';
import { parseFully } from '../../src/cli/commander-tree.ts';
import { readPlainly } from '../../src/cli/plain-arguments.ts';
import { keyOf, type CommandDefinition, type FlagDefinition } from '../../src/commands/command.ts';

const RUNS = 3000;

const commands = allCommands();
const names = Object.keys(commands);
const everyFlag = Object.values(commands).flatMap(({ flags }) => Object.entries(flags));

/** What may stand anywhere: names, flags of other commands, and what looks like a flag. */
const junk: Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    '-',
    '--',
    '---',
    '=',
    '--=',
    '-=',
    '-5',
    '-.5e3',
    '-c',
    '-q',
    '-h',
    '-V',
    '-qc',
    '-cq',
  ),
  fc.constantFrom(
    '-cx',
    '-c=x',
    '-qh',
    '--help',
    '--version',
    'help',
    '--no-',
    '--confi',
    '--config=',
    'toString',
  ),
  fc.constantFrom(
    '--__proto__',
    '--constructor=x',
    '--no-quiet',
    '--no-config=1',
    '--quiet=',
    '--quiet=true',
  ),
  fc.constantFrom(...names, ...everyFlag.map(([flag]) => flag), ...everyFlag.map(([flag]) => `${flag}=x`)),
  fc.string(),
  fc.string().map((text) => `-${text}`),
  fc.string().map((text) => `--${text}`),
);

/** A flag as it should be, with a value if it takes one. */
function given([flag, { short, value, choices }]: readonly [string, FlagDefinition]): Arbitrary<string[]> {
  const spelling = fc.constantFrom(flag, ...(short === undefined ? [] : [short]));
  if (value === undefined) return spelling.map((word) => [word]);
  const text = choices === undefined ? fc.oneof(fc.string(), junk) : fc.constantFrom(...choices, 'none');
  return fc.oneof(
    fc.tuple(spelling, text).map((words) => words),
    text.map((word) => [`${flag}=${word}`]),
  );
}

/** Mostly what is right. */
function argumentsOf({ flags, argument }: CommandDefinition): Arbitrary<string[]> {
  const word = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...(argument?.choices ?? ['a', 'a/b#c'])) },
    { weight: 1, arbitrary: fc.string() },
  );
  const parts = fc.oneof(
    ...Object.entries(flags).map((flag) => ({ weight: 4, arbitrary: given(flag) })),
    { weight: argument === undefined ? 1 : 40, arbitrary: word.map((one) => [one]) },
    { weight: 2, arbitrary: junk.map((one) => [one]) },
  );
  const needed = Object.entries(flags).filter(([, { isNeeded }]) => isNeeded === true);
  return fc
    .tuple(fc.array(parts, { maxLength: 5 }), ...needed.map((flag) => fc.oneof(given(flag), fc.constant([]))))
    .map((all) => all.flat(2));
}

describe('a command line that is read without commander', () => {
  for (const [name, command] of Object.entries(commands)) {
    test(`${name}: what commander takes as well, and makes the same of`, () => {
      let accepted = 0;
      fc.assert(
        fc.property(argumentsOf(command), (args) => {
          const call = readPlainly(command, args);
          if (call === undefined) return;
          accepted += 1;
          const parsed = parseFully([name, ...args], { [name]: command }, 'VERSION');
          assert.deepEqual(parsed, { kind: 'call', call, oldFlags: [] });
          assert.ok(parsed.kind === 'call');
          assert.deepEqual(Object.entries(call.options), Object.entries(parsed.call.options));
        }),
        { numRuns: RUNS },
      );
      assert.ok(accepted > RUNS / 50, `only ${String(accepted)} were accepted`);
    });
  }

  const options = (line: string): unknown => {
    const [name = '', ...args] = line.split(' ');
    const command = commandNamed(name);
    assert.ok(command !== undefined);
    const call = readPlainly(command, args);
    return call && [call.options, call.words];
  };

  test('what people write', () => {
    assert.deepEqual(options('render'), [{}, []]);
    assert.deepEqual(options('render -c a.yaml --config=b.yaml -q --allow-disk --report -'), [
      { config: ['a.yaml', 'b.yaml'], quiet: true, allowDisk: true, report: '-' },
      [],
    ]);
    assert.deepEqual(options('render --auth jwt --set auth.role=a=b --log-level debug'), [
      { auth: 'jwt', set: ['auth.role=a=b'], logLevel: 'debug' },
      [],
    ]);
    assert.deepEqual(options('exec --clear-env -- env -i --quiet'), [
      { clearEnv: true },
      ['env', '-i', '--quiet'],
    ]);
    assert.deepEqual(options('exec --pass-token make -q'), [{ passToken: true }, ['make', '-q']]);
    assert.deepEqual(options('read a/b#c --json a/d -- -e'), [{ json: true }, ['a/b#c', 'a/d', '-e']]);
    assert.deepEqual(options('migrate a - --out b'), [{ out: 'b' }, ['a', '-']]);
    assert.deepEqual(options('manifest --name web'), [
      { format: 'patch', name: 'web', audience: 'vault', ca: 'vault-ca' },
      [],
    ]);
  });

  test('nothing that is unusual or wrong', () => {
    for (const line of [
      ...['render a', 'render -h', 'render --help', 'render help', 'render -qc a', 'render -ca', 'render -c'],
      ...['render --quiet=true', 'render --log-level loud', 'render --conf a', 'render --no-config -c a'],
      ...['render -c a --no-config', 'exec', 'exec --', 'exec -5', 'read --json', 'read -5', 'csi --keep 1h'],
      ...['completion', 'completion tcsh', 'completion bash zsh', 'policy --json'],
    ]) {
      assert.equal(options(line), undefined, line);
    }
  });

  test('the names of values are those that commands take', () => {
    assert.equal(keyOf('--max-call-recv-msg-size'), 'maxCallRecvMsgSize');
    assert.equal(keyOf('--no-config'), 'noConfig');
  });
});
