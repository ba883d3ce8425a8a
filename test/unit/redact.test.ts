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
  test('a secret that another begins with leaves nothing of that, wherever its chunks are cut', () => {
    const secrets = ['admin', 'admin-S3cretTail', 'Tail-of-another'];
    for (const [text, expected] of [
      ['admin-S3cretTail', '***'],
      ['admin-S3cret, admin', '***-S3cret, ***'],
      ['admin-S3cretTail-of-another', '***-of-another'],
    ] as const) {
      for (let cut = 0; cut <= text.length; cut += 1) {
        const chunks = [text.slice(0, cut), text.slice(cut)].map((chunk) => Buffer.from(chunk));
        assert.equal(redact(chunks, secrets).toString(), expected);
      }
    }
  });

  test('any chunks of a text give what the whole gives', () => {
    const text = (maxLength: number): fc.Arbitrary<string> =>
      fc.array(fc.constantFrom('a', 'b', 'aab', 'é'), { maxLength }).map((parts) => parts.join(''));
    const secrets = fc.array(
      text(8).filter((one) => one !== ''),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(fc.array(text(6)), secrets, fc.array(fc.nat(5)), (texts, masks, lengths) => {
        // Masks that others begin with, and those amid which others begin.
        const all = [...masks, ...masks.map((mask) => `${mask}${masks[0] ?? ''}`)];
        const whole = Buffer.from(texts.join(all[0] ?? ''));
        const chunks: Buffer[] = [];
        for (let start = 0; start < whole.length; start += chunks.at(-1)?.length ?? 0) {
          chunks.push(whole.subarray(start, start + 1 + (lengths[chunks.length] ?? 0)));
        }
        const output = redact(chunks, all).toString();
        assert.equal(output, redact([whole], all).toString());
        for (const mask of all) assert.ok(!output.includes(mask), `${output} has ${mask}`);
      }),
      { numRuns: 500 },
    );
  });

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
