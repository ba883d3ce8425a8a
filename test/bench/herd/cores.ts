import type { Start, VirtualTime } from './virtual-time.ts';

/** How long a core stays with one piece of work while others wait: Go preempts after as long. */
const SLICE_MS = 10;

/** Processor cores, which serve in the order of arrival. */
export interface Cores {
  /** Takes a core for so long, in turns with others. */
  work(cpuMs: number): Start<void>;
  /** The work done so far, over all cores, in CPU milliseconds. */
  doneMs(): number;
}

interface Piece {
  leftMs: number;
  readonly end: () => void;
}

/** @param speed the part of each core that other programs leave */
export function createCores(time: VirtualTime, count: number, speed = 1): Cores {
  let waiting: Piece[] = [];
  let first = 0;
  let idle = count;
  let doneMs = 0;

  const take = (): Piece | undefined => {
    const piece = waiting[first];
    first += 1;
    if (first >= waiting.length) {
      waiting = [];
      first = 0;
    }
    return piece;
  };
  const serve = (piece: Piece): void => {
    const sliceMs = Math.min(SLICE_MS, piece.leftMs);
    time.after(sliceMs / speed, () => {
      doneMs += sliceMs;
      piece.leftMs -= sliceMs;
      if (piece.leftMs > 0) waiting.push(piece);
      const next = take();
      if (next === undefined) idle += 1;
      else serve(next);
      if (piece.leftMs <= 0) piece.end();
    });
  };
  return {
    work: (cpuMs) => (resume) => {
      if (cpuMs <= 0) {
        resume();
        return;
      }
      const piece: Piece = { leftMs: cpuMs, end: resume };
      if (idle === 0) {
        waiting.push(piece);
        return;
      }
      idle -= 1;
      serve(piece);
    },
    doneMs: () => doneMs,
  };
}
