import { createRole, startApp, type TestApp, type TestConfig } from './app.ts';
import type { TestServer } from './server.ts';

/** An engine with two roles: certificates of `web` have no lease, those of `leased` do. */
export async function mountPki({ api }: TestServer): Promise<void> {
  await api.post('sys/mounts/pki', { type: 'pki' });
  await api.post('pki/root/generate/internal', { common_name: 'root', ttl: '24h' });
  const role = { allow_any_name: true, enforce_hostnames: false, key_type: 'ec', max_ttl: '1h' };
  await api.post('pki/roles/web', role);
  await api.post('pki/roles/leased', { ...role, generate_lease: true });
}

/** A policy `leases`, which lets a token renew and revoke them by their ids. */
export async function allowLeases({ api }: TestServer): Promise<void> {
  const policy = ['renew', 'revoke']
    .map((what) => `path "sys/leases/${what}" { capabilities = ["update"] }`)
    .join('\n');
  await api.post('sys/policies/acl/leases', { policy });
}

/** A server with both, and the `auth:` of a role that may log in often and has that policy. */
export async function startLeasedApp(): Promise<{ readonly app: TestApp; readonly auth: TestConfig }> {
  const app = await startApp();
  await mountPki(app.server);
  await allowLeases(app.server);
  const role = { token_policies: ['app', 'leases'], secret_id_num_uses: 0 };
  return { app, auth: await createRole(app.server, 'leased', role) };
}
