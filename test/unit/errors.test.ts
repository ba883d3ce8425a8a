import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inDeclaredOrder, type Failure } from '../../src/base/errors.ts';

describe('the order of failures', () => {
  test('that of the declarations, whose places may begin with each other; the rest comes last, as it was', () => {
    const failure = (where?: string, message = ''): Failure => ({ kind: 'not_found', message, where });
    const places = ['argument 2', 'argument 12', 'f.yaml:3, secrets.a', 'f.yaml:3, secrets.ab', 'argument 1'];
    const sorted = inDeclaredOrder(
      [
        failure(undefined, 'one'),
        failure('argument 1'),
        failure('f.yaml:3, secrets.ab, line 2'),
        failure('elsewhere', 'two'),
        failure('f.yaml:3, secrets.a, f.yaml:3, secrets.ab'),
        failure('argument 12'),
        failure('argument 2', 'first'),
        failure('argument 2', 'second'),
      ],
      places,
    );
    assert.deepEqual(
      sorted.map(({ where, message }) => [where, message]),
      [
        ['argument 2', 'first'],
        ['argument 2', 'second'],
        ['argument 12', ''],
        ['f.yaml:3, secrets.a, f.yaml:3, secrets.ab', ''],
        ['f.yaml:3, secrets.ab, line 2', ''],
        ['argument 1', ''],
        [undefined, 'one'],
        ['elsewhere', 'two'],
      ],
    );
  });
});
