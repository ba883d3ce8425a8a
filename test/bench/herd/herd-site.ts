import { startConnectProxy } from '../../support/connect-proxy.ts';
import { liftQuota, setQuota } from '../../support/quota.ts';
import { startServer, type TestServer } from '../../support/server.ts';
import { createWorkspace } from '../../support/workspace.ts';
import { createJob, storeSecrets, type Job } from '../job.ts';

const QUOTA = 'herd';

/** A server in a process of its own, and what its clients need. */
export interface HerdSite {
  readonly server: TestServer;
  readonly job: Job;
  /** A proxy with tunnels, which make clients speak HTTP/1.1. */
  readonly proxy: string;
  /** Does something while so many requests in a second are allowed; undefined: any number. */
  underQuota<T>(rate: number | undefined, work: () => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

export async function openHerdSite(secrets: number): Promise<HerdSite> {
  const server = await startServer({ tls: true });
  const { api, tlsAddress, certificates } = server;
  const workspace = createWorkspace();
  const proxy = await startConnectProxy({ tls: tlsAddress, plain: server.address });
  const credentials = await createJob(server);
  const paths = await storeSecrets(server, secrets);
  // Else nobody knows how many it refuses.
  await api.post('sys/quotas/config', { enable_rate_limit_audit_logging: true });
  return {
    server,
    job: { ...credentials, address: tlsAddress, caFile: certificates.caFile, workspace, paths },
    proxy: `http://${proxy.name}`,
    async underQuota(rate, work) {
      if (rate === undefined) return work();
      await setQuota(api, QUOTA, rate);
      try {
        return await work();
      } finally {
        await liftQuota(api, QUOTA);
      }
    },
    async stop() {
      await proxy.stop();
      workspace.remove();
      await server.stop();
    },
  };
}
