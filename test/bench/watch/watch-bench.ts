import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { findServer } from '../../support/binary.ts';
import { seededRandom } from '../herd/random.ts';
import { describeMachine } from '../results.ts';
import { measureChanges, type Changes } from './changes.ts';
import { measureChurn, type Churn } from './churn.ts';
import { openSidecarSite, type SidecarSite } from './sidecar-site.ts';
import { CLIENTS, type SidecarClient } from './sidecars.ts';
import { soakAll } from './soak-report.ts';
import { measureSteady, type Steady } from './steady.ts';
import { reportOf, type WatchResults } from './watch-report.ts';

/**
 * What `vaultonce watch` costs beside the agent: memory, CPU time and requests in the long run, the time until a change has arrived, and
 * what is done for nothing. With `--soak`, instead: whether anything grows.
 */

const { values: flags } = parseArgs({
  options: {
    /** Of `node`, `standalone`, `agent` and `consul-template`. */
    clients: { type: 'string' },
    secrets: { type: 'string', default: '1,10,100' },
    /** Seconds between two reads of KV. */
    interval: { type: 'string', default: '5' },
    /** Seconds of each measurement. */
    window: { type: 'string', default: '45' },
    /** `10m`, `90s`: for so long, on each runtime. */
    soak: { type: 'string' },
    out: { type: 'string', default: join(import.meta.dirname, '../../../dist/bench') },
  },
});

// Each server and each sidecar ends with this process.
process.setMaxListeners(0);

/** V8 collects once more some 8 s after it was busy. */
const SETTLE_S = 12;

type Step<T> = (client: SidecarClient, site: SidecarSite) => Promise<T>;

/** All at once, each with a server of its own: what they cost is counted for each process. */
async function withSites<T>(clients: readonly SidecarClient[], secrets: number, step: Step<T>): Promise<T[]> {
  const sites: SidecarSite[] = [];
  try {
    for (let count = 0; count < clients.length; count += 1) sites.push(await openSidecarSite(secrets));
    return await Promise.all(clients.map((client, index) => step(client, sites[index]!)));
  } finally {
    await Promise.all(sites.map((site) => site.stop()));
  }
}

async function clientsNamed(names: readonly string[]): Promise<SidecarClient[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const prepare = CLIENTS[name];
      if (prepare === undefined) throw new Error(`--clients: of ${Object.keys(CLIENTS).join(', ')}`);
      const client = await prepare();
      if (client === undefined) console.log(`${name} is not on PATH, and left out`);
      return client === undefined ? [] : [client];
    }),
  );
  return found.flat();
}

async function bench(): Promise<WatchResults> {
  const clients = await clientsNamed(flags.clients?.split(',') ?? Object.keys(CLIENTS));
  const intervalS = Number(flags.interval);
  const windowS = Number(flags.window);
  const steady: Steady[] = [];
  for (const secrets of flags.secrets.split(',').map(Number)) {
    console.log(`${String(secrets)} secrets, ${String(windowS)} s`);
    const settings = { intervalS, windowS, settleS: SETTLE_S };
    steady.push(
      ...(await withSites(clients, secrets, (client, site) =>
        measureSteady(client, site, secrets, settings),
      )),
    );
  }
  console.log('changes in KV, a revoked lease, a revoked token');
  const random = seededRandom(1);
  const changes: Changes[] = await withSites(clients, 1, (client, site) =>
    measureChanges(client, site, intervalS, random),
  );
  console.log('what is done for nothing');
  const loggingIn = clients.filter(({ logsIn }) => logsIn);
  const churn: Churn[] = await withSites(loggingIn, 1, (client, site) =>
    measureChurn(client, site, intervalS, windowS),
  );
  const machine = describeMachine((await findServer()).path);
  return { date: new Date().toISOString(), machine, steady, changes, churn };
}

/** More digits would say nothing. */
function toThousandths(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;
}

if (flags.soak === undefined) {
  const results = await bench();
  console.log(reportOf(results));
  mkdirSync(flags.out, { recursive: true });
  writeFileSync(join(flags.out, 'watch.json'), `${JSON.stringify(results, toThousandths, 1)}\n`);
  console.log(`\nwatch.json is in ${relative(process.cwd(), flags.out)}/`);
} else {
  process.exitCode = (await soakAll(flags.soak, flags.clients?.split(',') ?? ['node', 'standalone'])) ? 0 : 1;
}
