import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { createRole, startApp, type TestApp } from '../../support/app.ts';
import { runCli } from '../../support/cli.ts';
import { liftQuota, setQuota } from '../../support/quota.ts';

/** Hundreds at once take their time to start. */
const TIMEOUT_S = 120;
const QUOTA = 'load';

/** What is left after many runs, on the server and here. */
export interface Leftovers {
  readonly tokens: number;
  readonly leases: number;
  /** Temporary files beside the outputs. */
  readonly files: number;
}

export interface ManyRuns {
  /** How often each exit code came, by code. */
  readonly codes: Readonly<Record<string, number>>;
  /** What runs said that did not end with 0. */
  readonly failures: readonly string[];
  readonly retries: number;
  readonly left: Leftovers;
}

/** A server with a quota, and a role for runs that mint leases, give their token back, and all write to one directory. */
export interface LoadSite {
  /** @param atOnce how many run at the same time */
  run(runs: number, atOnce: number): Promise<ManyRuns>;
  stop(): Promise<void>;
}

/** @param rate requests that the server allows in a second */
export async function openLoadSite(rate: number): Promise<LoadSite> {
  const app = await startApp({ tls: true });
  const { api } = app.server;
  await api.post('sys/mounts/pki', { type: 'pki' });
  await api.post('pki/root/generate/internal', { common_name: 'root', ttl: '24h' });
  await api.post('pki/roles/web', {
    allow_any_name: true,
    enforce_hostnames: false,
    key_type: 'ec',
    ttl: '1h',
    generate_lease: true,
  });
  for (let at = 0; at < 5; at += 1) await app.putKv2(`s${String(at)}`, { key: `value ${String(at)}` });
  const auth = await createRole(app.server, 'load', { token_policies: ['app'], secret_id_num_uses: 0 });
  const config = app.config({
    vault: { address: app.server.tlsAddress, tls: { ca_cert: app.server.certificates.caFile } },
    auth,
    secrets: {
      ...Object.fromEntries([0, 1, 2, 3, 4].map((at) => [`s${String(at)}`, `secret/s${String(at)}`])),
      web: { path: 'pki/issue/web', write: { common_name: 'web' } },
    },
    outputs: [
      { path: 'all.txt', contents: '{{s0.key}} {{s1.key}} {{s2.key}} {{s3.key}} {{s4.key}}' },
      { path: 'web.pem', secret: 'web', format: 'pem' },
    ],
    // The lease ends with the token: so nothing may be left at all.
    revoke: 'always',
    timeout: `${String(TIMEOUT_S)}s`,
  });
  return {
    async run(runs, atOnce) {
      await setQuota(api, QUOTA, rate);
      const outcome = await manyRuns(app, config, runs, atOnce);
      // It holds for whoever counts what is left, too.
      await liftQuota(api, QUOTA);
      return { ...outcome, left: await settledLeftovers(app) };
    },
    async stop() {
      await app.stop();
    },
  };
}

async function manyRuns(
  app: TestApp,
  config: string,
  runs: number,
  atOnce: number,
): Promise<Omit<ManyRuns, 'left'>> {
  const codes: Record<string, number> = {};
  const failures: string[] = [];
  let retries = 0;
  let begun = 0;
  await Promise.all(
    Array.from({ length: Math.min(runs, atOnce) }, async (_, lane) => {
      const directory = app.workspace.path('out', String(lane));
      while (begun < runs) {
        begun += 1;
        const args = ['render', '-c', config, '--set', `output.directory=${directory}`];
        const { code, stderr } = await runCli(args, { killAfterMs: 2 * TIMEOUT_S * 1000 });
        codes[String(code)] = (codes[String(code)] ?? 0) + 1;
        retries += stderr.split('"event":"retrying"').length - 1;
        if (code !== 0) failures.push(stderr);
      }
    }),
  );
  return { codes, failures, retries };
}

/** The server revokes the leases of a token in its own time. */
async function settledLeftovers(app: TestApp): Promise<Leftovers> {
  let left = await leftovers(app);
  for (let waitedS = 0; left.leases > 0 && waitedS < TIMEOUT_S; waitedS += 1) {
    await delay(1000);
    left = await leftovers(app);
  }
  return left;
}

async function leftovers({ server, workspace }: TestApp): Promise<Leftovers> {
  const leases = await server.api
    .request('LIST', 'sys/leases/lookup/pki/issue/web')
    .catch((error: unknown) => {
      // A list without entries is not found.
      if (String(error).includes(': 404 ')) return { data: {} };
      throw error;
    });
  const files = readdirSync(workspace.path('out'), { recursive: true, encoding: 'utf8' });
  return {
    tokens: await server.tokensLeft(),
    leases: ((leases.data as { keys?: readonly string[] } | undefined)?.keys ?? []).length,
    files: files.filter((name) => name.includes('.vaultonce-')).length,
  };
}
