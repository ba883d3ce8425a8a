import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './paths.ts';
import { startStandIn, type Scheme, type StandIn } from './stand-in.ts';
import { standaloneBinary } from './targets.ts';

/**
 * The budget of work: what a run of 100 secrets costs, as a multiple of an empty script on the same runtime. In CPU time, the least of
 * some runs in turns, against a stand-in for the server, over TLS and without; and in instructions where valgrind is installed, with
 * values from a file: no other work changes those, but it does not know all instructions of Bun's HTTP client. Raise a budget knowingly,
 * with `npm run bench` before and after.
 */

type Runtime = 'node' | 'bun';
/** A third to a half more than what was measured. */
type Budgets = Readonly<Record<Runtime, number>>;

const SECRETS = 100;
const ROUNDS = 7;

/** What each command costs. */
type Measure = (commands: readonly (readonly string[])[]) => Promise<number[]>;

const run = promisify(execFile);

const instructions: Measure = async (commands) => {
  const counts: number[] = [];
  for (const command of commands) {
    const options = ['--tool=cachegrind', '--cache-sim=no', '--cachegrind-out-file=/dev/null'];
    const { stderr } = await run('valgrind', [...options, ...command], { env: ENV });
    counts.push(Number(/I +refs: +([\d,]+)/.exec(stderr)?.[1]?.replaceAll(',', '')));
  }
  return counts;
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

const cpuTime: Measure = async (commands) => {
  const { stdout } = await run('python3', ['-c', CPU_TIME_OF, JSON.stringify([ROUNDS, commands])], {
    env: ENV,
  });
  return JSON.parse(stdout) as number[];
};

const OF_CPU_TIME: readonly (readonly [Scheme, Budgets])[] = [
  ['https', { node: 7, bun: 12 }],
  ['http', { node: 8, bun: 10.5 }],
];
const OF_INSTRUCTIONS: Budgets = { node: 4.2, bun: 40 };

const ENV = { PATH: process.env['PATH'] };

const directory = mkdtempSync(join(tmpdir(), 'vaultonce-cost-'));

const names = Array.from({ length: SECRETS }, (_, index) => `s${String(index)}`);

function report(what: string, ratio: number, budget: number): void {
  console.log(`${what}: ${ratio.toFixed(1)} of ${String(budget)} empty scripts`);
  // What is no number is not within it either.
  if (!(ratio <= budget)) process.exitCode = 1;
}

async function hasValgrind(): Promise<boolean> {
  return run('valgrind', ['--version']).then(
    () => true,
    () => false,
  );
}

function configFor({ address, caFile }: Pick<StandIn, 'address' | 'caFile'>): string {
  const config = join(directory, 'vaultonce.yaml');
  const lines = [
    `vault: { address: '${address}'${caFile === undefined ? '' : `, tls: { ca_cert: '${caFile}' }`} }`,
    'auth: { method: approle, role_id: role, secret_id: secret }',
    'secrets:',
    ...names.map((secret) => `  ${secret}: secret/app/${secret}`),
    'outputs:',
    ...names.map((secret) => `  - { path: '${secret}', contents: 'password={{${secret}.password}}' }`),
    `output: { directory: '${join(directory, 'out')}' }`,
  ];
  writeFileSync(config, lines.join('\n'));
  return config;
}

const empty = join(directory, 'empty.js');

async function check(
  what: string,
  measure: Measure,
  budgets: Budgets,
  args: readonly string[],
): Promise<void> {
  const all = ['render', '--quiet', '--allow-disk', ...args];
  const [emptyNode = NaN, onNode = NaN, emptyBun = NaN, standalone = NaN] = await measure([
    [process.execPath, empty],
    [process.execPath, join(root, 'bin/vaultonce.mjs'), ...all],
    [join(root, 'node_modules/.bin/bun'), empty],
    [standaloneBinary(), ...all],
  ]);
  report(`${what} on node`, onNode / emptyNode, budgets.node);
  report(`${what} on bun`, standalone / emptyBun, budgets.bun);
}

try {
  writeFileSync(empty, '');
  for (const [scheme, budgets] of OF_CPU_TIME) {
    const server = await startStandIn(scheme, directory);
    try {
      await check(`CPU time over ${scheme}`, cpuTime, budgets, ['-c', configFor(server)]);
    } finally {
      server.close();
    }
  }
  if (await hasValgrind()) {
    const fixtures = join(directory, 'fixtures.yaml');
    writeFileSync(fixtures, names.map((name) => `${name}: { password: a secret }`).join('\n'));
    const config = configFor({ address: 'http://127.0.0.1:1', caFile: undefined });
    await check('instructions', instructions, OF_INSTRUCTIONS, ['-c', config, '--fixtures', fixtures]);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
