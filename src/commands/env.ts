import { RunError, throwIfAny } from '../errors.ts';
import type { Flags } from '../config/settings.ts';
import { nearestHint } from '../config/nearest.ts';
import { defaultHandover, detectSystem, HANDOVERS, maskInJob } from '../handover/index.ts';
import type { Handover } from '../handover/handover.ts';
import { hijackingNames } from '../handover/names.ts';
import type { Io } from '../io.ts';
import { perform } from './perform.ts';
import { textsOf, variablesOf, variablesOfFlags } from './variables.ts';

export interface EnvOptions {
  readonly format?: string;
  readonly env?: readonly string[];
  readonly force?: true;
}

/**
 * `vaultonce env`: prints the variables, or hands them to the CI system it runs in. Masks come first, whatever the format.
 * @throws RunError
 */
export async function env(options: EnvOptions, flags: Flags, io: Io): Promise<void> {
  const handover =
    options.format === undefined ? defaultHandover(detectSystem(io.env)) : handoverOf(options.format);
  const named = variablesOfFlags(options.env ?? []);
  await perform(
    flags,
    {
      printsValues: true,
      configOptional: named.length > 0,
      scope: (config) => {
        const values = variablesOf(config, named);
        handover.check?.(io);
        if (handover.setsJobVariables && options.force !== true) {
          throwIfAny(hijackingNames(values.map(({ name }) => name)));
        }
        return { secrets: 'needed', outputs: [], values };
      },
      deliver: (values) => {
        const variables = textsOf(values);
        maskInJob(variables, io);
        handover.deliver(variables, io);
      },
    },
    io,
  );
}

/** @throws RunError `usage` */
function handoverOf(name: string): Handover {
  const found = Object.values<Handover>(HANDOVERS).find((handover) => handover.name === name);
  if (found !== undefined) return found;
  throw new RunError('usage', `--format has no value \`${name}\``, {
    hint: nearestHint(name, Object.keys(HANDOVERS), 'format'),
  });
}
