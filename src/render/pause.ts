/**
 * What long work calls now and then.
 * @throws RunError when it is to end
 */
export type Pause = () => Promise<void> | undefined;

export const NO_PAUSE: Pause = () => undefined;

/** Does work to its end, with its pauses. */
export async function finish<T>(work: Generator<undefined, T>, pause: Pause): Promise<T> {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    await pause();
  }
}
