import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { mutated } from '../fuzz/mutate.ts';
import { defectOf, TARGETS, type FuzzTarget } from '../fuzz/targets.ts';

/** What the fuzzer has found, and what it is easily led to: they stay. */
const FOUND: Readonly<Record<string, readonly string[]>> = {
  config: [
    '&a [*a]',
    'a: &a { b: *a }',
    'a: {'.repeat(5000),
    '['.repeat(50_000),
    `secrets: { a: { path: x/y, write: ${'{a: '.repeat(8000)}1${'}'.repeat(8000)} } }`,
    '${'.repeat(20_000),
    `a: [${'o'.repeat(600_000)}`,
    '__proto__: { a: b }',
    'secrets: { __proto__: secret/a, constructor: secret/b, toString: secret/c }',
    'auth: { method: constructor }',
    'outputs: [{ path: a, format: toString, secret: s }]',
    '\ud800: \udfff',
  ],
  reference: ['#', 'a#', '#a', 'a#b#c', 'a@', '%', 'a#"', 'a#"\\', `a#${'.'.repeat(10_000)}`],
  template: [
    `${'{{#db}}'.repeat(5000)}${'{{/db}}'.repeat(5000)}`,
    `${'{{#@json}}'.repeat(2000)}${'{{/@json}}'.repeat(2000)}`,
    '{{=}}',
    '{{= =}}',
    '{{',
    '{{{db.user}}',
    '{{__proto__}}{{constructor.name}}{{db.__proto__.a}}',
    '{{"}}',
  ],
  answer: [
    `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    `{"data":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`,
    '{"__proto__":{"auth":{"client_token":"x"}}}',
    '{"data":{"data":{"__proto__":{"a":"b"}}}}',
    '1e999999',
  ],
  format: [
    '{"__proto__":"x","constructor":"y"}',
    '{"\\ud800":"\\udfff"}',
    '{"":""}',
    '{"a\\u0000b":"\\u0000"}',
  ],
  class: [
    '&a [*a]',
    '- &a { secretArgs: *a }',
    '- { secretArgs: { a: &a [*a] } }',
    '- {'.repeat(5000),
    `- { secretPath: "${'../'.repeat(5000)}" }`,
    `- { secretPath: "x?${'a=b&'.repeat(5000)}" }`,
    `- { filePermission: ${'9'.repeat(100_000)} }`,
    `- { secretArgs: { a: ${'9'.repeat(20_000)} } }`,
    `[${'{objectName: a, secretPath: x},'.repeat(2000)}]`,
    `- a: [\n${'1,\n'.repeat(5000)}]\n${' '.repeat(200_000)}`,
    '- { __proto__: x, objectName: __proto__, secretPath: constructor }',
  ],
  'answer for a class': [
    '{"request_id":"r","data":{"__proto__":{"k":"v"}}}',
    '{"request_id":"r","data":{"data":{"__proto__":"v"}}}',
    `{"request_id":"r","data":${'{"a":'.repeat(400)}1${'}'.repeat(400)}}`,
    '{"request_id":"r","lease_duration":1e999,"data":{"k":1}}',
  ],
  'foreign text': ['s.secret-to\u0000ken', 's.secr\u202eet-token', ':\u0000:add-mask::x', '##\u200b[error]'],
};

describe('texts from outside are taken, or refused in words', () => {
  for (const target of TARGETS) {
    test(`${target.name}: those that were found once`, async () => {
      for (const text of FOUND[target.name] ?? []) await isSound(target, text);
    });

    test(`${target.name}: texts near to good ones`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...target.seeds),
          fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
          async (seed, numbers) => {
            let at = 0;
            const pick = (limit: number): number =>
              limit === 0 ? 0 : (numbers[at++ % numbers.length] ?? 0) % limit;
            await isSound(target, mutated(seed, target.words, target.seeds, pick));
          },
        ),
        { numRuns: 150 },
      );
    });
  }
});

async function isSound(target: FuzzTarget, text: string): Promise<void> {
  assert.equal(await defectOf(target, text), undefined, JSON.stringify(text.slice(0, 500)));
}
