export interface RateLimit {
  readonly perSecond: number;
  readonly burst: number;
}

/** Requests per second, as VAULT_RATE_LIMIT: `RATE` or `RATE:BURST`. Undefined: not valid. */
export function parseRateLimit(text: string): RateLimit | undefined {
  const match = /^(\d+(?:\.\d+)?)(?::(\d+))?$/.exec(text.trim());
  const perSecond = Number(match?.[1]);
  const burst = match?.[2] === undefined ? Math.max(1, Math.ceil(perSecond)) : Number(match[2]);
  return perSecond > 0 && burst > 0 ? { perSecond, burst } : undefined;
}
