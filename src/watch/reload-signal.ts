/** SIGHUP, which means to read the config again. */
export interface ReloadSignal {
  /** Calls this for each; at once if one has come before. */
  hear(reload: () => void): void;
}

/** Handles it from now on, in place of whoever has done so: one that comes during the first run counts after it. */
export function createReloadSignal(): ReloadSignal {
  let hasCome = false;
  const remember = (): void => {
    hasCome = true;
  };
  process.removeAllListeners('SIGHUP');
  process.on('SIGHUP', remember);
  return {
    hear(reload) {
      process.off('SIGHUP', remember);
      process.on('SIGHUP', reload);
      if (hasCome) reload();
    },
  };
}
