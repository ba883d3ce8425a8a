import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { positionOfJsonError } from '../../src/config/json-position.ts';

test('the place where a text stops being JSON', () => {
  // The mistake is at the mark, which is taken out.
  for (const marked of [
    '^',
    '{"a": 1,^}',
    '{"a" ^1}',
    '{^a: 1}',
    '[1 ^2]',
    '[1,\n ^canary]',
    '{"a": "b^\n"}',
    '["^\\x"]',
    '{"a": ^01}',
    '{"a": ^truely}',
    '{"a": [1, 2^',
    '{"a": 1} ^x',
    '{"a": ^-}',
    '["open^',
  ]) {
    assert.equal(positionOfJsonError(marked.replace('^', '')), marked.indexOf('^'), marked);
  }
});

test('JSON is passed to its end', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(0, 2), (text, indent) => {
      const printed = JSON.stringify(JSON.parse(text), undefined, indent);
      assert.equal(positionOfJsonError(printed), printed.length);
    }),
  );
});
