import { setTimeout as delay } from 'node:timers/promises';
import { contentOf, untilWritten, waitUntil } from './file-watch.ts';
import type { SidecarSite } from './sidecar-site.ts';
import type { SidecarClient } from './sidecars.ts';

/** How long it takes until there is a new file, in seconds; undefined: this client cannot do that. */
export interface Changes {
  readonly client: string;
  readonly intervalS: number;
  /** From each change in KV. */
  readonly kvS: readonly number[];
  /** From the revocation of its token, and a change in KV. */
  readonly tokenS: number | undefined;
  /** From the revocation of the lease of a certificate. */
  readonly leaseS: number | undefined;
}

const KV_CHANGES = 5;
/** A token of this life is renewed every 20 s or so. */
const TOKEN_TTL_S = 30;
const CERTIFICATE_TTL_S = 30;
const PATIENCE_MS = 120_000;

export async function measureChanges(
  client: SidecarClient,
  site: SidecarSite,
  intervalS: number,
  random: () => number,
): Promise<Changes> {
  const { server, paths } = site;
  const role = await site.role('changes', { token_ttl: `${String(TOKEN_TTL_S)}s`, token_max_ttl: '1h' });
  const leased = { role: 'leased', ttl: `${String(CERTIFICATE_TTL_S)}s` } as const;
  const certificate = client.logsIn ? { certificate: leased } : {};
  const job = { name: 'changes', secrets: 1, intervalS, role, ...certificate };
  const running = await client.start(site, job);
  const put = (value: string): Promise<unknown> =>
    server.api.post(`secret/data/${paths[0] ?? ''}`, { data: { password: value } });
  /** @returns seconds */
  const took = async (
    what: string,
    change: () => Promise<unknown>,
    holds: () => boolean,
  ): Promise<number> => {
    const startMs = performance.now();
    await change();
    await waitUntil(`${client.name}: ${what}`, holds, PATIENCE_MS);
    return (performance.now() - startMs) / 1000;
  };
  const shows = (value: string) => (): boolean => contentOf(running, '0') === `password=${value}`;
  try {
    await untilWritten(running, client.logsIn ? ['0', 'cert.pem'] : ['0']);
    const kvS: number[] = [];
    for (let turn = 0; turn < KV_CHANGES; turn += 1) {
      await delay(random() * intervalS * 1000);
      const value = `value ${String(turn)}`;
      kvS.push(await took('a change in KV', () => put(value), shows(value)));
    }
    if (!client.logsIn) return { client: client.name, intervalS, kvS, tokenS: undefined, leaseS: undefined };
    const before = contentOf(running, 'cert.pem');
    const revokeLease = (): Promise<unknown> =>
      server.api.post('sys/leases/revoke-prefix/pki/issue/leased', {});
    const isNew = (): boolean => contentOf(running, 'cert.pem') !== before;
    const leaseS = await took('a revoked lease', revokeLease, isNew);
    const revokeToken = async (): Promise<void> => {
      await server.revokeTokens();
      await put('after the token');
    };
    const tokenS = await took('a revoked token', revokeToken, shows('after the token'));
    return { client: client.name, intervalS, kvS, tokenS, leaseS };
  } finally {
    await running.stop();
  }
}
