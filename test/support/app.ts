import { dump } from 'js-yaml';
import { killRunning, runCli, startCli, type CliOptions, type CliResult, type RunningCli } from './cli.ts';
import { startServer, type TestServer } from './server.ts';
import { createWorkspace, type Workspace } from './workspace.ts';

/** A config as the tests write it: YAML is made of it. */
export interface TestConfig {
  readonly [key: string]: unknown;
}

/** A server with an approle role that may read what the tests store, and a workspace for configs and outputs. */
export interface TestApp {
  readonly server: TestServer;
  readonly workspace: Workspace;
  /** The `auth:` of a config, with a fresh secret_id. */
  readonly auth: TestConfig;
  putKv2(path: string, data: object): Promise<void>;
  putKv1(path: string, data: object): Promise<void>;
  /** Writes a config with address, auth and output directory filled in, and returns its path. */
  config(config: TestConfig, name?: string): string;
  /** Runs `render` with such a config. */
  render(config: TestConfig, args?: readonly string[], options?: CliOptions): Promise<CliResult>;
  startRender(config: TestConfig, args?: readonly string[], options?: CliOptions): RunningCli;
  stop(): Promise<void>;
}

const POLICY = ['secret/*', 'kv1/*', 'cubbyhole/*', 'pki/*', 'sys/internal/ui/mounts'].map(
  (path) => `path "${path}" { capabilities = ["create", "read", "update", "list"] }`,
);

export async function startApp(options: { readonly tls?: boolean } = {}): Promise<TestApp> {
  const server = await startServer(options);
  const { api } = server;
  const workspace = createWorkspace();
  await api.post('sys/policies/acl/app', { policy: POLICY.join('\n') });
  await api.post('sys/mounts/kv1', { type: 'kv', options: { version: '1' } });
  await api.post('sys/auth/approle', { type: 'approle' });
  const auth = await createRole(server, 'app', { token_policies: ['app'] });
  server.takeAudit();
  const config: TestApp['config'] = (own, name = 'vaultonce.yaml') =>
    workspace.write(
      name,
      dump({
        vault: { address: server.address },
        auth,
        output: { directory: workspace.path('out') },
        ...own,
      }),
    );
  return {
    server,
    workspace,
    auth,
    putKv2: async (path, data) => {
      await api.post(`secret/data/${path}`, { data });
    },
    putKv1: async (path, data) => {
      await api.post(`kv1/${path}`, data);
    },
    config,
    render: (own, args = [], cliOptions = {}) => runCli(['render', '-c', config(own), ...args], cliOptions),
    startRender: (own, args = [], cliOptions = {}) =>
      startCli(['render', '-c', config(own), ...args], cliOptions),
    async stop() {
      killRunning();
      workspace.remove();
      await server.stop();
    },
  };
}

/** Creates an approle role and gives the `auth:` that logs in with it. */
export async function createRole({ api }: TestServer, name: string, role: object): Promise<TestConfig> {
  await api.post(`auth/approle/role/${name}`, role);
  const { data: id } = await api.get(`auth/approle/role/${name}/role-id`);
  const { data: secret } = await api.post(`auth/approle/role/${name}/secret-id`);
  return { method: 'approle', role_id: id?.['role_id'], secret_id: secret?.['secret_id'] };
}

/** What was asked, in order: `read secret/data/app`. */
export function requestsOf(server: TestServer): string[] {
  return server.takeAudit().map(({ operation, path }) => `${operation} ${path}`);
}
