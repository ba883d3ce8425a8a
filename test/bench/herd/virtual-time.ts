import { createEventQueue } from './event-queue.ts';

/** Begins something, and is to call back with its result, once. */
export type Start<T> = (resume: (value: T) => void) => void;

/** Something that goes on in virtual time. It yields what it waits for. */
export type Process<T> = Generator<Start<unknown>, T, unknown>;

/** A clock that jumps from one event to the next. */
export interface VirtualTime {
  /** Milliseconds. */
  now(): number;
  /** @returns what calls it off */
  after(ms: number, happen: () => void): () => void;
  /** Lets a process go on until it waits, and again whenever that has come. */
  begin<T>(process: Process<T>, done?: (result: T) => void): void;
  /** Until nothing is left to happen, or until then. */
  run(untilMs?: number): void;
}

export function createVirtualTime(): VirtualTime {
  const queue = createEventQueue();
  let nowMs = 0;
  return {
    now: () => nowMs,
    after: (ms, happen) => queue.add(nowMs + ms, happen),
    begin(process, done) {
      const goOn = (value: unknown): void => {
        const waiting = process.next(value);
        if (waiting.done === true) done?.(waiting.value);
        else waiting.value(goOn);
      };
      goOn(undefined);
    },
    run(untilMs = Infinity) {
      for (let event = queue.next(); event !== undefined && event.atMs <= untilMs; event = queue.next()) {
        nowMs = event.atMs;
        event.happen();
      }
    },
  };
}

export function* resultOf<T>(start: Start<T>): Process<T> {
  return (yield start) as T;
}

export function sleep(time: VirtualTime, ms: number): Start<void> {
  return (resume) => {
    if (ms <= 0) resume();
    else time.after(ms, resume);
  };
}

/** All at once. */
export function allOf<T>(time: VirtualTime, processes: readonly Process<T>[]): Start<readonly T[]> {
  return (resume) => {
    const results: T[] = [];
    let open = processes.length;
    if (open === 0) resume(results);
    for (const [index, process] of processes.entries()) {
      time.begin(process, (result) => {
        results[index] = result;
        open -= 1;
        if (open === 0) resume(results);
      });
    }
  };
}

/** @returns undefined: it took longer than this, and goes on without anybody waiting for it */
export function within<T>(time: VirtualTime, limitMs: number, start: Start<T>): Start<T | undefined> {
  return (resume) => {
    let isOpen = true;
    const close = (result: T | undefined): void => {
      if (!isOpen) return;
      isOpen = false;
      callOff();
      resume(result);
    };
    const callOff = time.after(limitMs, () => {
      close(undefined);
    });
    start(close);
  };
}
