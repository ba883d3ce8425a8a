import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { harmlessJson, harmlessLine } from '../../src/base/harmless.ts';

/** What terminals and CI runners obey, in the way of somebody who looks for it: slow, and by Unicode's own tables. */
const OBEYED = /\p{Cc}|\p{Bidi_Control}|\p{Zl}|\p{Zp}|##\[|##vso\[/u;
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '::add-mask::',
        '##[',
        '##vso[',
        '#',
        ':',
        ' ',
        '\n',
        '\r',
        '\u001b[31m',
        '\u202e',
        '\u0085',
      ),
      fc.constantFrom('\u2028', '\u200f', '\u061c', '\u009b', '\t', '\0', '\u2069', '"', '\\'),
      fc.string({ unit: 'binary' }),
    ),
  )
  .map((parts) => parts.join(''));

describe('the last wall before a log', () => {
  test('a line is one line, and nobody obeys it', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const line = harmlessLine(text);
        assert.doesNotMatch(line, OBEYED);
        assert.ok(!line.trimStart().startsWith('::'), line);
      }),
    );
  });

  test('ordinary text stays as it is, `::` within it, too', () => {
    for (const text of ['secret/app::v1', 'päth of ключ 🔑', '## a heading', 'a: b', '[::1]:8200'])
      assert.equal(harmlessLine(text), text);
  });

  test('a JSON document means the same, and nobody obeys it', () => {
    fc.assert(
      fc.property(
        fc.dictionary(hostile, fc.array(hostile)),
        fc.constantFrom(undefined, 2),
        (value, indent) => {
          const json = JSON.stringify(value, undefined, indent);
          const harmless = harmlessJson(json);
          assert.deepEqual(JSON.parse(harmless), JSON.parse(json));
          assert.doesNotMatch(harmless.replaceAll('\n', ''), OBEYED);
          assert.doesNotMatch(harmless, /^\s*::/m);
        },
      ),
    );
  });
});
