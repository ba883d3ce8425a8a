const KINDS = { SIGTERM: 'terminated', SIGINT: 'interrupted' } as const;

type EndSignal = keyof typeof KINDS;

/** In place of what the program does at these signals: a process that stays ends in good order by them, and that is no failure. */
export function onEndSignals(end: (kind: (typeof KINDS)[EndSignal], signal: EndSignal) => void): void {
  for (const signal of Object.keys(KINDS) as EndSignal[]) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      end(KINDS[signal], signal);
    });
  }
}
