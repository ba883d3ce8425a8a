import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { promisify } from 'node:util';
import { alignColumns } from '../../src/commands/table.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';
import { prepareTools, type Job, type Tool } from './tools.ts';

/**
 * Runs every tool on the same job, in turns, against a real server on loopback, and prints the medians side by side.
 * Compare within one run only: absolute times say more about the machine.
 */

const SIZES = [1, 10, 100];
const ROUNDS = Number(process.argv[2] ?? 15);
const run = promisify(execFile);

/** Runs a command and says what it cost; only wait4(2) knows CPU time and memory of a child. */
const MEASURE = `
import os, sys, time, json
start = time.perf_counter()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - start
print(json.dumps({"code": os.waitstatus_to_exitcode(status), "wallMs": wall * 1000, "cpuMs": (usage.ru_utime + usage.ru_stime) * 1000, "rssMb": usage.ru_maxrss / 1024}))
`;

interface Sample {
  readonly code: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly requests: number;
  readonly connections: number;
}

async function measure({ command, env, output, name }: Tool, server: TestServer): Promise<Sample> {
  // Every run writes its files anew.
  if (output !== undefined) rmSync(output, { recursive: true, force: true });
  server.takeAudit();
  const { stdout } = await run('python3', ['-c', MEASURE, ...command], {
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
  });
  const sample = JSON.parse(stdout) as Sample;
  if (sample.code !== 0) throw new Error(`${name} ended with ${String(sample.code)}`);
  const audit = server.takeAudit();
  return {
    ...sample,
    requests: audit.length,
    connections: new Set(audit.map(({ remotePort }) => remotePort)).size,
  };
}

function median(samples: readonly Sample[], field: keyof Sample): number {
  const values = samples.map((sample) => sample[field]).sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? NaN;
}

async function createJob(server: TestServer, workspace: Workspace): Promise<Omit<Job, 'paths'>> {
  const { api } = server;
  await api.post('sys/auth/approle', { type: 'approle' });
  await api.post('sys/policies/acl/bench', { policy: 'path "secret/*" { capabilities = ["read", "list"] }' });
  await api.post('auth/approle/role/bench', { token_policies: ['bench'] });
  const { data: role } = await api.get('auth/approle/role/bench/role-id');
  const { data: secret } = await api.post('auth/approle/role/bench/secret-id');
  const token = await api.post('auth/token/create', { policies: ['bench'] });
  return {
    server,
    workspace,
    roleId: String(role?.['role_id']),
    secretId: String(secret?.['secret_id']),
    token: token.auth?.client_token ?? '',
  };
}

async function compare(job: Job): Promise<void> {
  const tools = await prepareTools(job);
  const samples = new Map<string, Sample[]>(tools.map(({ name }) => [name, []]));
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const tool of tools) {
      const sample = await measure(tool, job.server);
      // The first round warms the page cache.
      if (round > 0) samples.get(tool.name)?.push(sample);
    }
  }
  const floorMs = median(samples.get('empty script') ?? [], 'wallMs');
  const oursMs = median(samples.get('vaultonce') ?? [], 'wallMs');
  const rows = [...samples].map(([name, all]) => {
    const wallMs = median(all, 'wallMs');
    const numbers = [wallMs, median(all, 'cpuMs'), median(all, 'rssMb')].map((value) => value.toFixed(0));
    const counts = [median(all, 'requests'), median(all, 'connections')].map(String);
    return [
      name,
      ...numbers,
      ...counts,
      `${(wallMs / oursMs).toFixed(2)}x`,
      `+${(wallMs - floorMs).toFixed(0)} ms`,
    ];
  });
  const header = [
    '',
    'wall ms',
    'CPU ms',
    'RSS MB',
    'requests',
    'connections',
    'to vaultonce',
    'over empty script',
  ];
  console.log(`\n${String(job.paths.length)} secrets, median of ${String(ROUNDS)} interleaved runs`);
  console.log(alignColumns(header, rows).join('\n'));
}

const server = await startServer();
const workspace = createWorkspace();
try {
  console.log(`Node ${process.versions.node}, ${String(cpus().length)} CPUs, plain HTTP on loopback`);
  const job = await createJob(server, workspace);
  const names = Array.from({ length: Math.max(...SIZES) }, (_, index) => `bench/s${String(index)}`);
  for (const name of names)
    await server.api.post(`secret/data/${name}`, { data: { password: `value of ${name}` } });
  for (const size of SIZES) await compare({ ...job, paths: names.slice(0, size) });
} finally {
  workspace.remove();
  await server.stop();
}
