/**
 * What long work calls now and then.
 * @throws RunError when it is to end
 */
export type Pause = () => Promise<void> | undefined;

export const NO_PAUSE: Pause = () => undefined;

/** Does work to its end, with its pauses; most has none. */
export function finish<T>(work: Generator<undefined, T>, pause: Pause): T | Promise<T> {
  const { done, value } = work.next();
  return done === true ? value : resume(work, pause);
}

async function resume<T>(work: Generator<undefined, T>, pause: Pause): Promise<T> {
  for (;;) {
    await pause();
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
