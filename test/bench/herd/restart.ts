const FIRST_MS = 10_000;
const MOST_MS = 300_000;

/**
 * How long the kubelet waits until it starts a failed container again: it does so at once after the first failure, then after 10 s, doubled up to
 * 5 minutes. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy
 * @param failures so far, from 1
 */
export function restartDelayMs(failures: number): number {
  return failures === 1 ? 0 : Math.min(MOST_MS, FIRST_MS * 2 ** (failures - 2));
}
