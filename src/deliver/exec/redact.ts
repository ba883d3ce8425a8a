const REPLACEMENT = '***';

/** Blacks out secrets in a stream: what is printed does not depend on where its chunks are cut. */
export interface Redactor {
  /** What can be passed on so far; the start of what may become a secret is held back. */
  push(chunk: Uint8Array): Buffer;
  /** What was held back. */
  end(): Buffer;
}

/**
 * Works on bytes, as latin1 text: a chunk may end within a character, and output may be no text at all.
 * @param secrets the longest first: of those at the same place it is the one to black out
 */
export function createRedactor(secrets: readonly string[]): Redactor {
  const masks = secrets
    .filter((secret) => secret !== '')
    .map((secret) => Buffer.from(secret).toString('latin1'));
  let held = '';
  /** @param begun where it may go on with a secret, in order */
  const pass = (text: string, begun: readonly number[]): Buffer => {
    const { redacted, rest } = redact(text, masks, begun);
    held = rest;
    return Buffer.from(redacted, 'latin1');
  };
  return {
    push(chunk) {
      const text = held + Buffer.from(chunk).toString('latin1');
      return pass(text, begunIn(text, masks));
    },
    end: () => pass(held, []),
  };
}

/** The places from which on a text is the start of a mask, in order. */
function begunIn(text: string, masks: readonly string[]): readonly number[] {
  const places = new Set<number>();
  for (const mask of masks) {
    const first = mask.charAt(0);
    let place = text.indexOf(first, text.length - mask.length + 1);
    for (; place !== -1; place = text.indexOf(first, place + 1)) {
      if (mask.startsWith(text.slice(place))) places.add(place);
    }
  }
  return [...places].sort((a, b) => a - b);
}

/** @returns all that comes before a mask that has begun and that no other one takes, and the rest, from there on */
function redact(
  text: string,
  masks: readonly string[],
  begun: readonly number[],
): { readonly redacted: string; readonly rest: string } {
  const present = masks
    .map((mask) => ({ mask, place: text.indexOf(mask) }))
    .filter(({ place }) => place !== -1);
  let redacted = '';
  let done = 0;
  for (;;) {
    const end = begun.find((place) => place >= done) ?? text.length;
    let first = { mask: '', place: end };
    for (const found of present) {
      if (found.place < done) found.place = placeOf(found.mask, text, done);
      if (found.place < first.place) first = found;
    }
    redacted += text.slice(done, first.place);
    if (first.place === end) return { redacted, rest: text.slice(end) };
    redacted += REPLACEMENT;
    done = first.place + first.mask.length;
  }
}

function placeOf(mask: string, text: string, from: number): number {
  const place = text.indexOf(mask, from);
  return place === -1 ? Infinity : place;
}
