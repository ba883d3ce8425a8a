import { startServer, type TestServer } from '../../support/server.ts';
import { createWorkspace, type Workspace } from '../../support/workspace.ts';
import { createJob, storeSecrets } from '../job.ts';

/** A server of one sidecar's own, so that its audit log has the requests of nobody else. */
export interface SidecarSite {
  readonly server: TestServer;
  readonly workspace: Workspace;
  readonly paths: readonly string[];
  /** For clients that do not log in. */
  readonly token: string;
  /** A role for approle. */
  role(name: string, limits?: object): Promise<Role>;
  stop(): Promise<void>;
}

export interface Role {
  readonly roleId: string;
  readonly secretId: string;
}

const POLICY = `
path "secret/*" { capabilities = ["read", "list"] }
path "pki/issue/*" { capabilities = ["create", "update"] }
path "sys/leases/renew" { capabilities = ["update"] }
path "sys/leases/revoke" { capabilities = ["update"] }
`;

export async function openSidecarSite(secrets: number): Promise<SidecarSite> {
  const server = await startServer({ tls: true });
  const { api } = server;
  const workspace = createWorkspace();
  const { token } = await createJob(server);
  await api.post('sys/policies/acl/sidecar', { policy: POLICY });
  await api.post('sys/mounts/pki', { type: 'pki' });
  await api.post('pki/root/generate/internal', { common_name: 'root', ttl: '240h' });
  const certificates = { allow_any_name: true, enforce_hostnames: false, key_type: 'ec', max_ttl: '100h' };
  await api.post('pki/roles/web', certificates);
  await api.post('pki/roles/leased', { ...certificates, generate_lease: true });
  const paths = await storeSecrets(server, secrets);
  return {
    server,
    workspace,
    paths,
    token,
    async role(name, limits = {}) {
      await api.post(`auth/approle/role/${name}`, { token_policies: ['sidecar'], ...limits });
      const { data: role } = await api.get(`auth/approle/role/${name}/role-id`);
      const { data: secret } = await api.post(`auth/approle/role/${name}/secret-id`);
      return { roleId: String(role?.['role_id']), secretId: String(secret?.['secret_id']) };
    },
    async stop() {
      workspace.remove();
      await server.stop();
    },
  };
}
