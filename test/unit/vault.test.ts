import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { Cancellation } from '../../src/base/cancellation.ts';
import { EXIT_CODES, RunError } from '../../src/base/errors.ts';
import { parseJson } from '../../src/base/lossless-json.ts';
import { Secret } from '../../src/base/secret.ts';
import { engineOf } from '../../src/engines/index.ts';
import { kv2 } from '../../src/engines/kv2.ts';
import { delayMs, delayWithin } from '../../src/http/delay.ts';
import { headerValueOf } from '../../src/http/header-value.ts';
import { presentable } from '../../src/http/presentable.ts';
import { findMount } from '../../src/vault/mounts.ts';
import { createPace } from '../../src/vault/pace.ts';

describe('errors', () => {
  test('the exit codes are frozen', () => {
    assert.deepEqual(EXIT_CODES, {
      internal: 1,
      usage: 2,
      config: 3,
      auth: 4,
      denied: 5,
      not_found: 6,
      template: 7,
      output: 8,
      unavailable: 9,
      policy: 10,
      deadline: 124,
      not_executable: 126,
      no_command: 127,
      hung_up: 129,
      interrupted: 130,
      quit: 131,
      terminated: 143,
    });
  });

  test('the lowest code of a stage, and the earlier stage, decide', () => {
    const stage = new RunError([
      { kind: 'unavailable', message: 'a' },
      { kind: 'denied', message: 'b' },
    ]);
    assert.equal(stage.exitCode, 5);
    const both = new RunError('unavailable', 'fetch').followedBy(new RunError('not_found', 'render'));
    assert.equal(both.exitCode, 9);
    assert.equal(both.failures.length, 2);
  });

  test('a Secret shows in no way of printing it', () => {
    const secret = new Secret('canary');
    const printed = [
      String(secret),
      secret.toString(),
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ a: [secret] }, { showHidden: true }),
    ];
    for (const text of printed) assert.doesNotMatch(text, /canary/);
    assert.equal(secret.reveal(), 'canary');
  });
});

describe('JSON', () => {
  test('any document survives, digits included', () => {
    const number = fc.oneof(
      fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
      fc.tuple(fc.integer(), fc.nat()).map(([whole, fraction]) => `${String(whole)}.${String(fraction)}0`),
      fc
        .tuple(fc.integer(), fc.integer({ min: -30, max: 30 }))
        .map(([digits, exponent]) => `${String(digits)}e${String(exponent)}`),
      fc.constant('-0'),
    );
    const value = fc.oneof(
      number,
      fc.string().map((text) => JSON.stringify(text)),
      fc.constantFrom('null', 'true'),
    );
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.string({ minLength: 1 }).filter((key) => !/^\d+$/.test(key)),
            value,
          ),
        ),
        (entries) => {
          const unique = [...new Map(entries)];
          const text = `{${unique.map(([key, item]) => `${JSON.stringify(key)}:${item}`).join(',')}}`;
          assert.equal(JSON.stringify(parseJson(text)), text);
          const list = `[${unique.map(([, item]) => item).join(',')}]`;
          assert.equal(JSON.stringify(parseJson(list)), list);
        },
      ),
      { examples: [[[['a', '12345678901234567890']]], [[['__proto__', '1.10']]]] },
    );
  });
});

describe('retries', () => {
  test('full jitter: between nothing and a doubling limit', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 7].map((attempt) => delayMs(attempt, 0.5)),
      [100, 200, 400, 800, 1600, 2500, 2500],
    );
    assert.equal(delayMs(3, 0), 0);
    assert.equal(delayMs(1, 0.5, 2000), 2100, 'Retry-After, and a little jitter');
    assert.equal(delayMs(1, 0.5, 0), 100, 'Retry-After: 0 says nothing');
  });
});

describe('the last delay', () => {
  test('leaves room for one more try, unless none fits or the server asked for more', () => {
    assert.equal(delayWithin(100, Infinity, 10, false), 100);
    assert.equal(delayWithin(4000, 3000, 10, false), 2750, 'shortened');
    assert.equal(delayWithin(4000, 3000, 600, false), 1800, 'a slow server is left more');
    assert.equal(delayWithin(4000, 31_000, 30_000, false), 4000, 'a hung try is no measure');
    assert.equal(delayWithin(100, 250, 10, false), undefined);
    assert.equal(delayWithin(2000, 3000, 10, true), 2000);
    assert.equal(delayWithin(4000, 3000, 10, true), undefined, 'earlier than asked is pointless');
  });
});

describe('the rate limit', () => {
  test('requests that are given up before their turn hold up no others', async () => {
    let now = 0;
    const pace = createPace({ perSecond: 1, burst: 1 }, () => now);
    const [given, kept] = [new Cancellation(), new Cancellation()];
    assert.equal(pace.turn(given), undefined);
    const waiting = [1, 2, 3].map(async () => assert.rejects(pace.turn(given)!, /given up/));
    given.abort(new Error('given up'));
    await Promise.all(waiting);
    now = 1000;
    const [first, second] = [pace.turn(kept), pace.turn(kept)];
    kept.abort(new Error('too late'));
    await first;
    await assert.rejects(second!, /too late/);
  });
});

describe('values of headers', () => {
  test('arrive as the UTF-8 bytes of the text, or are not sent at all', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string());
    fc.assert(
      fc.property(text, (value) => {
        const carried = headerValueOf(value);
        if (carried === undefined) {
          assert.ok(/[\0-\x1f\x7f]/.test(value) || value.trim() !== value || !value.isWellFormed());
          return;
        }
        assert.doesNotMatch(carried, /[^\t -~\x80-\xff]|^[ \t]|[ \t]$/);
        assert.equal(Buffer.from(carried, 'latin1').toString('utf8'), value);
      }),
      { examples: [['prod—eu'], ['прод'], ['s.a\u200bb'], ['é'], [' a'], ['a\n'], ['a\ud800'], ['']] },
    );
  });
});

describe('texts of the server', () => {
  test('one line, without what was sent, without control characters and commands', () => {
    assert.equal(
      presentable('1 error occurred:\n\t* permission denied\n\n', []),
      '1 error occurred: * permission denied',
    );
    assert.equal(
      presentable('bad a.b and b', [new Secret('b'), new Secret('a.b')]),
      '[sent value]ad [sent value] and [sent value]',
    );
    assert.equal(
      presentable('invalid role hvs.x', [new Secret('a'), new Secret('e'), new Secret('n')]),
      'i[sent value]v[sent value]lid rol[sent value] [not shown]',
      'a value is not looked for in what stands for another',
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.doesNotMatch(presentable(text, []), /::|##\[|##vso\[|\p{Cc}/u);
      }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(':', '#', '[', 'vso[', '\n', '\u0007', ' ', 'x', '\u200b')),
        (parts) => {
          assert.doesNotMatch(presentable(parts.join(''), []), /::|##\[|##vso\[|\p{Cc}/u);
        },
      ),
    );
  });
});

describe('mounts and kv2 paths', () => {
  const mount = (path: string, type = 'kv', version?: string) => ({ path, type, version });

  test('the longest mount that a path starts with serves it', () => {
    const mounts = [mount('secret/'), mount('secret/team/'), mount('sec/')];
    assert.equal(findMount(mounts, 'secret/team/app')?.path, 'secret/team/');
    assert.equal(findMount(mounts, 'secret/teams')?.path, 'secret/');
    assert.equal(findMount(mounts, 'secret')?.path, 'secret/');
    assert.equal(findMount(mounts, 'secrets/x'), undefined);
  });

  test('logical and API paths of kv2', () => {
    const rewrite = (path: string, at: string): string =>
      kv2.request({ path, mount: at, version: undefined }).path;
    const cases: readonly (readonly [string, string, string])[] = [
      ['secret/app', 'secret/', 'secret/data/app'],
      ['secret/data/app', 'secret/', 'secret/data/app'],
      ['secret/app/data/x', 'secret/', 'secret/data/app/data/x'],
      ['secret/data', 'secret/', 'secret/data/data'],
      ['secret/database', 'secret/', 'secret/data/database'],
      ['a/b/c/app', 'a/b/c/', 'a/b/c/data/app'],
      ['a/b/c/data/app', 'a/b/c/', 'a/b/c/data/app'],
      ['a/data/app', 'a/data/', 'a/data/data/app'],
      ['data/app', 'data/', 'data/data/app'],
      ['data/data/app', 'data/', 'data/data/app'],
    ];
    for (const [path, at, expected] of cases) assert.equal(rewrite(path, at), expected, `${path} on ${at}`);
    assert.equal(
      kv2.request({ path: 'secret/app', mount: undefined, version: undefined }).path,
      'secret/data/app',
    );
    assert.deepEqual(kv2.request({ path: 's/a', mount: 's/', version: 3 }).query, { version: '3' });
  });

  test('the server says which engine serves a path', () => {
    assert.equal(engineOf(mount('secret/', 'kv', '2'), 'secret/app').name, 'kv2');
    assert.equal(engineOf(mount('secret/', 'kv', '2'), 'secret/metadata/app').name, 'raw');
    assert.equal(engineOf(mount('secret/', 'kv', '1'), 'secret/app').name, 'kv1');
    assert.equal(engineOf(mount('secret/', 'kv'), 'secret/app').name, 'kv1');
    assert.equal(engineOf(mount('db/', 'database'), 'db/creds/app').mints, true);
    assert.equal(engineOf(mount('cubbyhole/', 'cubbyhole'), 'cubbyhole/x').mints, false);
  });

  test('what was sent shows in no encoding, wherever in a longer text it stands', () => {
    const encodings: Readonly<Record<string, (text: string) => string>> = {
      base64: (text) => Buffer.from(text).toString('base64'),
      base64url: (text) => Buffer.from(text).toString('base64url'),
      hex: (text) => Buffer.from(text).toString('hex'),
      'upper hex': (text) => Buffer.from(text).toString('hex').toUpperCase(),
      url: encodeURIComponent,
      json: (text) => JSON.stringify(text),
      'json in json': (text) => JSON.stringify(JSON.stringify(text)),
    };
    fc.assert(
      fc.property(
        fc.string({ minLength: 8, maxLength: 60 }),
        fc.string({ maxLength: 5 }),
        fc.string({ maxLength: 5 }),
        fc.constantFrom(...Object.keys(encodings)),
        (value, before, after, name) => {
          const encode = encodings[name] ?? String;
          const shown = presentable(`you sent ${encode(before + value + after)}`, [new Secret(value)]);
          assert.match(shown, /\[sent value\]/);
        },
      ),
    );
    assert.equal(presentable('my-policy', [new Secret('policy')]), 'my-[sent value]');
    assert.equal(presentable('my-policy', [new Secret('a-secret-id-of-36-characters')]), 'my-policy');
    const harmless = 'permission denied on secret/data/app, accessor 9f86d081884c7d65';
    assert.equal(presentable(harmless, [new Secret('s.another-token')]), harmless);
  });
});
