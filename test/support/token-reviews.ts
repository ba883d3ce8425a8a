import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestApp } from './app.ts';
import { findServer } from './binary.ts';
import { starter } from './cli.ts';
import { signJwt, soon } from './jwt.ts';

const SCRIPT = join(import.meta.dirname, '../../examples/kubernetes/server-setup.sh');

/** The API of a cluster, which says of each token of a service account that it is good. */
export interface TokenReviews {
  readonly address: string;
  stop(): void;
}

export async function startTokenReviews(): Promise<TokenReviews> {
  const cluster = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      const { spec } = JSON.parse(body) as { spec: { token: string } };
      const { sub } = JSON.parse(atob(spec.token.split('.')[1] ?? '')) as { sub: string };
      const user = { username: sub, uid: 'u1', groups: [] };
      const status = { authenticated: true, audiences: ['vault'], user };
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', status }));
    });
  });
  await new Promise<void>((resolve) => cluster.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${String((cluster.address() as AddressInfo).port)}`,
    stop() {
      cluster.closeAllConnections();
      cluster.close();
    },
  };
}

/** The token of a service account in a pod. */
export function serviceAccountToken(account: string, audience: string): string {
  return signJwt({
    iss: 'https://kubernetes.default.svc',
    aud: [audience],
    sub: `system:serviceaccount:default:${account}`,
    exp: soon(),
    iat: soon() - 700,
    'kubernetes.io': { namespace: 'default', serviceaccount: { name: account, uid: 'u1' } },
  });
}

/** Runs the script that sets up the server: the auth mount, the policy that a config needs, and a role. */
export async function setUpServer(
  { server, workspace }: TestApp,
  { address }: TokenReviews,
  config: string,
  role: string,
): Promise<void> {
  const { path, product } = await findServer();
  const cli = product === 'OpenBao' ? 'bao' : 'vault';
  starter(workspace);
  rmSync(workspace.path('bin', cli), { force: true });
  symlinkSync(path, workspace.path('bin', cli));
  mkdirSync(workspace.path('home'), { recursive: true });
  const { status, stderr } = spawnSync('sh', [SCRIPT], {
    env: {
      PATH: `${workspace.path('bin')}:${process.env['PATH'] ?? ''}`,
      HOME: workspace.path('home'),
      VAULT_ADDR: server.address,
      VAULT_TOKEN: server.rootToken,
      CLI: cli,
      CONFIG: config,
      ROLE: role,
      KUBERNETES_HOST: address,
      KUBERNETES_CA: server.certificates.caFile,
    },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
}
