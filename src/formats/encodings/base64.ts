/**
 * Decodes standard base64 (RFC 4648 §4), padded or not, across lines.
 * @returns undefined for anything else: Node's own decoder skips what it does not know
 */
export function bytesOfBase64(text: string): Buffer | undefined {
  const compact = text.replace(/[ \t\r\n]/g, '');
  const unpadded = compact.replace(/={1,2}$/, '');
  const isPaddedRight = compact.length === unpadded.length || compact.length % 4 === 0;
  if (!isPaddedRight || unpadded.length % 4 === 1 || !/^[A-Za-z0-9+/]*$/.test(unpadded)) return undefined;
  return Buffer.from(unpadded, 'base64');
}
