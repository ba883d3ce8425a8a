import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { IS_STANDALONE } from '../support/cli.ts';
import { startServer, type TestServer } from '../support/server.ts';

const ROOT = join(import.meta.dirname, '../..');
const RUNTIME = IS_STANDALONE ? join(ROOT, 'node_modules/.bin/bun') : process.execPath;

const EMPTY = 'has no data: the server returned an empty answer';

/** Every verb and spelling of a class, over HTTP/1.1 and HTTP/2. */
describe('objects of a class are asked for', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ tls: true });
    await server.api.post('sys/mounts/kv', { type: 'kv', options: { version: '1' } });
    await server.api.post('sys/mounts/transit', { type: 'transit' });
  });
  after(() => server.stop());

  const read = async (address: string, objects: readonly string[]): Promise<Record<string, string>> => {
    const host = join(ROOT, 'test/support/class-host.ts');
    const caFile = address.startsWith('https:') ? server.certificates.caFile : '';
    const args = [host, address, caFile, server.rootToken, objects.map((object) => `- ${object}`).join('\n')];
    const { stdout } = await promisify(execFile)(RUNTIME, args, { env: {} });
    return JSON.parse(stdout) as Record<string, string>;
  };
  const both = async (work: (address: string) => Promise<void>): Promise<void> => {
    for (const address of [server.address, server.tlsAddress]) await work(address);
  };

  test('a body goes with POST, PUT and PATCH alone', () =>
    both(async (address) => {
      const results = await read(address, [
        '{ objectName: put, secretPath: kv/a, method: PUT, secretArgs: { n: 0640, text: "<&>" } }',
        '{ objectName: text, secretPath: /v1/kv/a, secretKey: text }',
        '{ objectName: number, secretPath: v1/kv/a, secretKey: n, secretArgs: { ignored: x } }',
        '{ objectName: post, secretPath: transit/random/4, method: POST, secretKey: random_bytes, secretArgs: { format: hex }, encoding: hex }',
        '{ objectName: create, secretPath: secret/data/p, method: post, secretKey: version, secretArgs: { data: { a: one, b: two } } }',
        '{ objectName: patch, secretPath: secret/data/p, method: PATCH, secretKey: version, secretArgs: { data: { b: null, c: three } } }',
        '{ objectName: patched, secretPath: secret/data//p/, secretKey: c }',
        '{ objectName: removed, secretPath: secret/data/p, secretKey: b }',
        '{ objectName: kept, secretPath: secret/data/p, secretKey: a }',
        '{ objectName: head, secretPath: kv/a, method: HEAD }',
        '{ objectName: list, secretPath: kv, method: LIST, secretKey: keys }',
        '{ objectName: below, secretPath: kv/d/b, method: PUT, secretArgs: { k: v } }',
        '{ objectName: scan, secretPath: kv, method: SCAN, secretKey: keys }',
        '{ objectName: listed, secretPath: kv, method: list, secretKey: keys }',
        '{ objectName: delete, secretPath: kv/a, method: DELETE, secretArgs: { ignored: x } }',
        '{ objectName: gone, secretPath: kv/a, secretKey: text }',
        '{ objectName: clean, secretPath: secret/metadata/p, method: DELETE }',
        '{ objectName: clean2, secretPath: kv/d/b, method: DELETE }',
      ]);
      const { post, head, clean, scan, ...others } = results;
      assert.equal(clean, `secret/metadata/p: ${EMPTY}`);
      assert.equal(Buffer.byteLength(post ?? '') > 0, true);
      // HashiCorp Vault has no such verb.
      if (server.name.startsWith('OpenBao')) assert.equal(scan, '["a","d/b"]');
      else assert.match(scan ?? '', /^4\d\d$/);
      // Not every server takes it.
      assert.match(head ?? '', new RegExp(`^(?:405|kv/a: ${EMPTY})$`));
      assert.deepEqual(others, {
        put: `kv/a: ${EMPTY}`,
        text: '<&>',
        number: '416',
        create: '1',
        patch: '2',
        patched: 'three',
        removed: 'secret/data/p: has no key `b`',
        kept: 'one',
        list: '["a"]',
        below: `kv/d/b: ${EMPTY}`,
        listed: '["a","d/"]',
        delete: `kv/a: ${EMPTY}`,
        gone: '404',
        clean2: `kv/d/b: ${EMPTY}`,
      });
    }));

  test('a query goes as it is written', () =>
    both(async (address) => {
      await server.api.post('secret/data/q', { data: { k: 'one' } });
      await server.api.post('secret/data/q', { data: { k: 'two' } });
      await server.api.post('secret/data/a%20b', { data: { k: 'three' } });
      const results = await read(address, [
        '{ objectName: first, secretPath: secret/data/q?version=1, secretKey: k }',
        '{ objectName: repeated, secretPath: "/v1/secret/data/q?version=1&version=2", secretKey: k }',
        '{ objectName: last, secretPath: "secret/data/q?", secretKey: k }',
        '{ objectName: listed, secretPath: "secret/metadata?list=true", secretKey: keys }',
        '{ objectName: encoded, secretPath: "secret/data/q?vers%69on=%31", secretKey: k }',
        '{ objectName: whole, secretPath: "secret/data/q?version=1" }',
      ]);
      const { whole, ...others } = results;
      assert.deepEqual(others, {
        first: 'one',
        // The server takes one alone, as the first object shows: both were sent.
        repeated: '400',
        last: 'two',
        listed: '["a b","q"]',
        encoded: 'one',
      });
      assert.match(
        whole ?? '',
        /^\{"request_id":"[\da-f-]+","lease_id":"","lease_duration":0,"renewable":false,"data":\{"data":\{"k":"one"\},"metadata":\{.*\}\},"warnings":null(?:,"mount_type":"kv")?\}$/,
      );
    }));
});
