import type { TestServer } from '../support/server.ts';
import type { Workspace } from '../support/workspace.ts';

/** What every tool does: log in with approle if it can, fetch the secrets, write one file for each. */
export interface Job {
  readonly address: string;
  /** Empty: there is no TLS. */
  readonly caFile: string;
  readonly workspace: Workspace;
  readonly roleId: string;
  readonly secretId: string;
  /** For tools that cannot log in. */
  readonly token: string;
  /** Logical paths below `secret/`. */
  readonly paths: readonly string[];
}

export interface Tool {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where its files go; undefined: it has none. */
  readonly output: string | undefined;
}

/** The credentials of a role that may read all secrets. */
export async function createJob({ api }: TestServer): Promise<Pick<Job, 'roleId' | 'secretId' | 'token'>> {
  await api.post('sys/auth/approle', { type: 'approle' });
  await api.post('sys/policies/acl/bench', { policy: 'path "secret/*" { capabilities = ["read", "list"] }' });
  await api.post('auth/approle/role/bench', { token_policies: ['bench'] });
  const { data: role } = await api.get('auth/approle/role/bench/role-id');
  const { data: secret } = await api.post('auth/approle/role/bench/secret-id');
  const token = await api.post('auth/token/create', { policies: ['bench'] });
  return {
    roleId: String(role?.['role_id']),
    secretId: String(secret?.['secret_id']),
    token: token.auth?.client_token ?? '',
  };
}

/** @returns their paths below `secret/` */
export async function storeSecrets({ api }: TestServer, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `bench/s${String(index)}`);
  for (const name of names) await api.post(`secret/data/${name}`, { data: { password: `value of ${name}` } });
  return names;
}
