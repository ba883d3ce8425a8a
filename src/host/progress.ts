import type { Ora } from 'ora';

/** A spinner on a terminal. */
export interface Progress {
  show(activity: string): void;
  /** Writes something else to the terminal without tearing the spinner's line. */
  interrupt(write: () => void): void;
  stop(): void;
}

/** The spinner is loaded on first use: a run without a terminal never pays for it. */
export function createProgress(openStream: () => NodeJS.WriteStream, colours: boolean): Progress {
  let spinner: Ora | undefined;
  let latest = '';
  let stopped = false;
  const load = async (): Promise<void> => {
    const { default: ora } = await import('ora');
    const stream = withColumns(openStream());
    // discardStdin would put the terminal into raw mode and swallow Ctrl-C, which must reach our handler.
    if (!stopped)
      spinner = ora({
        text: latest,
        color: colours ? 'cyan' : false,
        stream,
        discardStdin: false,
        hideCursor: false,
      }).start();
  };
  let loading: Promise<void> | undefined;
  return {
    show(activity) {
      latest = activity;
      loading ??= load();
      if (spinner !== undefined) spinner.text = activity;
    },
    interrupt(write) {
      spinner?.clear();
      write();
      if (!stopped) spinner?.render();
    },
    stop() {
      stopped = true;
      spinner?.stop();
      spinner = undefined;
    },
  };
}

/** A terminal that does not know its width reports 0, from which the spinner would compute infinitely many lines. */
function withColumns(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return Object.create(stream, { columns: { get: () => stream.columns || 80 } }) as NodeJS.WriteStream;
}
