import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './paths.ts';
import { startStandIn, type StandIn } from './stand-in.ts';
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

interface Measure {
  readonly unit: string;
  readonly take: (commands: readonly (readonly string[])[]) => Promise<number[]>;
}

const run = promisify(execFile);

const INSTRUCTIONS: Measure = {
  unit: 'instructions',
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
  async take(commands) {
    const { stdout } = await run('python3', ['-c', CPU_TIME_OF, JSON.stringify([ROUNDS, commands])], {
      env: ENV,
    });
    return JSON.parse(stdout) as number[];
  },
};

/** HTTP/2, as most runs have it, and HTTP/1.1. */
const BUDGETS_BY_SCHEME = { https: { node: 7, bun: 12 }, http: { node: 8, bun: 10.5 } } as const;
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

function configFor({ address, certificate }: StandIn, name: string): string {
  const trusted = join(directory, 'ca.pem');
  if (certificate !== undefined) writeFileSync(trusted, certificate);
  const config = join(directory, name);
  const lines = [
    `vault: { address: '${address}'${certificate === undefined ? '' : `, tls: { ca_cert: '${trusted}' }`} }`,
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

async function check({ unit, take }: Measure, budgets: Budgets, args: readonly string[]): Promise<void> {
  const all = ['render', '--quiet', '--allow-disk', ...args];
  const [emptyNode = NaN, onNode = NaN, emptyBun = NaN, standalone = NaN] = await take([
    [process.execPath, empty],
    [process.execPath, join(root, 'bin/vaultonce.mjs'), ...all],
    [join(root, 'node_modules/.bin/bun'), empty],
    [standaloneBinary(), ...all],
  ]);
  report(`${unit} on node`, onNode / emptyNode, budgets.node);
  report(`${unit} on bun`, standalone / emptyBun, budgets.bun);
}

const servers: StandIn[] = [];
try {
  writeFileSync(empty, '');
  for (const [scheme, budgets] of Object.entries(BUDGETS_BY_SCHEME)) {
    const server = await startStandIn(scheme as keyof typeof BUDGETS_BY_SCHEME);
    servers.push(server);
    const config = configFor(server, `${scheme}.yaml`);
    await check({ ...CPU_TIME, unit: `${CPU_TIME.unit} over ${scheme}` }, budgets, ['-c', config]);
  }
  if (await hasValgrind()) {
    const fixtures = join(directory, 'fixtures.yaml');
    writeFileSync(fixtures, names.map((name) => `${name}: { password: a secret }`).join('\n'));
    const config = join(directory, 'http.yaml');
    await check(INSTRUCTIONS, OF_INSTRUCTIONS, ['-c', config, '--fixtures', fixtures]);
  }
} finally {
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true, force: true });
}
