import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { masksOf, unmaskable } from '../../src/deliver/variables/masks.ts';
import type { Variable } from '../../src/deliver/variables/variable.ts';

function variable(text: string, more: Partial<Variable> = {}): Variable {
  return { name: 'A', text, mask: true, parts: [], ...more };
}

describe('masks', () => {
  test('values, their lines and parts, in every form that a log may show; the longest first', () => {
    const masks = masksOf([variable('ab"cd\r\nline two\n', { parts: ['p@rt'] })]);
    const forms = ['ab"cd\r\nline two\n', 'ab"cd\r\nline two', 'ab"cd', 'line two', 'p@rt'];
    for (const form of forms) {
      for (const mask of [
        form,
        Buffer.from(form).toString('base64'),
        encodeURIComponent(form),
        JSON.stringify(form).slice(1, -1),
      ])
        assert.ok(masks.includes(mask), mask);
    }
    assert.deepEqual(
      masks.map(({ length }) => length),
      masks.map(({ length }) => length).toSorted((a, b) => b - a),
    );
  });

  test('what is inside JSON has all forms of a value: lines, digits of numbers, JSON within JSON', () => {
    const key = '-----BEGIN KEY-----\nMIIEabcd+/==\n-----END KEY-----\n';
    const inner = JSON.stringify({ pin: '87654321', words: [' to "trim" '] });
    const outer = `{"private_key":${JSON.stringify(key)},"n":[12345678901234567890,1.1000,8443],"in":${JSON.stringify(inner)}}`;
    const masks = masksOf([variable(outer)]);
    for (const mask of [
      ...[key, key.trim(), 'MIIEabcd+/==', encodeURIComponent('MIIEabcd+/=='), btoa('MIIEabcd+/==')],
      ...['12345678901234567890', '1.1000', '8443', inner, '87654321', 'to "trim"', 'to \\"trim\\"'],
    ])
      assert.ok(masks.includes(mask), mask);
    // Deeper than what else reads JSON.
    const deep = `${'[['.repeat(20_000)}"inside", 4711${']]'.repeat(20_000)}`;
    for (const mask of ['inside', '4711']) assert.ok(masksOf([variable(deep)]).includes(mask), mask);
  });

  test('JSON within JSON is opened five times', () => {
    const opens = (levels: number): boolean => {
      let text = 'innermost';
      for (let level = 0; level < levels; level += 1) text = JSON.stringify([text]);
      return masksOf([variable(text)]).includes('innermost');
    };
    assert.deepEqual([1, 5, 6].map(opens), [true, true, false]);
  });

  test('none of what every log has, and none of a variable that may show', () => {
    const texts = ['', 'x', '123', '12', 'true', 'FALSE', 'null', '{}', '[ ]', '\n\n', '"",:;'];
    assert.deepEqual(masksOf(texts.map((text) => variable(text))), []);
    assert.deepEqual(masksOf([variable('visible text', { mask: false, parts: ['part'] })]), []);
    assert.deepEqual(
      unmaskable([
        variable('1', { name: 'ONE' }),
        variable('true\n', { name: 'YES' }),
        variable('', { name: 'EMPTY' }),
        variable('1', { name: 'MEANT', mask: false }),
        variable('long enough', { name: 'LONG' }),
      ]),
      ['ONE', 'YES'],
    );
  });

  test('any text: no mask is short, a word, or no Unicode text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const mask of masksOf([variable(text), variable(JSON.stringify([text]))])) {
          assert.ok(mask.length >= 4 && mask.isWellFormed() && !/^(?:true|false|null)$/i.test(mask));
        }
      }),
    );
  });

  test('the clock is looked at between steps', () => {
    const lines = Array.from({ length: 5000 }, (_, index) => `line ${String(index)}`).join('\n');
    let looks = 0;
    masksOf([variable(lines)], () => (looks += 1));
    assert.ok(looks >= 5, String(looks));
    const ended = new Error('ended');
    assert.throws(() => {
      masksOf([variable('x')], () => {
        throw ended;
      });
    }, ended);
  });
});
