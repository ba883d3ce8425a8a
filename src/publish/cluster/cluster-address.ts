import type { Scope } from '../../host/scope.ts';

/** Where a pod has its own service account: its token, the CA of the cluster, and its namespace. */
export const DEFAULT_SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/#directly-accessing-the-rest-api
 * @returns undefined outside of a cluster
 */
export function clusterAddress(env: Scope['env']): string | undefined {
  const host = env['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '';
  if (host === '' || port === '') return undefined;
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
