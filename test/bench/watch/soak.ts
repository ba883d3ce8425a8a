import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from './file-watch.ts';
import { descriptorsOf, memoryOf, threadsOf } from './process-facts.ts';
import { startRelay, type Relay } from './relay.ts';
import { openSidecarSite, type Role, type SidecarSite } from './sidecar-site.ts';

/** What is counted every second or so. */
export interface SoakSample {
  readonly atS: number;
  readonly rssMb: number;
  readonly anonymousMb: number;
  readonly descriptors: number;
  readonly threads: number;
  /** At the server. */
  readonly tokens: number;
  readonly leases: number;
  /** Files and directories of the output directory, hidden ones included. */
  readonly files: number;
  /** Processes that it has started. */
  readonly children: number;
}

export interface SoakOutcome {
  readonly samples: readonly SoakSample[];
  /** By its name, how often something was logged. */
  readonly events: ReadonlyMap<string, number>;
  /** Lines of stderr that are no log. */
  readonly strange: readonly string[];
  /** By the metrics: logins, restarts and so on. */
  readonly metrics: ReadonlyMap<string, number>;
  readonly exitCode: number | null;
  /** After its end. */
  readonly tokensLeft: number;
  readonly leasesLeft: number;
}

export interface SoakSettings {
  /** What starts vaultonce. */
  readonly start: readonly string[];
  readonly seconds: number;
}

const TOKEN = { token_ttl: '4s', token_max_ttl: '10s' };
const SAMPLE_EVERY_MS = 1000;
/** In seconds: how often something happens. */
const EVERY = { change: 2, reload: 3, refusedReload: 11, revokedToken: 17, outage: 13 };
const OUTAGE_MS = 2500;
/** What was lost in an outage lives as long as a token. */
const LEASES_END_WITHIN_MS = 15_000;
const KV = 5;

/**
 * A day of renewals in minutes: tokens, leases and certificates of seconds, changes in KV, reloads that are taken and refused, tokens that
 * are revoked, outages, and a command that is restarted.
 */
export async function soak({ start, seconds }: SoakSettings): Promise<SoakOutcome> {
  const site = await openSidecarSite(KV);
  const relay = await startRelay(site.server.tlsAddress);
  const place: Place = { site, relay, role: await site.role('soak', TOKEN) };
  writeConfig(place, 0);
  // One is for clients that do not log in.
  await site.server.revokeTokens();
  const [program = '', ...args] = start;
  const command = ['sh', '-c', 'trap "exit 0" TERM; trap : HUP; while :; do sleep 0.2; done'];
  const watched = ['watch', '-c', site.workspace.path('soak.yaml'), '--', ...command];
  const child = spawn(program, [...args, ...watched], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: '/nonexistent' },
  });
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  const { events, strange, runsForMs } = follow(child);
  const exit = once(child, 'exit');
  try {
    await waitUntil(`the start: ${strange.join('\n')}`, () => events.has('command_started'), 30_000);
    const { samples, metrics } = await live(child, place, seconds, runsForMs);
    await isCalm(runsForMs);
    child.kill('SIGTERM');
    const [exitCode] = (await exit) as [number | null];
    const left = await leftAtLast(site);
    return { samples, events, strange, metrics, exitCode, tokensLeft: left.tokens, leasesLeft: left.leases };
  } finally {
    process.off('exit', kill);
    kill();
    await relay.stop();
    await site.stop();
  }
}

interface Place {
  readonly site: SidecarSite;
  readonly relay: Relay;
  readonly role: Role;
}

/** @param turn every second has a secret with a lease, and a file, that others do not have */
function writeConfig({ site, relay, role }: Place, turn: number): void {
  const { server, workspace, paths } = site;
  const issue = (name: string, ttl: string): object => ({
    path: `pki/issue/${name}`,
    write: { common_name: 'web', ttl },
  });
  const isMore = turn % 2 === 1;
  const more = isMore ? { more: issue('leased', '1h') } : {};
  const config = {
    vault: { address: relay.address, tls: { ca_cert: server.certificates.caFile } },
    auth: { method: 'approle', role_id: role.roleId, secret_id: role.secretId },
    timeout: '2s',
    secrets: {
      ...Object.fromEntries(paths.map((path, index) => [`s${String(index)}`, `secret/${path}`])),
      cert: issue('web', '8s'),
      leased: issue('leased', '9s'),
      ...more,
    },
    outputs: [
      ...paths.map((_, index) => ({
        path: `${String(index)}.txt`,
        contents: `{{s${String(index)}.password}}`,
      })),
      ...['cert', 'leased', ...Object.keys(more)].map((secret) => ({
        path: `${secret}.pem`,
        secret,
        format: 'pem',
      })),
    ],
    environment: { PASSWORD: 's0#password' },
    output: { directory: workspace.path('out'), prune: true },
    watch: {
      refresh: '1s',
      settle: '1s',
      on_change: ['restart', { run: ['true'] }],
      health: { address: `unix://${workspace.path('health.sock')}` },
    },
  };
  workspace.write('soak.yaml', JSON.stringify(config));
}

/**
 * Waits until the command may have a signal: one that has just begun has no trap yet, and none is begun within `settle` of the last
 * one. @returns whether it is so
 */
async function isCalm(runsForMs: () => number): Promise<boolean> {
  for (let looks = 0; looks < 500; looks += 1) {
    if (runsForMs() > 200 && runsForMs() < 800) return true;
    await delay(10);
  }
  return false;
}

/** What is done every so many seconds, in turns. */
async function live(
  child: ChildProcess,
  place: Place,
  seconds: number,
  runsForMs: () => number,
): Promise<Pick<SoakOutcome, 'samples' | 'metrics'>> {
  const { site, relay } = place;
  const { server, workspace, paths } = site;
  const samples: SoakSample[] = [];
  let turn = 0;
  const hangUp = async (): Promise<void> => {
    if (await isCalm(runsForMs)) child.kill('SIGHUP');
  };
  const deeds: readonly (readonly [everyS: number, () => unknown])[] = [
    [
      EVERY.change,
      () =>
        server.api.post(`secret/data/${paths[turn % KV] ?? ''}`, {
          data: { password: `turn ${String((turn += 1))}` },
        }),
    ],
    [
      EVERY.reload,
      () => {
        writeConfig(place, (turn += 1));
        return hangUp();
      },
    ],
    [
      EVERY.refusedReload,
      () => {
        workspace.write('soak.yaml', 'secrets: [');
        return hangUp();
      },
    ],
    [EVERY.revokedToken, () => server.revokeTokens()],
    [
      EVERY.outage,
      () => {
        relay.cut();
        setTimeout(() => {
          relay.mend();
        }, OUTAGE_MS);
      },
    ],
  ];
  const startMs = performance.now();
  const nextS = deeds.map(([everyS]) => everyS);
  const nowS = (): number => (performance.now() - startMs) / 1000;
  // What a deed needs of the time is not what the next one waits for.
  while (nowS() < seconds && child.exitCode === null) {
    samples.push(await sampleOf(child.pid ?? 0, site, nowS()));
    for (const [index, [everyS, act]] of deeds.entries()) {
      if ((nextS[index] ?? 0) > nowS()) continue;
      nextS[index] = nowS() + everyS;
      // A token may end while it is revoked.
      await Promise.resolve(act()).catch(() => undefined);
    }
    await delay(SAMPLE_EVERY_MS);
  }
  relay.mend();
  const metrics = child.exitCode === null ? await metricsOf(workspace.path('health.sock')) : new Map();
  return { samples, metrics };
}

async function sampleOf(pid: number, site: SidecarSite, atS: number): Promise<SoakSample> {
  const { rssMb, anonymousMb } = memoryOf(pid);
  const out = site.workspace.list('out');
  return {
    atS,
    rssMb,
    anonymousMb,
    descriptors: descriptorsOf(pid),
    threads: threadsOf(pid),
    files: out.length,
    children: childrenOf(pid),
    ...(await leftAt(site)),
  };
}

async function leftAt({ server }: SidecarSite): Promise<Pick<SoakSample, 'tokens' | 'leases'>> {
  const { data } = await server.api
    .request('LIST', 'sys/leases/lookup/pki/issue/leased')
    .catch(() => ({ data: {} }));
  const { keys = [] } = data as { readonly keys?: readonly string[] };
  return { tokens: await server.tokensLeft(), leases: keys.length };
}

/** A server revokes the leases of a token after it has answered. */
async function leftAtLast(site: SidecarSite): Promise<Pick<SoakSample, 'tokens' | 'leases'>> {
  for (const endMs = performance.now() + LEASES_END_WITHIN_MS; ;) {
    const left = await leftAt(site);
    if (left.tokens + left.leases === 0 || performance.now() > endMs) return left;
    await delay(200);
  }
}

/** proc_pid_task(5) */
function childrenOf(pid: number): number {
  const text = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8');
  return text.split(' ').filter((one) => one !== '').length;
}

/** Those without labels. */
async function metricsOf(socketPath: string): Promise<ReadonlyMap<string, number>> {
  const asked = request({ socketPath, path: '/metrics' }).end();
  const [response] = (await once(asked, 'response')) as [Readable];
  const lines = (await text(response)).split('\n');
  return new Map(
    lines.flatMap((line) => {
      const [, name, value] = /^vaultonce_(\w+) (\d+)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, Number(value)]];
    }),
  );
}

function follow(child: ChildProcess): {
  events: Map<string, number>;
  strange: string[];
  /** How long the command has run. */
  runsForMs: () => number;
} {
  let startedMs = NaN;
  const events = new Map<string, number>();
  const strange: string[] = [];
  let rest = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = /^\{.*"event":"(\w+)"/.exec(line)?.[1];
      if (event === undefined || event === 'failed') strange.push(line);
      if (event === 'command_started') startedMs = performance.now();
      if (event !== undefined) events.set(event, (events.get(event) ?? 0) + 1);
    }
  });
  return { events, strange, runsForMs: () => performance.now() - startedMs };
}
