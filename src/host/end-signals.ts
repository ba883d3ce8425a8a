import { readFileSync } from 'node:fs';
import { EXIT_CODES, STOPS, type StopSignal } from '../base/errors.ts';

type End = (kind: (typeof STOPS)[StopSignal], signal: StopSignal) => void;

const MAY_BE_IGNORED = ['SIGHUP', 'SIGQUIT'] as const;

/**
 * Handles what ends this process from outside. As PID 1 it would ignore it otherwise. SIGHUP and SIGQUIT stay ignored where
 * they are, as by `nohup`.
 */
export function handleEndSignals(end: End): void {
  const isIgnored = ignoredSignals();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) handle(signal, end);
  for (const signal of MAY_BE_IGNORED) if (!isIgnored(signal)) handle(signal, end);
}

/** In place of what the program does at these signals: a process that stays ends in good order by them, and that is no failure. */
export function onEndSignals(signals: readonly StopSignal[], end: End): void {
  for (const signal of signals) {
    const isIgnored = MAY_BE_IGNORED.some((one) => one === signal) && process.listenerCount(signal) === 0;
    if (isIgnored) continue;
    process.removeAllListeners(signal);
    handle(signal, end);
  }
}

function handle(signal: StopSignal, end: End): void {
  process.on(signal, () => {
    end(STOPS[signal], signal);
  });
}

/** Node resets what it inherits, Bun keeps it. proc_pid_status(5); elsewhere it cannot be told. */
function ignoredSignals(): (signal: (typeof MAY_BE_IGNORED)[number]) => boolean {
  try {
    const [, last = '0'] = /^SigIgn:.*(\w)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
    const mask = Number.parseInt(last, 16);
    return (signal) => (mask & (1 << (EXIT_CODES[STOPS[signal]] - 128 - 1))) !== 0;
  } catch {
    return () => false;
  }
}
