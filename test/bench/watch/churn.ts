import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { countWrites, untilWritten } from './file-watch.ts';
import type { SidecarSite } from './sidecar-site.ts';
import type { SidecarClient } from './sidecars.ts';

/** What is done although nothing has changed: a certificate of days, and a token of seconds. */
export interface Churn {
  readonly client: string;
  readonly windowS: number;
  readonly logins: number;
  readonly certificates: number;
  /** Of the files of the certificate and of KV, which stays the same. */
  readonly writes: number;
  /** How often somebody was told. */
  readonly told: number;
}

const TOKEN = { token_ttl: '8s', token_max_ttl: '12s' };

export async function measureChurn(
  client: SidecarClient,
  site: SidecarSite,
  intervalS: number,
  windowS: number,
): Promise<Churn> {
  const role = await site.role('churn', TOKEN);
  const certificate = { role: 'web', ttl: '72h' } as const;
  const running = await client.start(site, { name: 'churn', secrets: 1, intervalS, role, certificate });
  try {
    await untilWritten(running, ['0', 'cert.pem']);
    // Who is told of the first files, too, has been by then.
    await delay(1000);
    const toldBefore = running.told();
    using kv = countWrites(join(running.directory, '0'));
    using pem = countWrites(join(running.directory, 'cert.pem'));
    site.server.takeAudit();
    await delay(windowS * 1000);
    const requests = site.server.takeAudit().map(({ operation, path }) => `${operation} ${path}`);
    const count = (request: string): number => requests.filter((one) => one === request).length;
    return {
      client: client.name,
      windowS,
      logins: count('update auth/approle/login'),
      certificates: count('update pki/issue/web'),
      writes: kv.writes + pem.writes,
      told: running.told() - toldBefore,
    };
  } finally {
    await running.stop();
  }
}
