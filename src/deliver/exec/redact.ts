const REPLACEMENT = '***';

/** Blacks out secrets in a stream. */
export interface Redactor {
  /** What can be passed on so far; the start of what may become a secret is held back. */
  push(chunk: Uint8Array): Buffer;
  /** What was held back. */
  end(): Buffer;
}

/**
 * Works on bytes, as latin1 text: a chunk may end within a character, and output may be no text at all.
 * @param secrets the longest first, so that one that is part of another does not leave the rest of that
 */
export function createRedactor(secrets: readonly string[]): Redactor {
  const masks = secrets
    .filter((secret) => secret !== '')
    .map((secret) => Buffer.from(secret).toString('latin1'));
  let held = '';
  const redacted = (text: string): string =>
    masks.reduce((result, mask) => result.replaceAll(mask, REPLACEMENT), text);
  return {
    push(chunk) {
      const text = redacted(held + Buffer.from(chunk).toString('latin1'));
      const keep = lengthOfStart(text, masks);
      held = keep === 0 ? '' : text.slice(-keep);
      return Buffer.from(text.slice(0, text.length - keep), 'latin1');
    },
    end() {
      const rest = held;
      held = '';
      return Buffer.from(rest, 'latin1');
    },
  };
}

/** How many characters at the end of a text are the start of a mask. */
function lengthOfStart(text: string, masks: readonly string[]): number {
  let longest = 0;
  for (const mask of masks) {
    for (let length = Math.min(mask.length - 1, text.length); length > longest; length -= 1) {
      if (text.endsWith(mask.slice(0, length))) longest = length;
    }
  }
  return longest;
}
