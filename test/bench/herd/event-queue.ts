interface Event {
  readonly atMs: number;
  /** What was added first comes first of those at the same time. */
  readonly order: number;
  readonly happen: () => void;
  /** Where it is in the heap; -1: no longer. */
  place: number;
}

/** Events in the order of their times: a binary heap. */
export interface EventQueue {
  /** @returns what takes it out again */
  add(atMs: number, happen: () => void): () => void;
  /** The next event, which leaves the queue. */
  next(): Pick<Event, 'atMs' | 'happen'> | undefined;
}

export function createEventQueue(): EventQueue {
  const heap: Event[] = [];
  let added = 0;
  const isBefore = (a: Event, b: Event): boolean =>
    a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  const put = (event: Event, place: number): void => {
    heap[place] = event;
    event.place = place;
  };

  const rise = (event: Event, from: number): void => {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent]!;
      if (!isBefore(event, above)) break;
      put(above, place);
      place = parent;
    }
    put(event, place);
  };

  const sink = (event: Event, from: number): void => {
    let place = from;
    for (let child = 2 * place + 1; child < heap.length; child = 2 * place + 1) {
      const right = child + 1;
      if (right < heap.length && isBefore(heap[right]!, heap[child]!)) child = right;
      const below = heap[child]!;
      if (!isBefore(below, event)) break;
      put(below, place);
      place = child;
    }
    put(event, place);
  };

  const remove = (event: Event): void => {
    const { place } = event;
    if (place === -1) return;
    event.place = -1;
    const last = heap.pop()!;
    if (last === event) return;
    const parent = heap[(place - 1) >> 1];
    if (place > 0 && parent !== undefined && isBefore(last, parent)) rise(last, place);
    else sink(last, place);
  };

  return {
    add(atMs, happen) {
      added += 1;
      const event: Event = { atMs, order: added, happen, place: -1 };
      rise(event, heap.length);
      return () => {
        remove(event);
      };
    },
    next() {
      const [first] = heap;
      if (first !== undefined) remove(first);
      return first;
    },
  };
}
