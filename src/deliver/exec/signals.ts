/** A terminal sends these to all of its processes itself. */
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT', 'SIGWINCH'] as const;

/** What a command gets that has this process in front of it. */
export const FORWARDED = [
  ...(['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGCONT'] as const),
  ...FROM_TERMINAL,
] as const;

export type ForwardedSignal = (typeof FORWARDED)[number];

/**
 * Handles signals to this process by passing them on, in the place of whoever has handled them before.
 * @param forward is told of each, and passes it on unless the terminal has done so
 */
export function onSignals(
  signals: readonly ForwardedSignal[],
  forward: (signal: ForwardedSignal, isSent: boolean) => void,
): void {
  for (const signal of signals) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      forward(signal, process.stdin.isTTY && FROM_TERMINAL.some((one) => one === signal));
    });
  }
}
