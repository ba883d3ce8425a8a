import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './paths.ts';
import { standaloneBinary } from './targets.ts';

/**
 * The budget of CPU time: a run of 100 secrets against a stand-in for the server, as a multiple of what an empty script takes
 * on the same runtime. The least of some runs in turns, user and system time, so that neither the machine's speed nor what
 * else it does matters much. Raise a budget knowingly, with `npm run bench` before and after.
 */

const SECRETS = 100;
const ROUNDS = 7;
/** By runtime: about one and a half of what was measured. */
const BUDGETS = { node: 10, bun: 14 } as const;

/** Only wait4(2) knows the CPU time of a child. */
const MEASURE = `
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

const answerTo = (url: string): object => {
  if (url.endsWith('/login'))
    return { auth: { client_token: 's.cost', policies: [], token_type: 'service', lease_duration: 60 } };
  if (url.endsWith('/mounts'))
    return { data: { secret: { 'secret/': { type: 'kv', options: { version: '2' } } } } };
  return { data: { data: { username: 'app', password: 'a secret' }, metadata: { version: 1 } } };
};

const directory = mkdtempSync(join(tmpdir(), 'vaultonce-cost-'));
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ request_id: 'cost', ...answerTo(request.url ?? '') }));
  });
});

function configFor(address: string): string {
  const names = Array.from({ length: SECRETS }, (_, index) => `s${String(index)}`);
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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const config = join(directory, 'vaultonce.yaml');
  writeFileSync(config, configFor(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`));
  const empty = join(directory, 'empty.js');
  writeFileSync(empty, '');
  const render = ['render', '--quiet', '--allow-disk', '-c', config];
  const commands = [
    [process.execPath, empty],
    [process.execPath, join(root, 'bin/vaultonce.mjs'), ...render],
    [join(root, 'node_modules/.bin/bun'), empty],
    [standaloneBinary(), ...render],
  ];
  const { stdout } = await promisify(execFile)(
    'python3',
    ['-c', MEASURE, JSON.stringify([ROUNDS, commands])],
    { env: { PATH: process.env['PATH'] } },
  );
  const [emptyNode = NaN, onNode = NaN, emptyBun = NaN, standalone = NaN] = JSON.parse(stdout) as number[];
  const ratios = { node: onNode / emptyNode, bun: standalone / emptyBun };
  for (const runtime of ['node', 'bun'] as const) {
    const isWithin = ratios[runtime] <= BUDGETS[runtime];
    console.log(
      `CPU time on ${runtime}: ${ratios[runtime].toFixed(1)} of ${String(BUDGETS[runtime])} empty scripts`,
    );
    if (!isWithin) process.exitCode = 1;
  }
} finally {
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true });
}
