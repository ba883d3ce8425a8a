import type { Log } from '../host/log.ts';
import { asRunError } from '../host/unexpected.ts';
import type { RenderedVariable } from '../render/render-variables.ts';
import type { Application, Start } from './application.ts';
import { sayingOf } from './stock.ts';

/** What the command is started with: the last variables that it can have. */
export interface CommandVariables {
  readonly start: Start;
  /** @returns whether it can have these; why not is logged, unless it was before */
  take(values: readonly RenderedVariable[]): Promise<boolean>;
  /** Resolves once it can have those that were taken last. */
  readonly taken: Promise<void>;
}

/** @throws RunError `output` for values that no variable can hold */
export async function createCommandVariables(
  application: Application | undefined,
  values: readonly RenderedVariable[],
  log: Pick<Log, 'write'>,
): Promise<CommandVariables> {
  let start: Start = (await application?.start(values)) ?? { env: {}, masks: undefined };
  let refusal: (PromiseWithResolvers<undefined> & { readonly saying: string }) | undefined;
  return {
    get start() {
      return start;
    },
    get taken() {
      return refusal?.promise ?? Promise.resolve();
    },
    async take(others) {
      try {
        start = (await application?.start(others)) ?? start;
      } catch (error) {
        const { failures } = asRunError(error);
        const saying = failures.map(sayingOf).join('; ');
        if (saying !== refusal?.saying)
          for (const failure of failures) log.write({ event: 'variables_refused', ...failure });
        refusal = { ...(refusal ?? Promise.withResolvers<undefined>()), saying };
        return false;
      }
      refusal?.resolve(undefined);
      refusal = undefined;
      return true;
    },
  };
}
