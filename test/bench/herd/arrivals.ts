/** When the pods of a rollout start. */
export type Arrivals =
  | { readonly kind: 'at once' }
  /** So many, then as many again a while later. */
  | { readonly kind: 'waves'; readonly size: number; readonly everyMs: number }
  /** All pods of a node when its image is there, some time within this. */
  | { readonly kind: 'image pulls'; readonly nodes: number; readonly spreadMs: number }
  /** The next one when one of them is ready: always so many under way. */
  | { readonly kind: 'lanes'; readonly atOnce: number };

/** @returns the start of each pod in milliseconds; undefined: when another one is ready */
export function startsOf(arrivals: Arrivals, pods: number, random: () => number): (number | undefined)[] {
  const each = (start: (pod: number) => number | undefined): (number | undefined)[] =>
    Array.from({ length: pods }, (_, pod) => start(pod));
  switch (arrivals.kind) {
    case 'at once':
      return each(() => 0);
    case 'waves':
      return each((pod) => Math.floor(pod / arrivals.size) * arrivals.everyMs);
    case 'image pulls': {
      const pulled = Array.from({ length: arrivals.nodes }, () => random() * arrivals.spreadMs);
      return each((pod) => pulled[pod % arrivals.nodes]);
    }
    case 'lanes':
      return each((pod) => (pod < arrivals.atOnce ? 0 : undefined));
  }
}

export function nameOf(arrivals: Arrivals): string {
  switch (arrivals.kind) {
    case 'at once':
      return 'at once';
    case 'waves':
      return `${String(arrivals.size)} every ${String(arrivals.everyMs / 1000)} s`;
    case 'image pulls':
      return `${String(arrivals.nodes)} node${arrivals.nodes === 1 ? '' : 's'} within ${String(arrivals.spreadMs / 1000)} s`;
    case 'lanes':
      return `${String(arrivals.atOnce)} under way`;
  }
}
