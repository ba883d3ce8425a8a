import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { parseEnv } from 'node:util';
import { parse as parseProperties } from 'dot-properties';
import { load } from 'js-yaml';
import { parse as parseToml } from 'smol-toml';
import { requestsOf, startApp, type TestApp } from '../support/app.ts';
import { failuresOf } from '../support/cli.ts';
import { readWithShell } from '../support/format-readers.ts';
import { needsPlugins } from '../support/needs.ts';

const pki = await needsPlugins('secret/pki');

const ODD: Readonly<Record<string, string>> = {
  quotes: `it's "quoted"`,
  dollar: 'a$HOME ${HOME} $(id) `id`',
  newlines: 'first\nsecond\r\nthird\n',
  unicode: 'Grüße 日本語 🔐 \u2028 \u0085',
  empty: '',
  blanks: '  leading and trailing  ',
  markup: '<b>&amp;</b> {{not.a.tag}} {{#x}}',
  backslashes: 'C:\\new\\table "\\"',
  equals: 'a=b #c',
};

describe('values', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
  });
  after(() => app.stop());

  test('odd values arrive unchanged in every format, from kv1 and kv2', async () => {
    await app.putKv2('odd', ODD);
    await app.putKv1('odd', ODD);
    const names = Object.keys(ODD);
    for (const secret of ['secret/odd', 'kv1/odd']) {
      const result = await app.render({
        secrets: { odd: secret },
        outputs: [
          { path: 'odd.json', format: 'json', secret: 'odd' },
          { path: 'odd/', format: 'files', secret: 'odd' },
          ...(['shell', 'yaml', 'toml', 'properties'] as const).map((format) => ({
            path: `odd.${format}`,
            format,
            secret: 'odd',
          })),
          ...names.map((name) => ({ path: `raw-${name}`, secret: 'odd', key: name })),
          ...names.map((name) => ({ path: `template-${name}`, contents: `[{{odd.${name}}}]` })),
          ...names.map((name) => ({
            path: `sh-${name}`,
            contents: `printf %s {{#@shell}}{{odd.${name}}}{{/@shell}}`,
          })),
          ...names.map((name) => ({ path: `json-${name}`, contents: `{{#@json}}{{odd.${name}}}{{/@json}}` })),
        ],
      });
      assert.equal(result.code, 0, result.stderr);
      assert.deepEqual(JSON.parse(app.workspace.read('out/odd.json')), ODD);
      assert.deepEqual(load(app.workspace.read('out/odd.yaml')), ODD);
      assert.deepEqual({ ...parseToml(app.workspace.read('out/odd.toml')) }, ODD);
      assert.deepEqual(parseProperties(app.workspace.read('out/odd.properties')), ODD);
      const variables = readWithShell('sh', Buffer.from(app.workspace.read('out/odd.shell')));
      for (const [name, value] of Object.entries(ODD)) assert.equal(variables[name], value, `shell ${name}`);
      for (const [name, value] of Object.entries(ODD)) {
        assert.equal(app.workspace.read(`out/odd/${name}`), value, `files ${name}`);
        assert.equal(app.workspace.read(`out/raw-${name}`), value, `raw ${name}`);
        assert.equal(app.workspace.read(`out/template-${name}`), `[${value}]`, `template ${name}`);
        assert.equal(
          execFileSync('sh', [app.workspace.path(`out/sh-${name}`)], { encoding: 'utf8' }),
          value,
          name,
        );
        assert.equal(JSON.parse(app.workspace.read(`out/json-${name}`)), value, `@json ${name}`);
      }
    }
  });

  test('dotenv: what readers agree on is written, the rest is refused by name', async () => {
    const { dollar = '', quotes = '', unicode = '', empty = '', blanks = '', equals = '', markup = '' } = ODD;
    const carried = { dollar, unicode, empty, blanks, equals, markup, apostrophe: "it's", lines: 'a\nb' };
    await app.putKv2('env', { ...carried, quotes, mixed: `'"\\` });
    const some = await app.render({
      secrets: { env: 'secret/env' },
      outputs: [{ path: 'env', format: 'dotenv', secret: 'env', keys: { include: Object.keys(carried) } }],
    });
    assert.equal(some.code, 0, some.stderr);
    assert.deepEqual({ ...parseEnv(app.workspace.read('out/env')) }, carried);
    const before = app.workspace.snapshot('out');
    const all = await app.render({
      secrets: { env: 'secret/env' },
      outputs: [{ path: 'env', format: 'dotenv', secret: 'env' }],
    });
    assert.equal(all.code, 8);
    assert.deepEqual(
      failuresOf(all).map(({ message = '' }) => /`(\w+)`/.exec(message)?.[1]),
      ['mixed', 'quotes'],
    );
    assert.deepEqual(app.workspace.snapshot('out'), before);
  });

  test('numbers keep their digits', async () => {
    // kv1 stores the text of a number; the set-up's own JSON would lose it.
    await fetch(`${app.server.address}/v1/kv1/numbers`, {
      method: 'POST',
      headers: { 'X-Vault-Token': app.server.rootToken },
      body: '{"big":12345678901234567890,"past":9007199254740993,"zero":1.10,"exponent":1e3,"small":42,"flag":true,"none":null,"list":[1,9007199254740993],"object":{"a":{"b":1.0}}}',
    });
    const result = await app.render({
      secrets: { n: 'kv1/numbers' },
      outputs: [
        {
          path: 'numbers.txt',
          contents:
            '{{n.big}} {{n.past}} {{n.zero}} {{n.exponent}} {{n.small}} {{n.flag}} [{{n.none}}] {{n.list}} {{n.object}} {{n.object.a.b}}',
        },
        { path: 'numbers.json', format: 'json', secret: 'n' },
        {
          path: 'numbers.env',
          format: 'dotenv',
          secret: 'n',
          keys: { include: ['big', 'zero', 'none', 'flag'] },
        },
      ],
    });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(
      app.workspace.read('out/numbers.txt'),
      '12345678901234567890 9007199254740993 1.10 1e3 42 true [] [1,9007199254740993] {"a":{"b":1.0}} 1.0',
    );
    assert.match(app.workspace.read('out/numbers.json'), /"big": 12345678901234567890,/);
    assert.match(app.workspace.read('out/numbers.json'), /"zero": 1\.10$/m);
    assert.equal(
      app.workspace.read('out/numbers.env'),
      'big=12345678901234567890\nflag=true\nnone=\nzero=1.10\n',
    );
  });

  test('keys with dots, blanks, slashes and names of prototypes', async () => {
    const odd = { 'a.b': '1', 'c d': '2', 'e/f': '3', constructor: '4', toString: '5', data: '6' };
    await app.server.api.post('secret/data/keys', { data: { ...odd } });
    const result = await app.render({
      secrets: { k: 'secret/keys' },
      outputs: [
        {
          path: 'keys.txt',
          contents: '{{#k.@entries}}{{key}}={{value}};{{/k.@entries}}{{k.constructor}}{{k.data}}',
        },
        { path: 'keys.json', format: 'json', secret: 'k' },
        { path: 'keys/', format: 'files', secret: 'k', keys: { rename: { 'e/f': 'ef' } } },
      ],
    });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(app.workspace.read('out/keys.txt'), 'a.b=1;c d=2;constructor=4;data=6;e/f=3;toString=5;46');
    assert.deepEqual(JSON.parse(app.workspace.read('out/keys.json')), odd);
    assert.deepEqual(app.workspace.list('out/keys').sort(), [
      'a.b',
      'c d',
      'constructor',
      'data',
      'ef',
      'toString',
    ]);
  });

  test('file names made of keys cannot escape', async () => {
    await app.putKv2('escape', { '../evil': 'x', '..': 'y', '.vaultonce-1-00000000.new': 'z', fine: 'w' });
    const result = await app.render({
      secrets: { k: 'secret/escape' },
      outputs: [{ path: 'escape/', format: 'files', secret: 'k' }],
    });
    assert.equal(result.code, 8);
    assert.equal(failuresOf(result).length, 3);
    assert.ok(!app.workspace.list().some((name) => name.includes('evil') || name.startsWith('out/escape')));
  });

  test('a value of 1 MB, and bytes that are no text', async () => {
    const large = 'x'.repeat(1024 * 1024);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    await app.putKv2('large', { large, base64: bytes.toString('base64'), hex: bytes.toString('hex') });
    const result = await app.render({
      secrets: { l: 'secret/large' },
      outputs: [
        { path: 'large', secret: 'l', key: 'large' },
        { path: 'base64.bin', secret: 'l', key: 'base64', decode: 'base64' },
        { path: 'hex.bin', secret: 'l', key: 'hex', decode: 'hex' },
      ],
    });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(app.workspace.read('out/large'), large);
    assert.deepEqual(readFileSync(app.workspace.path('out/base64.bin')), bytes);
    assert.deepEqual(readFileSync(app.workspace.path('out/hex.bin')), bytes);
    const wrong = await app.render({
      secrets: { l: 'secret/large' },
      outputs: [
        { path: 'wrong.bin', secret: 'l', key: 'hex', decode: 'base64' },
        { path: 'w2', secret: 'l', key: 'base64', decode: 'hex' },
      ],
    });
    assert.equal(wrong.code, 8, 'hex digits of this length are base64, base64 is not hex');
  });

  test('a value by reference is a file as it stands, decoded if asked for', async () => {
    const bytes = Buffer.from([0, 255, 10, 0]);
    await app.putKv2('single', { text: 'one', binary: bytes.toString('base64'), list: ['a', { b: 1 }] });
    await app.putKv2('single', { text: 'two', binary: bytes.toString('base64'), list: ['a', { b: 1 }] });
    app.server.takeAudit();
    const result = await app.render({
      secrets: { named: 'secret/single' },
      outputs: [
        { path: 'single/text', value: 'secret/single#text', mode: '0440' },
        { path: 'single/old', value: 'secret/single#text@1' },
        { path: 'single/binary', value: 'named#binary', decode: 'base64' },
        { path: 'single/pointer', value: 'named#/list/1/b' },
      ],
    });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(app.workspace.read('out/single/text'), 'two');
    assert.equal(app.workspace.mode('out/single/text'), '0440');
    assert.equal(app.workspace.read('out/single/old'), 'one');
    assert.deepEqual(readFileSync(app.workspace.path('out/single/binary')), bytes);
    assert.equal(app.workspace.read('out/single/pointer'), '1');
    const reads = requestsOf(app.server).filter((request) => request === 'read secret/data/single');
    assert.equal(reads.length, 2, 'one for each version');

    const wrong = await app.render({
      outputs: [
        { path: 'a', value: 'secret/single' },
        { path: 'b', value: 'secret/single#text', key: 'text' },
        { path: 'c/', value: 'secret/single#text', secret: 'named', keys: {}, on_conflict: 'first' },
      ],
    });
    assert.equal(wrong.code, 3);
    assert.deepEqual(
      failuresOf(wrong).map(({ message }) => message),
      [
        '`outputs[0].value` is not a reference: it has no secret and key with a `#` in between',
        '`outputs[1]` needs exactly one of `template`, `contents`, `value`, `token`, `format` (or `key`, which means `format: raw`)',
        ...['secret', 'keys', 'on_conflict'].map(
          (key) =>
            `\`outputs[2]\` \`${key}\` has no meaning for a \`value\`, which names its secret and its key itself`,
        ),
        '`outputs[2]` a value is one file: the path must not end with a slash',
      ],
    );
    const missing = await app.render({ outputs: [{ path: 'a', value: 'secret/single#txet' }] });
    assert.equal(missing.code, 6);
    assert.match(failuresOf(missing)[0]?.hint ?? '', /did you mean `text`/);
    const undecodable = await app.render({
      outputs: [{ path: 'a', value: 'secret/single#text', decode: 'hex' }],
    });
    assert.equal(undecodable.code, 8);
    assert.doesNotMatch(undecodable.stderr, /two/);
  });

  test('versions: pinned, deleted, destroyed and missing are told apart', async () => {
    const { api } = app.server;
    for (const value of ['one', 'two', 'three', 'four']) await app.putKv2('versions', { value });
    await api.post('secret/delete/versions', { versions: [2] });
    await api.post('secret/destroy/versions', { versions: [3] });
    const pinned = await app.render({
      secrets: { v: { path: 'secret/versions', version: 1 }, latest: 'secret/versions' },
      outputs: [
        { path: 'version.txt', contents: '{{v.value}} {{v.@version}} {{latest.value}} {{latest.@version}}' },
      ],
    });
    assert.equal(pinned.code, 0, pinned.stderr);
    assert.equal(app.workspace.read('out/version.txt'), 'one 1 four 4');
    const missing = await app.render({
      secrets: {
        deleted: { path: 'secret/versions', version: 2 },
        destroyed: { path: 'secret/versions', version: 3 },
        never: { path: 'secret/versions', version: 9 },
      },
    });
    assert.equal(missing.code, 6);
    const messages = failuresOf(missing).map(({ message = '' }) => message);
    assert.match(messages[0] ?? '', /version 2 is deleted/);
    assert.match(messages[1] ?? '', /version 3 is destroyed/);
    assert.match(messages[2] ?? '', /does not exist/);
    const notKv2 = await app.render({ secrets: { v: { path: 'kv1/odd', version: 2 } } });
    assert.equal(notKv2.code, 3);
  });

  test('optional and default', async () => {
    await app.putKv2('partial', { present: 'yes' });
    const result = await app.render({
      secrets: {
        gone: { path: 'secret/gone', optional: true },
        partial: { path: 'secret/partial', default: { present: 'no', missing: 'filled in', count: 5 } },
        defaults: { path: 'secret/none-at-all', default: { only: 'default' } },
      },
      outputs: [
        {
          path: 'o.txt',
          contents:
            '[{{gone.key}}]{{#gone}}there{{/gone}}{{^gone}}absent{{/gone}} {{partial.present}} {{partial.missing}} {{partial.count}} {{defaults.only}}',
        },
        { path: 'o.env', format: 'dotenv', secret: 'gone' },
        { path: 'o.raw', secret: 'gone', key: 'x' },
      ],
    });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(app.workspace.read('out/o.txt'), '[]absent yes filled in 5 default');
    assert.equal(app.workspace.read('out/o.env'), '');
    assert.equal(app.workspace.read('out/o.raw'), '');
  });

  test('other paths: cubbyhole, sys, and a write that mints a certificate', pki, async () => {
    const { api } = app.server;
    await api.post('sys/mounts/pki', { type: 'pki' });
    await api.post('pki/root/generate/internal', { common_name: 'test', ttl: '1h' });
    await api.post('pki/roles/web', { allow_any_name: true, max_ttl: '10m' });
    app.server.takeAudit();
    const result = await app.render({
      secrets: {
        tls: { path: 'pki/issue/web', write: { common_name: 'web.example.com', ttl: '5m' } },
        same: { path: 'pki/issue/web', write: { common_name: 'web.example.com', ttl: '5m' } },
        other: { path: 'pki/issue/web', write: { common_name: 'api.example.com', ttl: '5m' } },
        health: { path: 'sys/health', engine: 'raw' },
      },
      outputs: [
        { path: 'tls.key', secret: 'tls', key: 'private_key' },
        { path: 'tls.crt', secret: 'same', key: 'certificate' },
        { path: 'other.crt', secret: 'other', key: 'certificate' },
        { path: 'health.txt', contents: '{{health.initialized}}' },
        { path: 'haproxy.pem', format: 'pem', secret: 'tls' },
        {
          path: 'fullchain.pem',
          format: 'pem',
          secret: 'tls',
          keys: { include: ['certificate', 'ca_chain', 'issuing_ca'] },
        },
      ],
    });
    assert.equal(result.code, 0, result.stderr);
    const issued = requestsOf(app.server).filter((request) => request === 'update pki/issue/web');
    assert.equal(issued.length, 2, 'one for each distinct body');
    execFileSync('openssl', ['x509', '-in', app.workspace.path('out/tls.crt'), '-noout']);
    const publicOf = (args: string[]): string => execFileSync('openssl', args, { encoding: 'utf8' });
    assert.equal(
      publicOf(['pkey', '-in', app.workspace.path('out/tls.key'), '-pubout']),
      publicOf(['x509', '-in', app.workspace.path('out/tls.crt'), '-pubkey', '-noout']),
      'key and certificate come from one request',
    );
    assert.equal(app.workspace.read('out/health.txt'), 'true');
    const headings = (name: string): string[] => app.workspace.read(name).match(/BEGIN [A-Z ]+/g) ?? [];
    assert.deepEqual(headings('out/fullchain.pem'), ['BEGIN CERTIFICATE', 'BEGIN CERTIFICATE']);
    assert.deepEqual(headings('out/haproxy.pem'), [
      'BEGIN CERTIFICATE',
      'BEGIN CERTIFICATE',
      'BEGIN RSA PRIVATE KEY',
    ]);
    // Only the first certificate of the bundle is checked; the second one is the root that signed it.
    const chain = app.workspace.path('out/fullchain.pem');
    execFileSync('openssl', ['verify', '-CAfile', chain, chain]);
  });

  test('keys: include, exclude, rename, case, prefix; merged secrets and their conflicts', async () => {
    await app.putKv2('k1', { user: 'u', password: 'p', debug: 'd' });
    await app.putKv2('k2', { user: 'other', host: 'h' });
    const secrets = { one: 'secret/k1', two: 'secret/k2' };
    const result = await app.render({
      secrets: { ...secrets, none: { path: 'secret/none', optional: true } },
      outputs: [
        {
          path: 'k.env',
          format: 'dotenv',
          secret: 'one',
          keys: { exclude: ['de*'], rename: { user: 'login' }, case: 'upper', prefix: 'DB_' },
        },
        {
          path: 'first.json',
          format: 'json',
          secret: ['one', 'two'],
          on_conflict: 'first',
          keys: { include: ['user', 'ho*'] },
        },
        {
          path: 'last.json',
          format: 'json',
          secret: ['one', 'two'],
          on_conflict: 'last',
          keys: { include: ['user'] },
        },
        {
          path: 'some.json',
          format: 'json',
          secret: ['one', 'two'],
          on_conflict: 'first',
          keys: { exclude: ['debug', 'host'] },
        },
        {
          path: 'absent.json',
          format: 'json',
          secret: ['one', 'none'],
          keys: { exclude: ['debug', 'only_there'] },
        },
      ],
    });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(app.workspace.read('out/k.env'), 'DB_PASSWORD=p\nlogin=u\n');
    assert.deepEqual(JSON.parse(app.workspace.read('out/first.json')), { host: 'h', user: 'u' });
    assert.deepEqual(JSON.parse(app.workspace.read('out/last.json')), { user: 'other' });
    assert.deepEqual(JSON.parse(app.workspace.read('out/some.json')), { password: 'p', user: 'u' });
    assert.deepEqual(JSON.parse(app.workspace.read('out/absent.json')), { password: 'p', user: 'u' });
    const wrong = await app.render({
      secrets,
      outputs: [
        { path: 'a.json', format: 'json', secret: ['one', 'two'] },
        { path: 'b.json', format: 'json', secret: 'one', keys: { include: ['pasword'] } },
        { path: 'c.json', format: 'json', secret: 'one', keys: { rename: { user: 'x', password: 'x' } } },
      ],
    });
    assert.equal(wrong.code, 6, 'the lowest code of the stage');
    const failures = failuresOf(wrong);
    assert.deepEqual(failures.map(({ kind }) => kind).sort(), ['not_found', 'output', 'output']);
    assert.match(failures.find(({ kind }) => kind === 'not_found')?.hint ?? '', /did you mean `password`/);
  });

  test('6: a key to leave out that no secret has, which may be one with a typo', async () => {
    await app.putKv2('k3', { user: 'u', password: 'p' });
    const result = await app.render({
      secrets: { one: 'secret/k3' },
      outputs: [
        { path: 'typo.env', format: 'dotenv', secret: 'one', keys: { exclude: ['pasword'] } },
        { path: 'gone.env', format: 'dotenv', secret: 'one', keys: { exclude: ['debug_level'] } },
      ],
    });
    assert.equal(result.code, 6, result.stderr);
    assert.deepEqual(
      failuresOf(result).map(({ message, hint }) => [message, hint]),
      [
        ['the secret `one` has no key `pasword`', 'did you mean `password`?'],
        ['the secret `one` has no key `debug_level`', 'correct the name, or leave it out of keys.exclude'],
      ],
    );
    assert.ok(!app.workspace.list('out').includes('typo.env'));
  });
});
