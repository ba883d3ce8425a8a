import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createRedactor } from '../../src/deliver/exec/redact.ts';

/** In the order that masks have. */
const longestFirst = (secrets: readonly string[]): string[] =>
  [...secrets].sort((a, b) => b.length - a.length);

function redact(chunks: readonly Uint8Array[], secrets: readonly string[]): Buffer {
  const redactor = createRedactor(longestFirst(secrets));
  return Buffer.concat([...chunks.map((chunk) => redactor.push(chunk)), redactor.end()]);
}

describe('redaction', () => {
  test('a secret does not show, wherever its chunks are cut', () => {
    const part = fc.constantFrom('a', 'b', 'ab', 'aab', 'é', ' ');
    const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        fc.array(text),
        fc.array(
          text.filter((one) => one.length >= 3),
          { minLength: 1, maxLength: 3 },
        ),
        (texts, secrets) => {
          const chunks = [...Buffer.from(texts.join(''))].map((byte) => Buffer.from([byte]));
          const output = redact(chunks, secrets).toString();
          for (const secret of secrets) assert.ok(!output.includes(secret), `${output} has ${secret}`);
        },
      ),
    );
  });

  test('everything else passes unchanged, bytes that are no text too', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (chunks) => {
        assert.deepEqual(redact(chunks, ['never in there: 🔐🔐🔐']), Buffer.concat(chunks));
      }),
    );
  });

  test('only what may become a secret is held back', () => {
    const redactor = createRedactor(['secret']);
    assert.equal(redactor.push(Buffer.from('the se')).toString(), 'the ');
    assert.equal(redactor.push(Buffer.from('a and the sec')).toString(), 'sea and the ');
    assert.equal(redactor.push(Buffer.from('ret, se')).toString(), '***, ');
    assert.equal(redactor.end().toString(), 'se');
  });
});
