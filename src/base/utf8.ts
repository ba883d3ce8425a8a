/** The text that bytes are in UTF-8; undefined: they are something else. `isUtf8` and TextDecoder take time to load. */
export function utf8Text(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  // It stands where the bytes are not UTF-8, but a text may have it, too.
  return !text.includes('\ufffd') || Buffer.from(text, 'utf8').equals(bytes) ? text : undefined;
}
