import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RunError, type Failure } from '../../src/base/errors.ts';
import { parseJson } from '../../src/base/lossless-json.ts';
import { Secret } from '../../src/base/secret.ts';
import type { JsonValue } from '../../src/base/secret-data.ts';
import { goJson } from '../../src/csi/vault-class/go-json.ts';
import { contentOf, stableContentOf } from '../../src/csi/vault-class/object-content.ts';
import type { VaultObject } from '../../src/csi/vault-class/object-list.ts';
import { configJson, versionOf } from '../../src/csi/vault-class/object-versions.ts';
import vectors from '../support/csi-vectors/vectors.json' with { type: 'json' };

const KEY = new Secret<Uint8Array>(Buffer.from(vectors.key, 'base64'));

function objectOf(own: Partial<VaultObject> = {}): VaultObject {
  return {
    where: 'objects[0] (p), line 1',
    objectName: 'p',
    secretPath: 'secret/data/app',
    secretKey: '',
    method: '',
    secretArgs: undefined,
    filePermission: 0,
    encoding: '',
    ...own,
  };
}

function bodyOf(text: string): unknown {
  return text === '' ? undefined : parseJson(text);
}

function textOf(secret: Secret<Uint8Array>): string {
  return Buffer.from(secret.reveal()).toString();
}

function failureOf(object: VaultObject, body: unknown): Failure {
  const failures = [contentOf, stableContentOf].map((make): Failure => {
    try {
      make(object, body);
    } catch (error) {
      assert.ok(error instanceof RunError, String(error));
      const [failure, ...more] = error.failures;
      assert.ok(failure !== undefined && more.length === 0);
      return failure;
    }
    assert.fail(`${JSON.stringify(body)} is taken`);
  });
  const [failure] = failures;
  assert.ok(failure !== undefined);
  assert.deepEqual(failures, [failure, failure]);
  return failure;
}

describe('the content of an object', () => {
  test('the same bytes and versions as Go makes, or refused by both', () => {
    for (const { secretKey, encoding, body, content, version } of vectors.answers) {
      const object = objectOf({ secretKey, encoding });
      if (content === null) {
        failureOf(object, bodyOf(body));
        continue;
      }
      const made = contentOf(object, bodyOf(body));
      assert.equal(Buffer.from(made.reveal()).toString('base64'), content, body);
      assert.deepEqual(versionOf(KEY, object, made), { id: 'p', version }, body);
    }
  });

  test('an answer without data says so', () => {
    for (const body of [undefined, null, {}, { errors: [] }, { request_id: 'r', data: null }]) {
      const failure = failureOf(objectOf(), body);
      assert.equal(failure.kind, 'not_found');
      assert.equal(failure.message, 'secret/data/app: has no data: the server returned an empty answer');
      assert.equal(failure.where, 'objects[0] (p), line 1');
    }
    assert.equal(failureOf(objectOf(), []).kind, 'unavailable');
    assert.equal(failureOf(objectOf(), { request_id: 'r', data: 'x' }).kind, 'unavailable');
  });

  test('a missing key: the keys that there are, and the one that was meant', () => {
    const body = { request_id: 'r', data: { data: { username: 'u', password: 'canary' }, metadata: {} } };
    const failure = failureOf(objectOf({ secretKey: 'pasword' }), body);
    assert.deepEqual(failure, {
      kind: 'not_found',
      message: 'secret/data/app: has no key `pasword`',
      where: 'objects[0] (p), line 1',
      details: ['known keys: username, password'],
      hint: 'did you mean `password`?',
    });
    const token = 'hvs.CAESICanaryCanaryCanary';
    const hidden = failureOf(objectOf({ secretKey: 'x' }), { request_id: 'r', data: { [token]: 'canary' } });
    assert.deepEqual(hidden.details, ['known keys: [not shown]']);
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`k${String(index)}`, '']));
    const [details = ''] =
      failureOf(objectOf({ secretKey: 'x' }), { request_id: 'r', data: many }).details ?? [];
    assert.match(details, / k49 and 10 more$/);
  });

  test('a value that is not encoded as declared is not quoted', () => {
    for (const encoding of ['base64', 'HEX']) {
      const object = objectOf({ secretKey: 'k', encoding });
      const failure = failureOf(object, { request_id: 'r', data: { k: 'canary!' } });
      assert.equal(failure.kind, 'template');
      assert.equal(failure.message, `secret/data/app: the value of \`k\` is not ${encoding.toLowerCase()}`);
      assert.doesNotMatch(JSON.stringify(failure), /canary/);
    }
  });

  test('property: base64 and hexadecimal digits give their bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.constantFrom('base64', 'hex'), (bytes, encoding) => {
        const k = Buffer.from(bytes).toString(encoding);
        const object = objectOf({ secretKey: 'k', encoding });
        const made = contentOf(object, { request_id: 'r', data: { k } });
        assert.deepEqual(Buffer.from(made.reveal()), Buffer.from(bytes));
      }),
    );
  });
});

describe('JSON as Go writes it', () => {
  test('property: it means the same, has sorted keys, and nothing that HTML would read', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const plain = JSON.parse(JSON.stringify(value)) as JsonValue;
        const json = goJson(plain);
        assert.deepEqual(JSON.parse(json), plain);
        assert.doesNotMatch(json, /[<>&\u2028\u2029]/);
        for (const keys of keyListsOf(JSON.parse(json))) assert.deepEqual(keys, keys.toSorted(), json);
      }),
    );
  });

  test('property: numbers keep their digits', () => {
    const number = fc
      .tuple(
        fc.constantFrom('', '-'),
        fc.nat(),
        fc.constantFrom('', '.0', '.10', '.5', 'e5', 'E-07', '00000000000000001'),
      )
      .map((parts) => parts.join(''))
      .filter((text) => !/^-?0\d/.test(text));
    fc.assert(
      fc.property(number, (text) => {
        assert.equal(goJson((parseJson(`{"a":${text}}`) as Record<string, JsonValue>)['a'] ?? null), text);
      }),
    );
  });
});

/** ASCII only: others are in the vectors, and JavaScript sorts them in another way. */
function keyListsOf(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap(keyListsOf);
  const keys = Object.keys(value).filter((key) => !/[^\x20-\x7e]|^\d+$/.test(key));
  return Array.isArray(value) ? inner : [keys, ...inner];
}

describe('versions', () => {
  test('of a whole answer they do not change with the request, nor with what counts down', () => {
    const object = objectOf();
    const versionIn = (body: object): string => versionOf(KEY, object, stableContentOf(object, body)).version;
    const kv = (request_id: string, password: string): object => ({
      request_id,
      lease_id: '',
      lease_duration: 0,
      renewable: false,
      data: { data: { password }, metadata: { version: 1 } },
      warnings: null,
    });
    assert.equal(versionIn(kv('one', 'a')), versionIn(kv('two', 'a')));
    assert.notEqual(versionIn(kv('one', 'a')), versionIn(kv('one', 'b')));
    assert.notEqual(textOf(contentOf(object, kv('one', 'a'))), textOf(contentOf(object, kv('two', 'a'))));
    const role = (ttl: number, password = 'a'): object => ({
      request_id: 'r',
      data: { password, rotation_period: 3600, ttl },
    });
    assert.equal(versionIn(role(5)), versionIn(role(4)));
    assert.notEqual(versionIn(role(5)), versionIn(role(5, 'b')));
    const stored = (ttl: number): object => ({ request_id: 'r', data: { ttl } });
    assert.notEqual(versionIn(stored(5)), versionIn(stored(4)));
  });

  test('of a key they are those of its value', () => {
    const object = objectOf({ secretKey: 'ttl' });
    const body = { request_id: 'r', data: { ttl: 5, rotation_period: 1 } };
    assert.equal(textOf(stableContentOf(object, body)), '5');
    assert.equal(textOf(contentOf(object, body)), '5');
  });

  test('they depend on all that the class says of the object, and on the key', () => {
    const content = new Secret<Uint8Array>(Buffer.from('x'));
    const objects: readonly Partial<VaultObject>[] = [
      {},
      { objectName: 'q' },
      { secretPath: '/secret/data/app' },
      { secretKey: 'k' },
      { method: 'GET' },
      { secretArgs: new Secret('{}') },
      { filePermission: 0o640 },
      { encoding: 'utf-8' },
    ];
    const versions = objects.map((own) => versionOf(KEY, objectOf(own), content).version);
    assert.equal(new Set(versions).size, objects.length);
    assert.equal(versionOf(KEY, objectOf({ where: 'elsewhere' }), content).version, versions[0]);
    assert.notEqual(versionOf(new Secret(Buffer.alloc(32)), objectOf(), content).version, versions[0]);
    const expected = createHmac('sha256', KEY.reveal())
      .update(
        '{"ObjectName":"p","SecretPath":"secret/data/app","SecretKey":"","Method":"","SecretArgs":null,"FilePermission":0,"Encoding":""}x',
      )
      .digest('base64')
      .replaceAll('+', '-')
      .replaceAll('/', '_');
    assert.equal(versions[0], expected);
    assert.match(configJson(objectOf({ secretArgs: new Secret('{"a":1}') })), /"SecretArgs":\{"a":1\},/);
  });
});
