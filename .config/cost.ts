import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './paths.ts';
import { startStandIn } from './stand-in.ts';
import { standaloneBinary } from './targets.ts';

/**
 * The budget of work: what a run of 100 secrets costs, as a multiple of an empty script on the same runtime. In CPU time,
 * the least of some runs in turns, against a stand-in for the server; and in instructions where valgrind is installed, with values from a file:
 * no other work changes those, but it does not know all instructions of Bun's HTTP client. Raise a budget knowingly, with `npm run bench`
 * before and after.
 */

type Runtime = 'node' | 'bun';

const SECRETS = 100;
const ROUNDS = 7;

interface Measure {
  readonly unit: string;
  /** A third to a half more than what was measured. */
  readonly budgets: Readonly<Record<Runtime, number>>;
  readonly take: (commands: readonly (readonly string[])[]) => Promise<number[]>;
}

const run = promisify(execFile);

const INSTRUCTIONS: Measure = {
  unit: 'instructions',
  budgets: { node: 4.2, bun: 40 },
  async take(commands) {
    const counts: number[] = [];
    for (const command of commands) {
      const options = ['--tool=cachegrind', '--cache-sim=no', '--cachegrind-out-file=/dev/null'];
      const { stderr } = await run('valgrind', [...options, ...command], { env: ENV });
      counts.push(Number(/I +refs: +([\d,]+)/.exec(stderr)?.[1]?.replaceAll(',', '')));
    }
    return counts;
  },
};

/** Only wait4(2) knows the CPU time of a child. */
const CPU_TIME_OF = `
import json, os, sys
rounds, commands = json.loads(sys.argv[1])
null = os.open(os.devnull, os.O_RDWR)
least = [float("inf")] * len(commands)
for _ in range(rounds):
    for index, command in enumerate(commands):
        pid = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
        _, status, usage = os.wait4(pid, 0)
        if status != 0: sys.exit("%s ended with %d" % (command, status))
        least[index] = min(least[index], (usage.ru_utime + usage.ru_stime) * 1000)
print(json.dumps(least))
`;

const CPU_TIME: Measure = {
  unit: 'CPU time',
  budgets: { node: 8, bun: 10.5 },
  async take(commands) {
    const { stdout } = await run('python3', ['-c', CPU_TIME_OF, JSON.stringify([ROUNDS, commands])], {
      env: ENV,
    });
    return JSON.parse(stdout) as number[];
  },
};

const ENV = { PATH: process.env['PATH'] };

const directory = mkdtempSync(join(tmpdir(), 'vaultonce-cost-'));
const server = await startStandIn();

const names = Array.from({ length: SECRETS }, (_, index) => `s${String(index)}`);

function report({ unit, budgets }: Measure, runtime: Runtime, ratio: number): void {
  console.log(`${unit} on ${runtime}: ${ratio.toFixed(1)} of ${String(budgets[runtime])} empty scripts`);
  // What is no number is not within it either.
  if (!(ratio <= budgets[runtime])) process.exitCode = 1;
}

async function hasValgrind(): Promise<boolean> {
  return run('valgrind', ['--version']).then(
    () => true,
    () => false,
  );
}

function configFor(address: string): string {
  return [
    `vault: { address: '${address}' }`,
    'auth: { method: approle, role_id: role, secret_id: secret }',
    'secrets:',
    ...names.map((name) => `  ${name}: secret/app/${name}`),
    'outputs:',
    ...names.map((name) => `  - { path: '${name}', contents: 'password={{${name}.password}}' }`),
    `output: { directory: '${join(directory, 'out')}' }`,
  ].join('\n');
}

try {
  const config = join(directory, 'vaultonce.yaml');
  writeFileSync(config, configFor(server.address));
  const empty = join(directory, 'empty.js');
  writeFileSync(empty, '');
  const fixtures = join(directory, 'fixtures.yaml');
  writeFileSync(fixtures, names.map((name) => `${name}: { password: a secret }`).join('\n'));
  const render = ['render', '--quiet', '--allow-disk', '-c', config];
  const check = async (measure: Measure, args: readonly string[]): Promise<void> => {
    const counts = await measure.take([
      [process.execPath, empty],
      [process.execPath, join(root, 'bin/vaultonce.mjs'), ...args],
      [join(root, 'node_modules/.bin/bun'), empty],
      [standaloneBinary(), ...args],
    ]);
    const [emptyNode = NaN, onNode = NaN, emptyBun = NaN, standalone = NaN] = counts;
    report(measure, 'node', onNode / emptyNode);
    report(measure, 'bun', standalone / emptyBun);
  };
  await check(CPU_TIME, render);
  if (await hasValgrind()) await check(INSTRUCTIONS, [...render, '--fixtures', fixtures]);
} finally {
  server.close();
  rmSync(directory, { recursive: true, force: true });
}
