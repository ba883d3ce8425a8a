import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DEEPEST, nestsTooDeep } from '../../src/base/depth.ts';

describe('how deep a JSON text nests', () => {
  const nested = (depth: number): string => '[{"a":'.repeat(depth / 2) + '1' + '}]'.repeat(depth / 2);

  test('as deep as allowed, and deeper', () => {
    assert.equal(nestsTooDeep(nested(DEEPEST)), false);
    assert.equal(nestsTooDeep(nested(DEEPEST + 2)), true);
    assert.equal(nestsTooDeep('{"a":'.repeat(DEEPEST + 1)), true);
    assert.equal(nestsTooDeep('['.repeat(DEEPEST + 1)), true);
  });

  test('many brackets, beside each other or in strings', () => {
    assert.equal(nestsTooDeep(`[${'[],{},'.repeat(DEEPEST)}0]`), false);
    assert.equal(nestsTooDeep(JSON.stringify('["\\[{'.repeat(DEEPEST))), false);
    assert.equal(nestsTooDeep(`["\\"${'['.repeat(DEEPEST * 2)}"]`), false);
  });

  test('whatever strings stand between', () => {
    const nasty = fc.string({
      unit: fc.constantFrom('"', '\\', '[', '{', ']', '}', 'a', ',', '\n'),
      maxLength: 12,
    });
    const depth = fc.integer({ min: DEEPEST - 1, max: DEEPEST + 2 });
    fc.assert(
      fc.property(fc.array(nasty, { minLength: 1, maxLength: 5 }), depth, (texts, levels) => {
        const strings = texts.map((text) => JSON.stringify(text)).join();
        const text = `[${strings},{"a":`.repeat(levels) + '0' + '}]'.repeat(levels);
        assert.equal(nestsTooDeep(text), 2 * levels > DEEPEST);
        const flat = `[${strings},`.repeat(levels) + '0' + ']'.repeat(levels);
        assert.equal(nestsTooDeep(flat), levels > DEEPEST);
      }),
      { numRuns: 500 },
    );
  });
});
