import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { utf8Text } from '../../src/base/utf8.ts';

describe('bytes as text', () => {
  const agrees = (bytes: Buffer): void => {
    assert.equal(utf8Text(bytes), isUtf8(bytes) ? bytes.toString('utf8') : undefined, bytes.toString('hex'));
  };
  const replacement = Buffer.from('\ufffd');

  test('what is UTF-8, and nothing else', () => {
    for (const text of ['', 'a', 'ä€😀', '\ufffd', '\ufeff\ufffd', '\0'])
      assert.equal(utf8Text(Buffer.from(text)), text);
    for (const hex of ['ff', 'c3', 'c080', 'eda080', 'f4908080', 'efbfbdff']) agrees(Buffer.from(hex, 'hex'));
  });

  test('of any bytes, also beside a replacement character that they have themselves', () => {
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
      fc.string({ unit: 'grapheme' }).map((text) => Buffer.from(text)),
      fc.constantFrom(
        replacement,
        replacement.subarray(0, 2),
        Buffer.from('\ufeff'),
        Buffer.from('€').subarray(1),
      ),
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        agrees(Buffer.concat(parts));
      }),
      { numRuns: 5000 },
    );
  });
});
