import type { Program } from '../deliver/exec/find-program.ts';
import type { RenderedVariable } from '../render/render-variables.ts';

/** The command of `watch -- COMMAND`, as it is to be started. */
export interface Application {
  readonly program: Program;
  /** It says itself that it is ready: sd_notify(3). */
  readonly notifies: boolean;
  /** @throws RunError `output` for values that no variable can hold */
  start(values: readonly RenderedVariable[]): Promise<Start>;
}

export interface Start {
  readonly env: Readonly<Record<string, string>>;
  /** What to black out in its output; undefined: it has the streams of this process. */
  readonly masks: readonly string[] | undefined;
}
