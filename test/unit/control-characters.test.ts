import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasControlCharacter } from '../../src/base/control-characters.ts';

test('control characters are those of Unicode’s category Cc', () => {
  for (let code = 0; code <= 0xffff; code += 1) {
    const text = `a${String.fromCharCode(code)}b`;
    assert.equal(hasControlCharacter(text), /\p{Cc}/u.test(text), `U+${code.toString(16)}`);
  }
});
