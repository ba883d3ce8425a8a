import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { abortSignalOf, Cancellation } from '../../src/base/cancellation.ts';
import { gracefulSignal } from '../../src/http/grace.ts';
import { withTimeout } from '../../src/http/wire.ts';

describe('a cancellation', () => {
  test('tells those that listen, and keeps the first reason', () => {
    const cancellation = new Cancellation();
    const told: string[] = [];
    const removed = (): void => assert.fail('it was removed');
    cancellation.addEventListener('abort', () => told.push('first'));
    cancellation.addEventListener('abort', removed);
    cancellation.addEventListener('abort', () => told.push('second'));
    cancellation.removeEventListener('abort', removed);
    cancellation.throwIfAborted();
    assert.equal(cancellation.aborted, false);

    const reason = new Error('enough');
    cancellation.abort(reason);
    cancellation.abort(new Error('too late'));
    assert.deepEqual(told, ['first', 'second']);
    assert.equal(cancellation.reason, reason);
    assert.throws(() => {
      cancellation.throwIfAborted();
    }, reason);
  });

  test('is followed by a signal of the platform, before and after', () => {
    const cancellation = new Cancellation();
    const before = abortSignalOf(cancellation);
    assert.equal(before.aborted, false);
    const reason = new Error('enough');
    cancellation.abort(reason);
    for (const signal of [before, abortSignalOf(cancellation)]) {
      assert.equal(signal.aborted, true);
      assert.equal(signal.reason, reason);
    }
  });

  test('a time that is over already ends at once, and nothing warns of it', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): number => warnings.push(warning);
    process.on('warning', note);
    const outer = new Cancellation();
    using graceful = gracefulSignal(outer, 1000, -43.3);
    const expired = await withTimeout(-43.3, outer, async (limited) => {
      while (!limited.signal.aborted || !graceful.signal.aborted) await setImmediate();
      return limited.expired();
    });
    process.off('warning', note);
    assert.equal(expired, true);
    assert.deepEqual(warnings, []);
  });
});
