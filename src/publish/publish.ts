import { allOrFailures } from '../base/errors.ts';
import type { Scope } from '../host/scope.ts';
import type { PlacedOutput, WritableOutput } from '../plan/outputs.ts';
import type { Change, Destination, StagedOutputs } from './destination.ts';

/**
 * Has each destination check its outputs.
 * @throws RunError with the problems of all
 */
export async function checkDestinations(
  outputs: readonly PlacedOutput[],
  destinations: readonly Destination[],
): Promise<void> {
  const parts = [...divide(outputs, (output) => output, destinations)];
  await allOrFailures(parts.map(async ([destination, own]) => destination.check(own)));
}

/**
 * Makes all outputs visible, or none: everything is staged before anything is committed, and destinations that cannot
 * undo are committed first.
 * @param ready must resolve before anything becomes visible; outputs are staged meanwhile
 * @param note is called for every change as soon as it is made
 * @throws RunError `output`, `unavailable`, and the reason of a run that was ended
 */
export async function publish(
  outputs: readonly WritableOutput[],
  destinations: readonly Destination[],
  { ready, note }: { readonly ready: Promise<void>; readonly note: (change: Change) => void },
  scope: Scope,
): Promise<void> {
  scope.log.progress('writing');
  const staged: { readonly outputs: StagedOutputs; readonly undoable: boolean }[] = [];
  try {
    for (const [destination, own] of divide(outputs, ({ plan }) => plan, destinations)) {
      staged.push({ outputs: await destination.stage(own), undoable: destination.undoable });
    }
    await ready;
    scope.throwIfEnded();
    const undoableLast = staged.toSorted((a, b) => Number(a.undoable) - Number(b.undoable));
    // From here on only requests can be interrupted.
    for (const one of undoableLast) await one.outputs.commit(note);
  } finally {
    for (const one of staged) one.outputs.discard();
  }
}

/** Each destination with the outputs that it takes. */
function divide<T>(
  outputs: readonly T[],
  placeOf: (output: T) => PlacedOutput,
  destinations: readonly Destination[],
): ReadonlyMap<Destination, readonly T[]> {
  const parts = new Map<Destination, T[]>(destinations.map((destination) => [destination, []]));
  for (const output of outputs) {
    const taker = destinations.find((destination) => destination.takes(placeOf(output)));
    if (taker !== undefined) parts.get(taker)?.push(output);
  }
  return parts;
}
