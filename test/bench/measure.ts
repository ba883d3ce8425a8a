import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { promisify } from 'node:util';
import type { TestServer } from '../support/server.ts';
import type { Tool } from './job.ts';
import type { SlowLink } from './slow-link.ts';

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

export interface Sample {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly requests: number;
  readonly connections: number;
  /** Of the connections, those that go on with an earlier TLS session. */
  readonly resumptions: number;
}

/** @throws Error when the tool fails */
export async function measure(
  { command, env, output, name }: Tool,
  server: TestServer,
  link: SlowLink,
): Promise<Sample> {
  // Every run writes its files anew.
  if (output !== undefined) rmSync(output, { recursive: true, force: true });
  server.takeAudit();
  await link.takeCounts();
  const { stdout, stderr } = await run('python3', ['-c', MEASURE, ...command], {
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
  const { code, ...cost } = JSON.parse(stdout) as Omit<Sample, 'requests'> & { readonly code: number };
  if (code !== 0) throw new Error(`${name} ended with ${String(code)}: ${stderr.trim().slice(-300)}`);
  return { ...cost, ...(await link.takeCounts()), requests: server.takeAudit().length };
}

export function median(samples: readonly Sample[], field: keyof Sample): number {
  return quantile(samples, field, 0.5);
}

/** @param q in [0, 1] */
export function quantile(samples: readonly Sample[], field: keyof Sample, q: number): number {
  const values = samples.map((sample) => sample[field]).sort((a, b) => a - b);
  return values[Math.round((values.length - 1) * q)] ?? NaN;
}
